"""The rows of sinusoidal positions as a picture, and the same numbers as hands of clocks.

Chapter: 05_positions
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.heat import SIGNED
from course_lib.figures.phone import PHONE_INCHES
from course_lib.shapes import Float

_DIALS = 4  # places whose hands are drawn


@plain_numbers
def rows_and_hands(rows: Float[Tensor, "T D"], *, hands: Sequence[int]) -> FigureWithText:
    """Draw all rows of sinusoidal positions as colours, and the first four as hands of clocks.

    A clock is a sine and a cosine of a row: where its hand points, from twelve o'clock to the
    right.

    Args:
        rows: The rows of places 0 to T-1, at least four, all sines before all cosines.
        hands: Clocks whose hands are drawn, numbered from 1, one to four of them.

    Returns:
        The figure; its table has the angle of these hands at some places, in degrees from 0 to 360.

    Raises:
        ValueError: If there are too few rows, the first is not that of place 0, or a hand is none
            of the D/2 clocks.
    """
    T, D = rows.shape
    clocks = D // 2
    if T < _DIALS or D % 2:
        raise ValueError(f"rows must be at least {_DIALS}, of an even width, got {T} by {D}")
    if rows[0, :clocks].any() or not bool((rows[0, clocks:] == 1).all()):
        raise ValueError("rows must begin with that of place 0: sines of 0, then cosines of 1")
    if not 1 <= len(hands) <= 4 or not all(1 <= hand <= clocks for hand in hands):
        raise ValueError(f"hands must be one to four clocks from 1 to {clocks}, got {list(hands)}")
    angles = torch.atan2(rows[:, :clocks].double(), rows[:, clocks:].double())  # (T, D/2)
    degrees = angles.rad2deg() % 360
    round_once = int(((T - 1) * angles[1] >= 2 * math.pi).sum())
    speeds = [float(angles[1, hand - 1].rad2deg()) for hand in hands]
    moves = ", ".join(f"{hand} by {v:.1f}°" for hand, v in zip(hands, speeds, strict=True))
    alt = (
        f"The rows of places 0 to {T - 1}: {clocks} sines, then {clocks} cosines. "
        f"{round_once} of the {clocks} clocks go round at least once in {T} places. "
        f"Below or beside, hands at places 0 to {_DIALS - 1}; at each step clock {moves}."
    )
    places = sorted({*range(_DIALS), *(2**n - 1 for n in range(3, 20) if 2**n <= T), T - 1})
    table: list[list[Any]] = [["place", *(f"clock {hand}, degrees" for hand in hands)]]
    table += [[t, *(f"{degrees[t, hand - 1]:.1f}" for hand in hands)] for t in places]
    wide, phone = (_draw(rows, angles, hands, narrow=narrow) for narrow in (False, True))
    return FigureWithText(wide, alt, table, phone=phone)


def _draw(rows: Tensor, angles: Tensor, hands: Sequence[int], *, narrow: bool) -> Figure:
    if narrow:
        figure, grid = new_figure(3, 2, width=PHONE_INCHES, height=6.6, height_ratios=[2, 1, 1])
        shape, dials = grid[0, 0].get_gridspec()[0, :], [*grid[1], *grid[2]]
        spare = list(grid[0])
    else:
        figure, grid = new_figure(2, 3, width=6.9, height=3.7, width_ratios=[2.4, 1, 1])
        shape, dials = grid[0, 0].get_gridspec()[:, 0], [*grid[0, 1:], *grid[1, 1:]]
        spare = list(grid[:, 0])
    for one in spare:
        one.remove()
    _colours(figure.add_subplot(shape), rows)
    for t, dial in enumerate(dials):
        _dial(dial, t, angles[t], hands)
    return figure


def _colours(axes: Axes, rows: Tensor) -> None:
    T, D = rows.shape
    axes.imshow(rows.numpy(), cmap=SIGNED, vmin=-1, vmax=1, aspect="auto", interpolation="none")
    axes.axvline(D / 2 - 0.5, color=palette.ink, lw=0.8)
    axes.spines[:].set_visible(False)
    firsts = [0, D // 4, D // 2, D // 2 + D // 4]
    axes.set_xticks(firsts, [str(first % (D // 2) + 1) for first in firsts])
    axes.set_yticks(range(0, T, max(1, T // 4)))
    axes.tick_params(length=2, labelsize=9)
    axes.set_xlabel("clock: its sine, then its cosine", fontsize=9)
    axes.set_ylabel("place", fontsize=9)
    axes.set_title("brown −1, white 0, blue 1", fontsize=10, color=palette.ink)


def _dial(axes: Axes, t: int, angles: Tensor, hands: Sequence[int]) -> None:
    axes.add_patch(Circle((0, 0), 1, fill=False, ec=palette.faint, lw=0.8))
    for n, hand in enumerate(hands):
        length, angle = 0.66 - 0.13 * n, float(angles[hand - 1])
        axes.plot([0, length * math.sin(angle)], [0, length * math.cos(angle)], palette.lines[n],
                  color=palette.series[n], lw=1.5 + 0.8 * n)  # fmt: skip
        if t == _DIALS - 1:
            away = length + 0.15
            axes.text(away * math.sin(angle), away * math.cos(angle), str(hand), fontsize=9,
                      color=palette.ink, ha="center", va="center")  # fmt: skip
    axes.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), aspect="equal")
    axes.axis("off")
    axes.set_title(f"place {t}", fontsize=10, color=palette.ink)
