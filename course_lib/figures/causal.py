"""Figures of causal language modelling: what each place sees and is asked; skill against size.

Chapter: 15_causal_language_modeling
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.objectives.example import IGNORE, Example
from course_lib.shapes import Bool, Int


@plain_numbers
def causal_questions(
    example: Example, keep: Bool[Tensor, "T T"], words: Sequence[str]
) -> FigureWithText:
    """Draw one row of text as the questions it asks: a line for each place.

    Args:
        example: One row: what is read, and what each place is asked for.
        keep: The causal mask: which places a place may attend to.
        words: Spelling of each id.

    Returns:
        The figure; its table has for each place the words it sees and the one it is asked for.

    Raises:
        ValueError: If the example is a batch, or the mask is not as long as it.
    """
    n = len(example.inputs)
    if example.inputs.dim() != 1 or keep.shape != (n, n):
        raise ValueError(
            f"keep must be ({n}, {n}) for one row of {n} places, got {tuple(keep.shape)} and "
            f"inputs {tuple(example.inputs.shape)}"
        )
    read = _spell(example.inputs, words)
    asked = _spell(example.targets, words)
    figure, axes = new_figure(width=6.4, height=0.42 * n + 0.9)
    rows: list[list[Any]] = [["place", "sees", "is asked for"]]
    for place in range(n):
        seen = keep[place].tolist()
        for column, visible in enumerate(seen):
            face = palette.sky if visible else "none"
            axes.add_patch(
                Rectangle((column, n - 1 - place), 0.94, 0.82, facecolor=face,
                          edgecolor=palette.faint, hatch="" if visible else "///", linewidth=0.5)
            )  # fmt: skip
            if visible:
                axes.annotate(read[column], (column + 0.47, n - 0.59 - place), **_IN_CELL)
        axes.annotate(asked[place], (n + 0.35, n - 0.59 - place), **_ASKED)
        visible_words = [word for word, one in zip(read, seen, strict=True) if one]
        rows.append([place, " ".join(visible_words), asked[place] or "(nothing)"])
    axes.set_xlim(-0.05, n + 1.6)
    axes.set_ylim(-0.1, n)
    axes.set_xticks([])
    axes.set_yticks([n - 0.59 - place for place in range(n)], [f"place {p}" for p in range(n)])
    axes.set_title("what it sees, and what it is asked for", fontsize=9, color=palette.ink)
    for side in axes.spines.values():
        side.set_visible(False)
    hidden = int((~keep).sum())
    alt = (
        f"A grid of {n} lines, one for each place of the text. Line by line one more word is "
        f"visible; {hidden} of {n * n} cells, all those after the place itself, are hatched. At "
        f"the end of each line stands the word asked for: {', '.join(filter(None, asked))}."
    )
    return FigureWithText(figure, alt, rows)


@plain_numbers
def by_size(
    sizes: Sequence[int], measures: Mapping[str, Sequence[Sequence[float]]], best: Sequence[float]
) -> FigureWithText:
    """Draw several measures of the same models side by side, against their size.

    Args:
        sizes: Parameters of each model, rising.
        measures: For each measure its name, which becomes the title of a panel, and for each run
            one value a size.
        best: The best possible value of each measure.

    Returns:
        The figure; its table has mean, lowest and highest of each measure at each size.

    Raises:
        ValueError: If the sizes do not rise, or the values are not one a size.
    """
    if list(sizes) != sorted(set(sizes)) or len(sizes) < 2:
        raise ValueError(f"sizes must be two or more and rise, got {list(sizes)}")
    if len(best) != len(measures) or not measures:
        raise ValueError(f"best must have {len(measures)} values, at least one, got {len(best)}")
    figure, panels = new_figure(1, len(measures), width=3.0 * len(measures), height=3.0,
                                squeeze=False)  # fmt: skip
    head, columns, told = ["parameters"], [], []
    for panel, (name, runs), top, colour in zip(
        panels.flat, measures.items(), best, palette.series, strict=False
    ):
        values = np.asarray(runs, float)
        if values.ndim != 2 or values.shape[1] != len(sizes):
            raise ValueError(
                f"measures[{name!r}] must be one value for each of {len(sizes)} sizes, got shape "
                f"{values.shape}"
            )
        panel.axhline(top, color=palette.faint, linestyle=":", linewidth=1)
        panel.fill_between(sizes, values.min(0), values.max(0), color=colour, alpha=0.25, lw=0)
        panel.plot(sizes, values.mean(0), color=colour, marker="o", markersize=4)
        panel.set_xscale("log")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.minorticks_off()
        panel.set_title(name, fontsize=9, color=palette.ink)
        panel.set_xlabel("parameters")
        head += [name, "lowest", "highest"]
        columns.append(np.stack([values.mean(0), values.min(0), values.max(0)], axis=1))
        steps = ", ".join(f"{one:.2f}" for one in values.mean(0))
        told.append(f"{name}: {steps} (best possible {top:.2f})")
    table: list[list[Any]] = [head]
    table += [
        [f"{size:,}", *np.concatenate([column[row] for column in columns]).tolist()]
        for row, size in enumerate(sizes)
    ]
    n_runs = len(next(iter(measures.values())))
    lines = "lines are one run"
    if n_runs > 1:
        lines = f"lines are means of {n_runs} runs, bands go from lowest to highest"
    alt = (
        f"{len(measures)} panels over the number of parameters, {sizes[0]:,} to {sizes[-1]:,}; "
        f"{lines}. {'; '.join(told)}."
    )
    return FigureWithText(figure, alt, table)


def _spell(ids: Int[Tensor, " T"], words: Sequence[str]) -> list[str]:
    return ["" if one == IGNORE else words[one] for one in ids.tolist()]


_IN_CELL: dict[str, Any] = {
    "ha": "center",
    "va": "center",
    "fontsize": 8,
    "color": palette.on_light,
}
_ASKED: dict[str, Any] = {"ha": "left", "va": "center", "fontsize": 8, "color": palette.ink,
                          "weight": "bold"}  # fmt: skip
