"""Figures of the embedding chapter: rows taken from a table, and what training does to them.

Chapter: 04_embedding
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.heat import SIGNED, heat_map
from course_lib.figures.phone import PHONE_INCHES
from course_lib.shapes import Float


@plain_numbers
def embedding_lookup(
    pieces: Sequence[str],
    ids: Sequence[int],
    table: Float[Tensor, "V D"],
    *,
    columns: int = 8,
) -> FigureWithText:
    """Draw how ids become vectors: the table, the rows that are taken, and their numbers.

    Args:
        pieces: Text of each token.
        ids: Its id, which is the number of its row.
        table: An embedding table.
        columns: How many numbers of each row are written out, at most D.

    Returns:
        The figure; its table has one row for each token.

    Raises:
        ValueError: If there is not one id for each piece, an id has no row, or `columns` does not
            fit.
    """
    V, D = table.shape
    if len(pieces) != len(ids) or not ids:
        raise ValueError(
            f"pieces and ids must be as many, at least 1, got {len(pieces)}, {len(ids)}"
        )
    if not all(0 <= i < V for i in ids):
        raise ValueError(f"ids must be from 0 to {V - 1}, got {min(ids)} to {max(ids)}")
    if not 1 <= columns <= D:
        raise ValueError(f"columns must be from 1 to {D}, got {columns}")
    table = table.detach().float().cpu()
    taken = table[list(ids), :columns]
    names = [f"“{piece}”  id {i}" for piece, i in zip(pieces, ids, strict=True)]
    figure = _draw_lookup(names, ids, table, columns, width=7.4, title="the rows taken, numbers")
    phone = _draw_lookup(names, ids, table, min(columns, 3), width=PHONE_INCHES, title="numbers")
    again = len(ids) - len(set(ids))
    alt = (
        f"A table of {V:,} rows and {D} columns. {len(ids)} tokens take the rows "
        f"{', '.join(map(str, ids))}. "
        + (f"{again} of them take a row that was taken before." if again else "No row comes twice.")
    )
    head: list[Any] = ["token", "id", *(f"number {c + 1}" for c in range(columns))]
    rows = [
        [f"“{piece}”", i, *row] for piece, i, row in zip(pieces, ids, taken.tolist(), strict=True)
    ]
    return FigureWithText(figure, alt, [head, *rows], phone=phone)


def _draw_lookup(
    names: Sequence[str],
    ids: Sequence[int],
    table: Tensor,
    columns: int,
    *,
    width: float,
    title: str,
) -> Figure:
    """Draw the table, lines to the rows that are taken, and the first numbers of these."""
    V, D = table.shape
    figure, (left, right) = new_figure(
        1, 2, width=width, height=1.0 + 0.34 * len(ids), width_ratios=[1, columns / 2]
    )
    taken = table[list(ids), :columns]
    most = float(taken.abs().max())
    left.imshow(table.numpy(), cmap=SIGNED, vmin=-most, vmax=most, aspect="auto", alpha=0.45,
                extent=(0, 1, V - 0.5, -0.5), interpolation="nearest")  # fmt: skip
    left.set_xticks([])
    left.set_yticks([0, V - 1])
    left.set_title(f"the table\n{V:,} × {D}", fontsize=10, color=palette.ink)
    heat_map(right, taken, names, [str(c + 1) for c in range(columns)], low=-most, high=most)
    for text in right.texts + right.get_xticklabels():
        text.set_fontsize(8.5)
    right.set_title(f"{title} 1 to {columns} of {D}", fontsize=10, color=palette.ink)
    right.yaxis.tick_right()
    for place, i in enumerate(ids):
        left.plot([0, 1], [i, i], color=palette.vermilion, lw=1.2)
        way = ConnectionPatch((1, i), (-0.5, place), "data", "data", axesA=left, axesB=right,
                              color=palette.vermilion, lw=0.8)  # fmt: skip
        figure.add_artist(way)
    return figure


@plain_numbers
def cosine_spread(spread: Mapping[int, float]) -> FigureWithText:
    """Draw how far the cosines of random vectors spread, beside 1 / √D.

    Args:
        spread: For each width D, rising, the measured standard deviation of the cosine of two
            random vectors.

    Returns:
        The figure; its table has one row for each width.

    Raises:
        ValueError: If there are fewer than two widths, or one is not positive.
    """
    widths = list(spread)
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"spread must have two widths or more, from 1, got {widths}")
    law = [1 / math.sqrt(width) for width in widths]
    figure, axes = new_figure(height=3.2)
    axes.plot(widths, law, palette.lines[1], color=palette.faint, label="1 / √D")
    axes.plot(widths, list(spread.values()), palette.markers[0], color=palette.blue,
              label="measured")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(widths, [str(width) for width in widths])
    ticks = [2.0**-n for n in range(7) if min(law) / 2 < 2.0**-n]
    axes.set_yticks(ticks, [f"{tick:.3g}" for tick in ticks])
    axes.set(xlabel="width of the space, D", ylabel="spread of the cosine")
    axes.legend(frameon=False)
    gap = max(abs(one / other - 1) for one, other in zip(spread.values(), law, strict=True))
    alt = (
        f"Standard deviation of the cosine of two random vectors: {spread[widths[0]]:.3f} in "
        f"{widths[0]} dimensions, {spread[widths[-1]]:.3f} in {widths[-1]}; at most "
        f"{gap:.0%} off 1 / √D."
    )
    table: list[list[Any]] = [["D", "measured", "1 / √D"]]
    table += [[w, f"{spread[w]:.4f}", f"{value:.4f}"] for w, value in zip(widths, law, strict=True)]
    return FigureWithText(figure, alt, table)


@plain_numbers
def closeness_in_training(
    steps: Sequence[int], cosine: Mapping[str, Sequence[float]]
) -> FigureWithText:
    """Draw the mean cosine of several kinds of pairs while a model is trained.

    Args:
        steps: Updates made when the pairs were measured, rising.
        cosine: For each kind of pair, its mean cosine at those steps.

    Returns:
        The figure; its table has one row for each step.

    Raises:
        ValueError: If there is no kind of pair, or one is not as long as ``steps``.
    """
    if not cosine:
        raise ValueError("cosine must hold at least one kind of pair, got none")
    figure, axes = new_figure(height=3.4)
    for index, (name, series) in enumerate(cosine.items()):
        if len(series) != len(steps):
            raise ValueError(f"cosine[{name!r}] has {len(series)} numbers, steps has {len(steps)}")
        axes.plot(steps, series, palette.lines[index % 4], marker=palette.markers[index % 5],
                  color=palette.series[index % 6], label=name)  # fmt: skip
    axes.axhline(0, color=palette.faint, lw=0.8)
    axes.set(xlabel="updates", ylabel="mean cosine", ylim=(-0.15, 1.0))
    axes.legend(frameon=False, fontsize=9)
    ends = "; ".join(f"{name}: {s[0]:.2f} to {s[-1]:.2f}" for name, s in cosine.items())
    alt = f"Mean cosine of pairs of rows from step {steps[0]} to step {steps[-1]}. {ends}."
    table: list[list[Any]] = [["step", *cosine]]
    table += [[s, *(float(v[i]) for v in cosine.values())] for i, s in enumerate(steps)]
    return FigureWithText(figure, alt, table)
