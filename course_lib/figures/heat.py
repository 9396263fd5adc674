"""A matrix drawn as shaded cells with their numbers in them."""

from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from course_lib.figures.base import palette, plain_numbers
from course_lib.shapes import Float

SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#743603", "#e39d52", "#ffffff", "#7fafdf", "#0d4585"]
)


@plain_numbers
def heat_map(
    axes: Axes,
    values: Float[Tensor, "N M"],
    rows: Sequence[str] | None,
    columns: Sequence[str],
    *,
    decimals: int = 2,
    low: float | None = None,
    high: float | None = None,
    concepts: tuple[str, str] | None = None,
) -> None:
    """Draw a matrix with its numbers in the cells; minus infinity is a hatched, empty cell.

    Args:
        axes: Where to draw.
        values: The matrix.
        rows: Names of the rows, or None for none.
        columns: Names of the columns.
        decimals: Decimals shown.
        low: Value of the lightest shade; the smallest finite one if left out.
        high: Value of the darkest shade; the largest finite one if left out. With `low` below 0 and
            `high` above, zero is the lightest and each sign has its own hue.
        concepts: Colours of the names of rows and columns, such as those of a query and a key.

    Raises:
        ValueError: If there are more or fewer names than rows or columns.
    """
    for name, given, wanted in (("rows", rows, len(values)), ("columns", columns, values.shape[1])):
        if given is not None and len(given) != wanted:
            raise ValueError(f"{name} must be {wanted} names, one for each, got {len(given)}")
    finite = values[values.isfinite()]
    low = float(finite.min()) if low is None else low
    high = float(finite.max()) if high is None else high
    # Values of both signs get one hue each, and zero is the lightest.
    scale = colormaps[palette.map]
    if low < 0 < high:
        high = max(-low, high)
        low, scale = -high, SIGNED
    axes.imshow(
        values.masked_fill(values.isinf(), low).numpy(),
        cmap=scale,
        vmin=low,
        vmax=high,
        aspect="auto",
    )
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(
        range(len(columns)), columns, fontsize=8, rotation=35 if max(map(len, columns)) > 3 else 0
    )
    axes.set_yticks(range(values.shape[0]), rows or [""] * values.shape[0], fontsize=9)
    axes.tick_params(length=0)
    if concepts is not None:
        axes.tick_params(axis="y", labelcolor=concepts[0])
        axes.tick_params(axis="x", labelcolor=concepts[1])
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            if value == float("-inf"):
                axes.add_patch(_hidden(j, i))
                continue
            shade = (value - low) / (high - low) if high > low else 0.0
            red, green, blue, _ = scale(shade)
            dark = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 < 0.2
            ink = palette.on_dark if dark else palette.on_light
            axes.text(
                j, i, f"{value:.{decimals}f}", ha="center", va="center", fontsize=8, color=ink
            )


def _hidden(column: int, row: int) -> Rectangle:
    corner = (column - 0.5, row - 0.5)
    return Rectangle(corner, 1, 1, facecolor="white", edgecolor=palette.mask, hatch="///", lw=0)
