"""The loss of a run as a curve of plain characters, drawn anew while the run goes on."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from course_lib.checks import check_methods, check_numbers, check_sizes, check_whole
from course_lib.training.history import History
from course_lib.training.progress import Say, lines

_LABEL, _WIDTH, _HEIGHT, _LEAST_WIDTH = 9, 64, 10, 20


@runtime_checkable
class Stream(Protocol):
    """What a text is written to: a terminal, a pipe, a file."""

    def write(self, text: str, /) -> object:
        """Take a text."""

    def flush(self) -> object:
        """Hand on what was taken."""

    def isatty(self) -> bool:
        """Say whether it is a terminal."""


def draw(
    history: History, *, width: int = _WIDTH, height: int = _HEIGHT, steps: int | None = None
) -> str:
    """Draw training losses as ``*`` and held-out losses as ``o``, the newest on the right.

    Where there are more updates than columns, a column has the mean of its updates.

    Args:
        history: The run; it may have made no update yet.
        width: Columns of the drawing, without the numbers on its left.
        height: Its rows, without the line below.
        steps: Updates of the whole run, so that the curve shows how far it is; None takes those
            that were made.

    Returns:
        Lines of text, the last one without an end.

    Raises:
        TypeError: If a number is no whole one.
        ValueError: If there is room for less than two columns or rows.
    """
    [width, height] = check_whole(width=width, height=height)
    [steps] = check_whole(None, steps=steps)
    for name, room in (("width", width), ("height", height)):
        if room < 2:
            raise ValueError(f"{name} must be at least 2, got {room}")
    n_steps = max(steps or 0, history.steps, *(step for step, _ in history.evaluations), 1)
    learned = _columns(enumerate(history.losses, start=1), n_steps, width)
    measured = _columns(history.evaluations, n_steps, width)
    seen = [*learned.values(), *measured.values()]
    if not seen:
        return "no finite loss yet" if history.steps else "no update yet"
    low, high = min(seen), max(seen)
    rows = [[" "] * width for _ in range(height)]
    for sign, points in (("*", learned), ("o", measured)):
        for column, value in points.items():
            depth = (high - value) / (high - low) if high > low else 1.0
            rows[round(depth * (height - 1))][column] = sign
    labels = [_label(high), *[""] * (height - 2), _label(low)]
    drawn = [
        f"{label:>{_LABEL}} |{''.join(row)}".rstrip()
        for label, row in zip(labels, rows, strict=True)
    ]
    end = str(n_steps)
    drawn.append(f"{'':{_LABEL}} +{'-' * width}")
    drawn.append(f"{'step':>{_LABEL}}  0{end:>{max(width - 1, len(end) + 1)}}")
    key = "* training loss" + (", o held-out loss" if measured else "")
    drawn.append(f"{'':{_LABEL}}  {key}, nats a token")
    return "\n".join(drawn)


def _label(value: float) -> str:
    text = f"{value:.3f}"
    return text if len(text) <= _LABEL else f"{value:.2e}"


def _columns(points: Iterable[tuple[int, float]], n_steps: int, width: int) -> dict[int, float]:
    """The mean of each column that has a point."""
    values: dict[int, list[float]] = {}
    for step, value in points:
        if math.isfinite(value):
            values.setdefault(round(step / n_steps * (width - 1)), []).append(value)
    return {column: math.fsum(some) / len(some) for column, some in values.items()}


def headline(history: History, steps: int | None = None) -> str:
    """Say in a line how far a run is.

    Args:
        history: The run.
        steps: Its updates, where they are known.
    """
    if not history.steps:
        return "no update yet"
    text = f"step {history.steps}" + (f" of {steps}" if steps else "")
    text += f", loss {history.losses[-1]:.3f}"
    if history.evaluations:
        text += f", held out {history.evaluations[-1][1]:.3f}"
    newest, tokens = history.seconds[-20:], history.tokens[-20:]
    return text + f", {sum(tokens) / max(sum(newest), 1e-9):,.0f} tokens/s"


class Screen:
    """A place where a text takes the place of the one before: in a notebook, or in a terminal.

    Args:
        stream: Where a terminal is; None takes the error stream.
    """

    def __init__(self, stream: Stream | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._in_notebook = stream is None and in_notebook()
        self._handle: Any = None
        self._n_lines = 0

    @property
    def live(self) -> bool:
        """Whether a text can be taken back here; not in a file or a pipe."""
        return self._in_notebook or self._stream.isatty()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows for a drawing."""
        if self._in_notebook:
            return _WIDTH, _HEIGHT
        columns, rows = shutil.get_terminal_size()
        width = min(_WIDTH, columns - _LABEL - 3)
        return max(width, _LEAST_WIDTH), max(min(_HEIGHT, rows - 6), 2)

    def show(self, text: str) -> None:
        """Put a text in the place of the last one."""
        if self._in_notebook:
            self._show_in_notebook(text)
            return
        back = f"\x1b[{self._n_lines}F\x1b[J" if self._n_lines else ""
        self._stream.write(f"{back}{text}\n")
        self._stream.flush()
        columns = shutil.get_terminal_size().columns or 80
        # A terminal that is narrow breaks a line, and then there is more than one to go back.
        self._n_lines = sum(max(1, math.ceil(len(line) / columns)) for line in text.split("\n"))

    def _show_in_notebook(self, text: str) -> None:
        from IPython.display import display

        content = {"text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, and not a shell."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


class LiveCurve:
    """Shows a run as a curve that grows; give it to ``train`` as its ``progress``.

    Where nothing can be taken back, as in a file, it prints a line every few seconds instead.

    Args:
        steps: Updates of the whole run.
        every_seconds: Between drawings.
        stream: Where a terminal is; None takes a notebook's cell or the error stream.

    Raises:
        TypeError: If a number is none, or nothing can be written to the stream.
        ValueError: If a number is not positive.
    """

    def __init__(
        self, steps: int, *, every_seconds: float = 1.0, stream: Stream | None = None
    ) -> None:
        [every_seconds] = check_numbers(every_seconds=every_seconds)
        if not 0 <= every_seconds < math.inf:
            raise ValueError(f"every_seconds must be 0 or more and finite, got {every_seconds}")
        if stream is not None:
            check_methods("write", "flush", "isatty", stream=stream)
        [steps] = check_sizes(steps=steps)
        self._steps, self._every = steps, every_seconds
        self._screen = Screen(stream)
        self._line = None if self._screen.live else lines(steps)
        self._drawn_at = -math.inf

    def __call__(self, history: History) -> None:
        """Draw what there is, if it is time to."""
        if self._line is not None:
            self._line(history)
            return
        now = time.monotonic()
        if now - self._drawn_at < self._every and history.steps < self._steps:
            return
        self._drawn_at = now
        width, height = self._screen.size
        curve = draw(history, width=width, height=height, steps=self._steps)
        self._screen.show(f"{headline(history, self._steps)}\n{curve}")


def how_to_say(steps: int, curve: bool = False) -> bool | Say:
    """Choose what a command shows on its way: a curve, a bar, or lines where there is no terminal.

    Args:
        steps: Updates of the whole run.
        curve: Whether a curve is wanted.
    """
    if curve:
        return LiveCurve(steps)
    return True if sys.stderr.isatty() else lines(steps)
