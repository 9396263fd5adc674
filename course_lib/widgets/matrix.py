"""A heat map that is a table: numbers first, shade as help, one row in focus at a time."""

import math
from collections.abc import Sequence
from typing import Any

from course_lib.widgets.base import CourseWidget, labels, table_of_numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, legend, scroll, shade_class, short, table


def describe_matrix(
    values: list[list[float | None]], rows: list[str], columns: list[str], decimals: int
) -> str:
    """Says the size, the largest and the smallest value of a table in one sentence."""
    known = [
        (value, i, j)
        for i, row in enumerate(values)
        for j, value in enumerate(row)
        if value is not None
    ]
    size = f"A table of {len(rows)} rows and {len(columns)} columns."
    if not known:
        return f"{size} Every value is hidden."
    top = max(known, key=lambda cell: cell[0])
    low = min(known, key=lambda cell: cell[0])
    hidden = len(rows) * len(columns) - len(known)
    more = f" Hidden values: {hidden}." if hidden else ""
    return (
        f"{size} Largest: {fixed(top[0], decimals)} in row “{rows[top[1]]}”, column "
        f"“{columns[top[2]]}”. Smallest: {fixed(low[0], decimals)} in row “{rows[low[1]]}”, "
        f"column “{columns[low[2]]}”.{more}"
    )


class Matrix(CourseWidget):
    """A table of numbers with shades, whose rows can be read one by one.

    Minus infinity shows as a hidden cell, as in a masked score.

    Args:
        values: Numbers of shape (rows, columns): nested lists, array or tensor.
        rows: One label per row; numbered from 1 if left out.
        columns: One label per column; numbered from 1 if left out.
        title: What the table shows, in a few words.
        describe: One sentence to read before the generated one.
        decimals: Decimals shown.
        low: Value of the lightest shade; the smallest value if left out.
        high: Value of the darkest shade; the largest value if left out.
        corner: What the rows are, such as "query".
        badge: Where the numbers come from: "measured", "toy numbers", "published".

    Raises:
        TypeError: If `values` is not a matrix of numbers.
        ValueError: If rows differ in length, a value is not a number, or labels do not fit.
    """

    _esm = bundle("matrix.js")

    def __init__(
        self,
        values: Any,
        rows: Sequence[object] | None = None,
        columns: Sequence[object] | None = None,
        *,
        title: str = "Table",
        describe: str = "",
        decimals: int = 2,
        low: float | int | None = None,
        high: float | int | None = None,
        corner: str = "row",
        badge: str = "",
    ) -> None:
        """Checks the numbers and writes the static form."""
        given = table_of_numbers("values", values, hidden=True)
        row_labels = labels("rows", rows, len(given), "row of values")
        column_labels = labels("columns", columns, len(given[0]), "column of values")
        finite = [value for row in given for value in row if math.isfinite(value)]
        low = min(finite, default=0.0) if low is None else float(low)
        high = max(finite, default=1.0) if high is None else float(high)
        cells = [[value if math.isfinite(value) else None for value in row] for row in given]
        sentence = describe_matrix(cells, row_labels, column_labels, decimals)
        sentence = f"{describe} {sentence}".strip()
        payload = {
            "values": cells,
            "rows": row_labels,
            "columns": column_labels,
            "title": title,
            "describe": describe,
            "decimals": decimals,
            "low": low,
            "high": high,
            "corner": corner,
            "badge": badge,
        }
        drawn = table(
            corner,
            column_labels,
            (
                (name, (cell(value, decimals, low, high) for value in row))
                for name, row in zip(row_labels, cells, strict=True)
            ),
            kind="cw-heat",
        )
        static = card(
            title,
            badge,
            scroll(title, drawn),
            legend(low, high, lambda value: short(value, decimals)),
            f'<p class="cw-note">{escape(sentence)}</p>',
        )
        super().__init__(payload, static, f"{title}. {sentence}")


def cell(value: float | None, decimals: int, low: float, high: float) -> str:
    """Writes one heat-map cell; None is a hidden one."""
    if value is None:
        return '<td class="gone">−∞</td>'
    return f'<td class="{shade_class(value, low, high)}">{fixed(value, decimals)}</td>'


__all__ = ["Matrix", "cell", "describe_matrix"]
