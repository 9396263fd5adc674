"""The figure that sums up pre-training: one sentence under each objective, side by side.

Chapter: 17_summary
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.phone import PHONE_INCHES
from course_lib.objectives.example import IGNORE, Example
from course_lib.shapes import Bool

_SQUARE = 0.27  # side of a square of the mask, where a cell of a strip is 1 wide
_STRIP = 1.15  # from one strip to the next
_ON_PHONE = 6.0  # cells of a strip
_LEAST = 5.0  # a short sentence still leaves room for the words above and below
_LINE, _POINTS = 0.42, 8.5  # of the words: height of a line, and size


@dataclass(frozen=True)
class ObjectiveRow:
    """What one objective makes of a sentence, and what the lecture says of it.

    Attributes:
        family: Of the model that it trains.
        example: One row: what is read, and what is asked for.
        sees: Which places of its last stack a place may look at, the place itself included.
        good_at: Uses.
        models: Published models.
    """

    family: str
    example: Example
    sees: Bool[Tensor, "T T"]
    good_at: str
    models: str

    @property
    def n_with_loss(self) -> int:
        """How many places carry loss."""
        return int((self.example.targets != IGNORE).sum())


@plain_numbers
def side_by_side(objectives: Mapping[str, ObjectiveRow], words: Sequence[str]) -> FigureWithText:
    """Draw for each objective what is read and asked for, place by place, and who may see whom.

    Places with loss are filled; in the square beside them a filled cell says that the place of its
    row may look at the place of its column.

    Args:
        objectives: By name.
        words: Spelling of each id.

    Returns:
        The figure; its table is the summary, with a row for each objective.

    Raises:
        ValueError: If there is none, an example is a batch, or a mask is not as long as it.
    """
    if not objectives:
        raise ValueError("objectives must hold at least 1, got none")
    for name, one in objectives.items():
        n = len(one.example.inputs)
        if one.example.inputs.dim() != 1 or one.sees.shape != (n, n):
            raise ValueError(
                f"objectives[{name!r}].sees must be ({n}, {n}) for one row of {n} places, got "
                f"{tuple(one.sees.shape)} and inputs {tuple(one.example.inputs.shape)}"
            )
    table = [["objective", "family", "sees", "reads", "is asked for", "loss at", "good at",
              "examples"]]  # fmt: skip
    told = []
    for name, one in objectives.items():
        strips = dict(_strips(one, words))
        asked = [word or "–" for word, _ in strips["is asked for"]]
        read = "; ".join(
            " ".join(word for word, _ in cells)
            for label, cells in strips.items()
            if label != "is asked for"
        )
        n, loss = len(one.sees), f"{one.n_with_loss} of {len(one.example.targets)}"
        seen = int(one.sees.sum())
        sees = "every place" if seen == n * n else f"{seen} of {n * n} pairs of places"
        sees += "" if one.example.source is None else ", and all of the source"
        table.append([name, one.family, sees, read, " ".join(asked), loss, one.good_at, one.models])
        told.append(
            f"{name} ({one.family}) reads “{read}” and is asked for “{' '.join(asked)}”: loss at "
            f"{loss} places, {seen} of {n * n} pairs of places visible"
        )
    longest = max(len(cells) for one in objectives.values() for _, cells in _strips(one, words))
    squares = _SQUARE * (1 + max(len(one.sees) for one in objectives.values()))
    widest = max(float(longest), _LEAST) + squares
    # On a phone the squares stand below the strips; more cells than that would be too small.
    narrow = _draw(objectives, words, _ON_PHONE, PHONE_INCHES / _ON_PHONE)
    phone = narrow if longest <= _ON_PHONE else None
    figure = _draw(objectives, words, widest, 0.62)
    count = "one objective" if len(told) == 1 else f"{len(told)} objectives"
    alt = (
        f"What is read and what is asked for under {count}, and which places each place sees. "
        f"{'; '.join(told)}."
    )
    return FigureWithText(figure, alt, table, phone=phone)


def _draw(
    objectives: Mapping[str, ObjectiveRow], words: Sequence[str], widest: float, inches: float
) -> Figure:
    """Draw strips and squares; a square without room beside its strips stands below them.

    Args:
        objectives: By name.
        words: Spelling of each id.
        widest: Width in cells of a strip.
        inches: Width of such a cell.
    """
    letters = int(widest * inches * 72 / (0.56 * _POINTS))
    notes = [
        textwrap.wrap(f"good at: {one.good_at}; such as {one.models}", letters)
        for one in objectives.values()
    ]
    beside = [
        max(len(cells) for _, cells in _strips(one, words)) + _SQUARE * (1 + len(one.sees))
        <= widest
        for one in objectives.values()
    ]
    heights = [
        _STRIP * (len(_strips(one, words)) + 0.9)
        + _LINE * len(lines)
        + (0 if is_beside else _SQUARE * len(one.sees) + 0.35)
        for one, lines, is_beside in zip(objectives.values(), notes, beside, strict=True)
    ]
    figure, axes = new_figure(width=inches * widest, height=0.37 * sum(heights))
    axes.set(xlim=(-0.05, widest), ylim=(sum(heights) - 0.4, -0.2))
    axes.axis("off")
    top = 0.0
    for (name, one), lines, is_beside, height in zip(
        objectives.items(), notes, beside, heights, strict=True
    ):
        strips = _strips(one, words)
        axes.text(0, top + 0.3, f"{name}: {one.family}", fontsize=9, weight="bold",
                  color=palette.ink)  # fmt: skip
        for number, (label, cells) in enumerate(strips):
            _draw_strip(axes, top + _STRIP * number + 0.95, label, cells)
        below = top + _STRIP * len(strips) + 0.95
        if is_beside:
            _draw_mask(axes, one.sees, right=widest - 0.2, top=top + 1.15)
        else:
            size = _SQUARE * len(one.sees)
            _draw_mask(axes, one.sees, right=1 + size, top=below + 0.05, label_left=True)
            below += size + 0.35
        for number, line in enumerate(lines):
            axes.text(0, below + _LINE * number, line, fontsize=_POINTS, color=palette.ink,
                      va="center")  # fmt: skip
        top += height
    return figure


_Cells = list[tuple[str, bool]]


def _strips(one: ObjectiveRow, words: Sequence[str]) -> list[tuple[str, _Cells]]:
    """Name the strips of one objective; a cell is a word and whether it carries loss."""
    example = one.example
    named = [("reads", example.inputs)]
    if example.source is not None:
        named = [("the encoder reads", example.source), ("the decoder reads", example.inputs)]
    strips: list[tuple[str, _Cells]] = [
        (label, [(words[i], False) for i in ids.tolist()]) for label, ids in named
    ]
    asked = [("", False) if i == IGNORE else (words[i], True) for i in example.targets.tolist()]
    return [*strips, ("is asked for", asked)]


def _draw_strip(axes: Axes, y: float, label: str, cells: _Cells) -> None:
    axes.text(0, y, label, fontsize=_POINTS, color=palette.ink, va="center")
    for place, (word, counts) in enumerate(cells):
        axes.add_patch(
            Rectangle((place, y + 0.2), 0.96, 0.6, facecolor=palette.sky if counts else "none",
                      edgecolor=palette.faint, linewidth=0.6)
        )  # fmt: skip
        axes.text(place + 0.48, y + 0.5, word or "–", **_IN_CELL,
                  color=palette.on_light if counts else palette.ink)  # fmt: skip


def _draw_mask(
    axes: Axes, sees: Bool[Tensor, "T T"], *, right: float, top: float, label_left: bool = False
) -> None:
    left = right - _SQUARE * len(sees)
    at = (left - 0.15, top + 0.15) if label_left else (right, top - 0.2)
    axes.text(*at, "sees", fontsize=_POINTS, color=palette.ink, va="center", ha="right")
    for row, line in enumerate(sees.tolist()):
        for column, visible in enumerate(line):
            axes.add_patch(
                Rectangle((left + _SQUARE * column, top + _SQUARE * row), _SQUARE, _SQUARE,
                          facecolor=palette.blue if visible else "none",
                          edgecolor=palette.faint, linewidth=0.4)
            )  # fmt: skip


_IN_CELL: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": _POINTS}


@dataclass(frozen=True)
class ScorePair:
    """One entry of a table of scores.

    Attributes:
        scratch: A score for each start, from random weights.
        pretrained: A score for each of the same starts, from pre-trained weights.
        leads: Whether it is ahead of all other entries of its task.
    """

    scratch: Sequence[float]
    pretrained: Sequence[float]
    leads: bool = False


@plain_numbers
def what_it_bought(tasks: Mapping[str, Mapping[str, ScorePair]]) -> FigureWithText:
    """Draw for each task and model the score from scratch and from pre-training.

    A ring stands for the mean from scratch and a dot for the mean after pre-training; the thin line
    goes from the lowest to the highest start after it. A score that leads its task is bold.

    Args:
        tasks: Task -> model -> scores from 0 to 1.

    Returns:
        The figure; its table has means and standard deviations, and a star at what leads.

    Raises:
        ValueError: If there is no entry, starts differ in number, or there are less than two.
    """
    rows = [(task, name, one) for task, models in tasks.items() for name, one in models.items()]
    if not rows:
        raise ValueError("tasks must hold at least 1 entry, got none")
    for task, name, one in rows:
        if not len(one.scratch) == len(one.pretrained) >= 2:
            raise ValueError(
                f"tasks[{task!r}][{name!r}] must have as many scores of both kinds, at least 2: "
                f"got {len(one.scratch)} and {len(one.pretrained)}"
            )
    figure, axes = new_figure(width=5.6, height=0.22 * (len(rows) + len(tasks)) + 0.8)
    colours = dict(zip(dict.fromkeys(name for _, name, _ in rows), palette.series, strict=False))
    table: list[list[Any]] = [["task", "model", "from scratch", "pre-trained", "leads"]]
    ticks: list[tuple[float, str]] = []
    y, told = 0.0, []
    for task, models in tasks.items():
        axes.text(0, y, task, fontsize=9, weight="bold", color=palette.ink, va="center")
        gained = []
        for name, one in models.items():
            y += 1
            before, after = mean(one.scratch), mean(one.pretrained)
            axes.plot([before, after], [y, y], color=colours[name], linewidth=2.2, alpha=0.35)
            axes.plot([min(one.pretrained), max(one.pretrained)], [y, y], color=colours[name],
                      linewidth=0.9)  # fmt: skip
            axes.plot(before, y, "o", color=colours[name], markerfacecolor="white", markersize=5)
            axes.plot(after, y, "o", color=colours[name], markersize=5)
            axes.text(1.16, y, f"{after:.2f}", fontsize=9, va="center", ha="right",
                      weight="bold" if one.leads else "normal", color=palette.ink)  # fmt: skip
            ticks.append((y, name))
            gained.append(f"{name} {before:.2f} to {after:.2f}{', leads' * one.leads}")
            cells = [f"{mean(s):.2f} ± {stdev(s):.2f}" for s in (one.scratch, one.pretrained)]
            table.append([task, name, *cells, "*" if one.leads else ""])
        told.append(f"{task}: {', '.join(gained)}")
        y += 1.15
    axes.set(xlim=(-0.03, 1.18), ylim=(y - 0.3, -0.8))
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("score; ring: from scratch, dot: pre-trained", fontsize=9, color=palette.ink)
    n = len(rows[0][2].scratch)
    alt = f"Means of {n} starts, from scratch to pre-trained. {'; '.join(told)}."
    return FigureWithText(figure, alt, table)
