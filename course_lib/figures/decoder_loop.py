"""The loop of a decoder, frame by frame: what it has read, and the word that it adds.

Chapter: 02_simplified_architecture
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.phone import PHONE_INCHES


class Frame(NamedTuple):
    """One turn of the loop.

    Attributes:
        read: The words that the decoder reads in this turn.
        word: The word that it says comes next.
        probability: The probability that it gives to this word.
    """

    read: tuple[str, ...]
    word: str
    probability: float


@plain_numbers
def loop_frames(frames: Sequence[Frame]) -> FigureWithText:
    """Draw turns of a decoder's loop below each other: words read, next word, and its way back.

    A word said in one turn stands in the next one in the same column, as one of those read.

    Args:
        frames: The turns, from the first on.

    Returns:
        The figure; its table has one row for each turn.

    Raises:
        ValueError: If there is no turn, a probability is none, or a turn does not read what the one
            before it has read and said.
    """
    if not frames:
        raise ValueError("frames must hold at least one turn, got none")
    for n, (frame, after) in enumerate(zip(frames, [*frames[1:], None], strict=True), 1):
        if not 0 <= frame.probability <= 1:
            raise ValueError(
                f"probability must be from 0 to 1, got {frame.probability} in turn {n}"
            )
        if after is not None and after.read != (*frame.read, frame.word):
            raise ValueError(
                f"frames must go on where the one before ends: turn {n + 1} reads "
                f"{' '.join(after.read)!r}, wanted {' '.join((*frame.read, frame.word))!r}"
            )
    said = ", ".join(f"{frame.word!r} ({frame.probability:.0%})" for frame in frames)
    alt = (
        f"{len(frames)} turns of a decoder's loop: it reads {' '.join(frames[0].read)!r} and says, "
        f"one after the other, {said}. Each word is read in the turn after it was said."
    )
    table: list[list[Any]] = [["turn", "the decoder reads", "it says", "probability"]]
    table += [
        [n, " ".join(frame.read), frame.word, f"{frame.probability:.2f}"]
        for n, frame in enumerate(frames, 1)
    ]
    most = len(frames[-1].read) + 1
    wide, phone = (_draw(frames, width) for width in (0.6 + 1.15 * most, PHONE_INCHES))
    return FigureWithText(wide, alt, table, phone=phone)


def _draw(frames: Sequence[Frame], width: float) -> Figure:
    columns = len(frames[-1].read) + 1
    figure, axes = new_figure(width=width, height=0.3 + 0.72 * len(frames))
    axes.axis("off")
    axes.set(xlim=(-0.05, columns + 0.05), ylim=(len(frames) - 0.15, -0.15))
    for row, frame in enumerate(frames):
        for column, word in enumerate(frame.read):
            _word(axes, column, row, word, palette.sky)
        column = len(frame.read)
        _word(axes, column, row, f"{frame.word}\n{frame.probability:.2f}", palette.orange)
        if row + 1 < len(frames):
            arrow = {"arrowstyle": "->", "color": palette.vermilion, "lw": 1.4}
            axes.annotate("", (column + 0.47, row + 1.0), (column + 0.47, row + 0.7),
                          arrowprops=arrow)  # fmt: skip
    return figure


def _word(axes: Axes, column: int, row: int, text: str, colour: str) -> None:
    box = Rectangle((column, row), 0.94, 0.7, facecolor=colour, edgecolor=palette.ink, lw=0.8)
    axes.add_patch(box)
    axes.text(column + 0.47, row + 0.35, text, ha="center", va="center", fontsize=9,
              color=palette.on_light)  # fmt: skip
