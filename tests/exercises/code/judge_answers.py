"""Judge the answers of `answers/*.txt` and print what came of each, as JSON.

A file holds blocks: a line that says `right`, or `wrong` with words that the message must hold, or
`prelude` for what the others use; then the source. Answers were written in many styles by people
who did not look at the planted mistakes.
"""

import contextlib
import functools
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch

from course_lib.exercises.catalog import find
from course_lib.exercises.code.judge import judge


def blocks(path: Path) -> list[tuple[str, str, str]]:
    """List (verdict, words, source) of one file."""
    found: list[tuple[str, str, list[str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        verdict, _, words = line.partition(" ")
        if verdict in ("right", "wrong", "prelude"):
            found.append((verdict, words, []))
        else:
            found[-1][2].append(line)
    return [(verdict, words, "\n".join(lines)) for verdict, words, lines in found]


def main() -> None:
    """Judge all answers to the exercises named, or to all."""
    folder = Path(__file__).with_name("answers")
    found = []
    for path in sorted(folder.glob("*.txt")):
        if sys.argv[1:] and path.stem not in sys.argv[1:]:
            continue
        spec, before = find(path.stem), ""
        for verdict, words, source in blocks(path):
            if verdict == "prelude":
                before = source + "\n"
                continue
            names = {"np": np, "math": math, "torch": torch, "functools": functools}
            exec(compile(before + source, f"<answer to {path.stem}>", "exec"), names)
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    result = judge(spec, names["f"])
                    status, message = result.status, str(result)
                except Exception as error:
                    status, message = "checker_fault", f"{type(error).__name__}: {error}"
            found.append([path.stem, verdict, words, source, status, message])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
