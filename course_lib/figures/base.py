"""A figure that can also be heard and read: picture, description and table in one object."""

import html
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.figures.arguments import kinds_of
from course_lib.figures.svg import page_svg

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Palette:
    """Colours that stay apart for every kind of colour vision, and in grey print.

    The eight are those of Okabe and Ito; ``series`` gives them in an order in which neighbours
    differ in lightness too. A figure still must not rely on hue alone: label each series and vary
    ``lines`` and ``markers`` with it. ``map`` is the one-hue scale for matrices.

    Source: Okabe and Ito 2008, "Color Universal Design".
    """

    black: str = "#000000"
    orange: str = "#E69F00"
    sky: str = "#56B4E9"
    green: str = "#009E73"
    yellow: str = "#F0E442"
    blue: str = "#0072B2"
    vermilion: str = "#D55E00"
    purple: str = "#CC79A7"
    ink: str = "#1f2328"
    on_light: str = "#010101"  # words on a light patch, which stays light on a dark page
    on_dark: str = "#fefefe"
    faint: str = "#6e7781"
    query: str = "#0a62a6"  # one colour for each concept, as in the text and the widgets of a page
    key: str = "#a94400"
    value: str = "#00705a"
    mask: str = "#6b5578"
    map: str = "Blues"
    lines: tuple[str, ...] = ("-", "--", "-.", ":")
    markers: tuple[str, ...] = ("o", "s", "^", "D", "v")

    @property
    def series(self) -> tuple[str, ...]:
        """Colours for lines and bars, first to last."""
        return (self.blue, self.orange, self.vermilion, self.sky, self.green, self.purple)


palette = Palette()


def plain_numbers(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a figure take tensors as models give them: with a gradient, in 16 bits, on any device.

    Each tensor argument, or tensor in a mapping, arrives detached, on the CPU and in at least 32
    bits. Arguments of another kind than the signature names are refused.
    """
    check = kinds_of(draw)

    def plain(value: Any) -> Any:
        if isinstance(value, Tensor):
            value = value.detach().cpu()
            half = value.is_floating_point() and value.element_size() < 4
            return value.float() if half else value
        if isinstance(value, Mapping):
            return {name: plain(one) for name, one in value.items()}
        return value

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        check(*args, **kwargs)
        return draw(
            *(plain(one) for one in args),
            **{name: plain(one) for name, one in kwargs.items()},
        )

    return drawn


@dataclass(frozen=True)
class FigureWithText:
    """A picture that carries its description and its numbers.

    In a notebook or a page it shows as a drawing (SVG) in the colours of the page, with ``alt`` as
    its text alternative and the table below it, folded; where only text can be shown, it is ``alt``
    and the table.

    Attributes:
        figure: The picture.
        alt: One or two sentences that say what there is to see, made from the same numbers.
        table: The numbers: a header row, then the rows.
        dpi: Dots per inch of the image.
        phone: The same for phones, where the picture itself made narrow would not do.
    """

    figure: Figure
    alt: str
    table: Sequence[Sequence[Any]] = field(default_factory=list)
    dpi: int = 110
    phone: Figure | None = None

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("alt must say what the figure shows, got an empty text")
        widths = {len(row) for row in self.table}
        if len(widths) > 1:
            raise ValueError(f"table must have rows of one length, got lengths {sorted(widths)}")

    def png(self) -> bytes:
        """Draw the picture as PNG bytes; the same figure always gives the same bytes."""
        buffer = io.BytesIO()
        # Without this matplotlib writes its own version into the file.
        self.figure.savefig(buffer, format="png", dpi=self.dpi, metadata={"Software": None})
        return buffer.getvalue()

    def __str__(self) -> str:
        """Return the description and, below, the numbers."""
        return f"{self.alt}\n\n{text_table(self.table)}" if self.table else self.alt

    def __repr__(self) -> str:
        """Return what a terminal shows: the figure in words and numbers."""
        return str(self)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        png = self.png()
        drawn = page_svg(self.figure, self.alt, self.phone)
        page = ['<figure class="course-figure" style="margin:0">', drawn]
        if self.table:
            page.append(
                f"<details><summary>The same as a table</summary>{self.html_table()}</details>"
            )
        page.append("</figure>")
        return (
            {"text/html": "".join(page), "image/png": png, "text/plain": str(self)},
            {"image/png": {"alt": self.alt}},
        )

    def html_table(self) -> str:
        """Return the table as HTML with header cells for its first row and first column."""
        return html_table(self.table, f"Table: {self.alt}"[:80])


def new_figure(
    n_rows: int = 1, n_columns: int = 1, *, width: float = 6.4, height: float = 3.6, **subplots: Any
) -> tuple[Figure, Any]:
    """Make a figure that belongs to no global list, so nothing has to be closed.

    Args:
        n_rows: Rows of axes.
        n_columns: Columns of axes.
        width: Inches.
        height: Inches.
        **subplots: What ``Figure.subplots`` takes, such as ``sharex`` or ``squeeze``.

    Returns:
        The figure, and its axes as ``Figure.subplots`` gives them.
    """
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, **subplots)
    for one in axes.flat if hasattr(axes, "flat") else [axes]:
        _plain(one)
    return figure, axes


def text_table(rows: Sequence[Sequence[Any]]) -> str:
    """Line up rows in columns of plain text, numbers to the right.

    Args:
        rows: A header row, then the rows; all of one length.

    Returns:
        Lines joined by newlines, without blanks at their ends.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [
        all(isinstance(row[index], int | float) for row in rows[1:]) for index in range(len(widths))
    ]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def html_table(rows: Sequence[Sequence[Any]], name: str) -> str:
    """Write rows as an HTML table that a narrow page scrolls sideways.

    Args:
        rows: A header row, then the rows; the first cell of each names it.
        name: What a screen reader calls the table.
    """
    head, *lines = [[html.escape(_cell(value)) for value in row] for row in rows]
    written = ["".join(f'<th scope="col">{cell}</th>' for cell in head)]
    for first, *rest in lines:
        cells = "".join(f"<td>{cell}</td>" for cell in rest)
        written.append(f'<th scope="row">{first}</th>{cells}')
    return (
        '<div style="overflow-x:auto" tabindex="0" role="region" '
        f'aria-label="{html.escape(name)}">'
        f"<table>{''.join(f'<tr>{line}</tr>' for line in written)}</table></div>"
    )


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _plain(axes: Axes) -> None:
    """Keep the data, drop the box: two spines, faint ticks."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(palette.faint)
    axes.tick_params(colors=palette.ink, labelsize=9)
