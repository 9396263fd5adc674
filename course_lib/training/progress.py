"""What a run says on its way: a bar, lines, and a file of one JSON object a line."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from course_lib.training.history import History

Say = Callable[[History], None]
"""Called after each update."""


class Bar:
    """A bar for notebooks and terminals.

    Args:
        steps: Updates of the whole run.
        done: Of them, those made before.
    """

    def __init__(self, steps: int, done: int) -> None:
        self._bar = tqdm(
            total=steps, initial=done, desc="training", unit="step", mininterval=1.0
        )  # fmt: skip

    def __call__(self, history: History) -> None:
        """Move on by one."""
        self._bar.set_postfix(loss=f"{history.losses[-1]:.3f}", refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


def lines(steps: int, every_seconds: float = 5.0) -> Say:
    """Make what prints a line for the first update, for the last, and every few seconds.

    Args:
        steps: Updates of the whole run.
        every_seconds: Between lines.
    """
    said: list[float] = []

    def tell(history: History) -> None:
        now = time.monotonic()
        if not said or now - said[-1] > every_seconds or history.steps == steps:
            said.append(now)
            print(f"step {history.steps} of {steps}, loss {history.losses[-1]:.3f}", flush=True)

    return tell


class Metrics:
    """A file with a JSON object a line: one for each update, one for each evaluation.

    A run that goes on writes it anew up to its checkpoint, so that no update stands in it twice.

    Args:
        path: The file; its folder is made where needed.
        history: What is in it from the start.

    Raises:
        OSError: A line cannot be written; the message names the file.
    """

    def __init__(self, path: Path, history: History) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("w", encoding="utf-8")
        evaluations = dict(history.evaluations)
        for step in range(history.steps + 1):
            if step:
                self._write(_update(history, step))
            if step in evaluations:
                self.evaluation(step, evaluations[step])

    def update(self, history: History) -> None:
        """Write the newest update."""
        self._write(_update(history, history.steps))

    def evaluation(self, step: int, value: float) -> None:
        """Write a held-out loss after some updates."""
        self._write({"step": step, "held_out": value})

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()  # whoever watches the file sees it at once
        except OSError as error:
            with contextlib.suppress(OSError):  # it would try, and fail, to write the same again
                self._file.close()
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def __enter__(self) -> "Metrics":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()


def _update(history: History, step: int) -> dict[str, Any]:
    return {
        "step": step,
        "loss": history.losses[step - 1],
        "learning_rate": history.learning_rates[step - 1],
        "gradient_norm": history.gradient_norms[step - 1],
        "tokens": history.tokens[step - 1],
        "seconds": history.seconds[step - 1],
    }
