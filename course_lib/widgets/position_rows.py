"""Two places: their sinusoidal rows and dot product, and a query and a key turned by them.

Chapter: 05_positions
"""

import torch
import traitlets

from course_lib.model.positions import Sinusoidal
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, scroll, shade_class
from course_lib.widgets.markup import table as html_table
from course_lib.widgets.turned_arrows import arrow_picture, degrees, describe_arrows, turned_pair


class PositionRows(CourseWidget):
    """Two positions, their rows and dot product, and a query and a key turned by them.

    Both positions can move together: neither the dot product nor the angle notices.

    Args:
        a: The first position, from 0.
        b: The second position, from 0.
        shift: How far both move.
        width: Numbers in a row, even, from 2 to 16.
        n: Positions that the sliders reach, from 8 to 512.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        ValueError: If a number is out of its range.
    """

    _esm = bundle("position_rows.js")
    a = traitlets.Int(3).tag(sync=True)
    b = traitlets.Int(7).tag(sync=True)
    shift = traitlets.Int(5).tag(sync=True)
    dot = traitlets.Float(0.0, help="dot product of the two rows").tag(sync=True)
    dot_moved = traitlets.Float(0.0, help="dot product after the shift").tag(sync=True)
    same_bag = traitlets.Bool(False, help="whether word order is lost").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        a: int = 3,
        b: int = 7,
        shift: int = 5,
        *,
        width: int = 8,
        n: int = 64,
        title: str = "Where a word stands",
        describe: str = "",
    ) -> None:
        """Checks the numbers and writes the static form."""
        if width % 2 or not 2 <= width <= 16:
            raise ValueError(f"width must be even, from 2 to 16, got {width}")
        if not 8 <= n <= 512:
            raise ValueError(f"n must be from 8 to 512, got {n}")
        for name, value, most in (("a", a, n - 1), ("b", b, n - 1), ("shift", shift, 20)):
            if not 0 <= value <= most:
                raise ValueError(f"{name} must be from 0 to {most}, got {value}")
        payload = {
            "a": a,
            "b": b,
            "shift": shift,
            "width": width,
            "n": n,
            "title": title,
            "describe": describe,
            "badge": "computed",
        }
        places = [a, b, a + shift, b + shift]
        rows = position_rows(places, width)
        columns = [
            f"{'sin' if i < width // 2 else 'cos'} {i % (width // 2) + 1}" for i in range(width)
        ]
        cells = (
            (str(at), [f'<td class="{shade_class(x, -1.0, 1.0)}">{fixed(x)}</td>' for x in row])
            for at, row in zip(places, rows, strict=True)
        )
        sentence = f"{describe_rows(a, b, shift, width)} {describe_arrows(a, b, shift)}"
        pairs = [(b, a), (b + shift, a + shift)]  # a query looks back at a key
        static = card(
            title,
            "computed",
            f"<p>{escape(describe)}</p>" if describe else "",
            scroll("The rows", html_table("position", columns, cells, kind="cw-heat")),
            scroll("A query and a key, turned", arrow_picture(pairs) + _angles(pairs)),
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title}. {sentence}", a=a, b=b, shift=shift)


def position_rows(positions: list[int], width: int) -> list[list[float]]:
    """Returns the encodings of positions, from the model's own class."""
    rows: list[list[float]] = Sinusoidal(width).embed(torch.tensor(positions)).double().tolist()
    return rows


def dot_product(a: int, b: int, width: int) -> float:
    """Returns the dot product of two positions."""
    first, second = position_rows([a, b], width)
    return sum(x * y for x, y in zip(first, second, strict=True))


def describe_rows(a: int, b: int, shift: int, width: int) -> str:
    """Says both dot products, as the page says them."""
    return (
        f"Positions {a} and {b} have the dot product {fixed(dot_product(a, b, width))}. Both moved "
        f"by {shift}: positions {a + shift} and {b + shift} have "
        f"{fixed(dot_product(a + shift, b + shift, width))}. Same distance, same product."
    )


def _angles(pairs: list[tuple[int, int]]) -> str:
    rows = (
        (
            f"{t} and {s}{' (moved)' if n else ''}",
            [f"<td>{degrees(angle)}</td>" for angle in turned_pair(t, s)],
        )
        for n, (t, s) in enumerate(pairs)
    )
    return html_table("query and key at", ["query turned to", "key turned to", "between"], rows)
