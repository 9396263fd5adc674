"""Build the payloads of the static page, or check exercises before a learner meets them.

`python -m course_lib.exercises build --output FILE`
`python -m course_lib.exercises check 06.c --seeds 20`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from course_lib.command_line import file_path, run_command
from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.catalog import all_specs, find
from course_lib.files import write_text

SCHEMA = Path(__file__).with_name("schema.json")


def build(output: Path) -> dict[str, Any]:
    """Write all payloads, each held to the schema, in one step.

    Args:
        output: Path of the JSON file: `{"schema": 1, "exercises": {id: payload}}`.

    Returns:
        What was written.

    Raises:
        ValueError: If a payload does not fit the schema or an id is used twice; nothing is
            written then.
        OSError: If the file cannot be written.
    """
    import jsonschema  # type: ignore[import-untyped,unused-ignore]

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    payloads: dict[str, Any] = {}
    for spec in all_specs():
        if spec.id in payloads:
            raise ValueError(f"exercises: the id {spec.id} is used twice")
        payloads[spec.id] = build_payload(spec)
        error = next(validator.iter_errors(payloads[spec.id]), None)
        if error is not None:
            raise ValueError(f"exercises: {spec.id} at {error.json_path}: {error.message}")
    bundle = {"schema": 1, "exercises": payloads}
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, json.dumps(bundle, ensure_ascii=False))
    return bundle


def check(names: list[str], seeds: int) -> dict[str, Any]:
    """Hold exercises to all checks of `selfcheck`; what it found, by id."""
    from course_lib.exercises import selfcheck

    told = {}
    for spec in map(find, names) if names else all_specs():
        faults = [*selfcheck.text_faults(spec), *selfcheck.part_faults(spec)]
        idle: list[str] = []
        left: list[str] = []
        if spec.code:
            faults += selfcheck.code_faults(spec, range(100, 100 + seeds))
            idle, left = selfcheck.mutation_faults(spec)
        told[spec.id] = {"faults": faults, "idle properties": idle, "survivors": left}
    return told


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.exercises",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="write the payloads for the static page")
    command.add_argument("--output", type=file_path, required=True, metavar="FILE")
    command = commands.add_parser("check", help="check exercises; prints what it found as JSON")
    command.add_argument("names", nargs="*", metavar="ID", help="exercises; all if none is named")
    command.add_argument("--seeds", type=int, default=0, help="how many fresh seeds to try too")
    options = parser.parse_args(arguments)
    if options.command == "check" and options.seeds < 0:
        parser.error(f"--seeds must be 0 or more, got {options.seeds}")
    try:
        if options.command == "check":
            found = check(options.names, options.seeds)
            print(json.dumps(found, indent=1, ensure_ascii=False))
            return int(any(entry["faults"] + entry["idle properties"] for entry in found.values()))
        bundle = build(options.output)
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(bundle['exercises'])} exercises written to {options.output}")
    return 0


if __name__ == "__main__":
    run_command(main)
