"""Follow a run from elsewhere: ``python -m course_lib.training.follow RUN``.

A run writes its metrics to a file as it goes. This reads that file again and again and draws the
curve, so a run in the background, or on another machine with the same disk, can be watched.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from course_lib.command_line import file_path, run_command
from course_lib.training.curve import Screen, draw, headline
from course_lib.training.history import History

METRICS = "metrics.jsonl"
_RESULTS = ("history.json", "scores.json")  # what a run writes at its end


def read_metrics(path: Path) -> History:
    """Read what a run has written so far.

    Args:
        path: The file, which may end within a line: its writer is at work.

    Returns:
        The course of the run.

    Raises:
        OSError: If it cannot be read.
        ValueError: If a line is none of a run; the message has its number.
    """
    try:
        *whole, begun = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no metrics of a run ({error})") from error
    if begun and not begun.startswith("{"):
        raise ValueError(f"{path}, line {len(whole) + 1}: no metrics of a run ({begun!r:.40})")
    history = History()
    for number, line in enumerate(whole, start=1):
        try:
            entry = json.loads(line)
            if "held_out" in entry:
                history.evaluations.append((int(entry["step"]), float(entry["held_out"])))
                continue
            history.losses.append(float(entry["loss"]))
            history.learning_rates.append(float(entry["learning_rate"]))
            history.gradient_norms.append(float(entry["gradient_norm"]))
            history.tokens.append(int(entry["tokens"]))
            history.seconds.append(float(entry["seconds"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: no metrics of a run ({error!r})") from error
    return history


def find_metrics(run: Path) -> Path:
    """Return the file of metrics of a run.

    Args:
        run: Its folder, or the file itself.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = run / METRICS if run.is_dir() else run
    if not path.is_file():
        wanted = f"RUN must be a folder with {METRICS}, or such a file"
        raise FileNotFoundError(f"{wanted}: there is no {path}")
    return path


def is_over(metrics: Path) -> bool:
    """Whether the run has written its results since it last wrote metrics."""
    results = [metrics.parent / name for name in _RESULTS]
    last = metrics.stat().st_mtime_ns
    return any(path.is_file() and path.stat().st_mtime_ns >= last for path in results)


def _check(steps: int | None, every: float) -> None:
    """Refuse options out of range.

    Raises:
        ValueError: One is.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"--steps must be at least 1, got {steps}")
    if not 0 < every <= 3600:
        raise ValueError(f"--every must be above 0 and at most 3600, got {every}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words of the command line; None takes the program's own.

    Returns:
        0; bad arguments, or a file that is no run's, end the program with 2.

    Raises:
        BrokenPipeError: Whoever read the output is gone.
    """
    reader = argparse.ArgumentParser(
        prog="python -m course_lib.training.follow",
        description="Draw the losses of a run as a curve, again and again until it is over. Where "
        "the output is no terminal, print a line whenever there is something new.",
    )
    reader.add_argument("run", type=file_path, metavar="RUN", help="folder of a run of "
                        "course_lib.training or course_lib.tasks, or its metrics")  # fmt: skip
    reader.add_argument("--once", action="store_true", help="draw what there is, and end")
    reader.add_argument("--steps", type=int, help="updates of the whole run: room on the right")
    reader.add_argument("--every", type=float, default=1.0, help="seconds between two drawings")
    chosen = reader.parse_args(arguments)
    try:
        _check(chosen.steps, chosen.every)
        path = find_metrics(chosen.run)
        if chosen.once:
            history = read_metrics(path)
            print(headline(history, chosen.steps), draw(history, steps=chosen.steps), sep="\n")
        else:
            follow(path, steps=chosen.steps, every_seconds=chosen.every)
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        reader.exit(2, f"{reader.prog}: {error}\n")
    return 0


def follow(path: Path, *, steps: int | None = None, every_seconds: float = 1.0) -> None:
    """Show a run on the standard output until it is over.

    Args:
        path: Its metrics.
        steps: Its updates, where they are known.
        every_seconds: Between two readings.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is none of a run.
    """
    screen, seen = Screen(sys.stdout), (-1, -1)
    while True:
        over, state = is_over(path), path.stat()
        if (state.st_mtime_ns, state.st_size) != seen:
            seen = (state.st_mtime_ns, state.st_size)
            history = read_metrics(path)
            if screen.live:
                width, height = screen.size
                curve = draw(history, width=width, height=height, steps=steps)
                screen.show(f"{headline(history, steps)}\n{curve}")
            else:
                print(headline(history, steps), flush=True)
        if over:
            return
        time.sleep(every_seconds)


if __name__ == "__main__":
    run_command(main)
