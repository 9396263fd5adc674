"""A small picture for the card of each chapter, drawn with four marks in the colours of the page.

Each is a drawing of 120 by 72 for a card; what it shows is said by the title beside it, so a
reader who does not see it misses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

INK, QUERY, KEY, VALUE, MASK = "ink", "query", "key", "value", "mask"


def box(x: float, y: float, w: float, h: float, kind: str = INK, *, full: bool = True) -> str:
    """A rectangle, filled or in outline."""
    look = kind if full else f"{kind} line"
    return f'<rect class="{look}" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="2"/>'


def line(points: Sequence[tuple[float, float]], kind: str = INK, width: float = 1.5) -> str:
    """An open line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind} line" points="{path}" stroke-width="{width:g}"/>'


def arc(x0: float, x1: float, y: float, kind: str = QUERY, width: float = 1.5) -> str:
    """A bow above from one place to another."""
    path = f"M{x0:g} {y:g}Q{(x0 + x1) / 2:g} {y - abs(x1 - x0) * 0.8:g} {x1:g} {y:g}"
    return f'<path class="{kind} line" d="{path}" stroke-width="{width:g}"/>'


def dot(x: float, y: float, r: float = 3, kind: str = INK) -> str:
    """A dot."""
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{r:g}"/>'


def bars(x: float, y: float, values: Sequence[float], kinds: str | Sequence[str]) -> str:
    """Bars that stand on a line, nine wide and twelve apart."""
    kinds = [kinds] * len(values) if isinstance(kinds, str) else kinds
    return "".join(
        box(x + 12 * i, y - v, 9, v, kind)
        for i, (v, kind) in enumerate(zip(values, kinds, strict=True))
    )


def grid(x: float, y: float, n: int, cell: float, visible: str = "") -> str:
    """A square of cells; those that may not be seen are in the colour of the mask."""
    seen = {
        "": lambda i, j: True,
        "causal": lambda i, j: j <= i,
    }[visible]
    return "".join(
        box(
            x + cell * j,
            y + cell * i,
            cell - 1,
            cell - 1,
            QUERY if seen(i, j) else MASK,
            full=seen(i, j),
        )
        for i in range(n)
        for j in range(n)
    )


def wave(turns: float, kind: str) -> str:
    """A sine across the card."""
    return line(
        [(8 + x, 36 - 20 * math.sin(x / 104 * turns * 2 * math.pi)) for x in range(0, 105, 2)], kind
    )


PICTURES = {
    "01": "".join(box(8 + 22 * i, 50, 16, 8, QUERY if i == 4 else INK) for i in range(5))
    + arc(104, 82, 47, width=1)
    + arc(104, 38, 47, width=4),
    "02": "".join(box(14, 14 + 16 * i, 34, 12, QUERY) for i in range(3))
    + "".join(box(72, 14 + 16 * i, 34, 12, VALUE) for i in range(3))
    + line([(48, 36), (72, 36)], width=2.5),
    "03": "".join(
        box(x, 28, w, 16, kind)
        for x, w, kind in [(8, 16, INK), (26, 38, QUERY), (66, 12, KEY), (80, 32, VALUE)]
    ),
    "04": "".join(dot(x, y, 3.5, QUERY) for x, y in [(28, 20), (36, 28), (24, 32), (40, 16)])
    + "".join(dot(x, y, 3.5, KEY) for x, y in [(84, 46), (94, 52), (80, 56), (98, 42)])
    + line([(14, 64), (58, 40)], width=2),
    "05": wave(1, QUERY) + wave(2, KEY) + wave(4, VALUE),
    "06": grid(32, 8, 5, 11.2, "causal"),
    "07": "".join(dot(20, 22 + 14 * i, 4, QUERY) for i in range(3))
    + "".join(dot(60, 8 + 14 * i, 4, KEY) for i in range(5))
    + "".join(dot(100, 22 + 14 * i, 4, VALUE) for i in range(3))
    + "".join(
        line([(a, ya), (b, yb)], width=0.5)
        for a, b, ys, yt in [
            (24, 56, range(22, 51, 14), range(8, 65, 14)),
            (64, 96, range(8, 65, 14), range(22, 51, 14)),
        ]
        for ya in ys
        for yb in yt
    ),
    "08": box(40, 12, 40, 16, QUERY)
    + box(40, 44, 40, 16, VALUE)
    + line([(60, 68), (60, 60)])
    + line([(60, 44), (60, 28)])
    + line([(60, 12), (60, 4)])
    + line([(60, 38), (94, 38), (94, 8), (60, 8)], KEY)
    + line([(60, 66), (26, 66), (26, 40), (60, 40)], KEY),
    "09": grid(6, 18, 3, 11)
    + grid(44, 18, 3, 11, "causal")
    + grid(82, 18, 3, 11)
    + dot(116, 35, 2, KEY),
    "10": "".join(box(14, 10 + 13 * i, w, 6, INK) for i, w in enumerate([70, 84, 60]))
    + box(14, 52, 40, 8, QUERY)
    + box(58, 50, 3, 12, KEY),
    "11": bars(12, 62, [48, 34, 25, 18, 12, 8, 5, 3], [*[QUERY] * 3, *[MASK] * 5])
    + line([(46.5, 8), (46.5, 66)], KEY),
    "12": "".join(
        dot(60 + 26 * math.cos(a), 36 + 26 * math.sin(a), 5, kind)
        for a, kind in zip(
            [k * math.pi / 3 for k in range(6)], [QUERY, INK, KEY, INK, VALUE, INK], strict=True
        )
    )
    + '<circle class="ink line" cx="60" cy="36" r="26" stroke-width="1.5"/>',
    "13": "".join(
        box(60 - w / 2, 8 + 12 * i, w, 8, QUERY if i == 4 else INK)
        for i, w in enumerate([100, 78, 58, 42, 30])
    ),
    "14": "".join(
        box(8 + 22 * i, 42, 16, 10, MASK if i in (1, 3) else INK, full=i not in (1, 3))
        for i in range(5)
    )
    + arc(16, 38, 40)
    + arc(60, 40, 40)
    + arc(60, 82, 40, KEY)
    + arc(104, 84, 40, KEY),
    "15": "".join(
        box(12 + 16 * j, 8 + 12 * i, 14, 9, QUERY if j == i + 1 else INK)
        for i in range(5)
        for j in range(i + 2)
    ),
    "16": "".join(box(8 + 18 * i, 14, 15, 10, INK) for i in (0, 1, 5))
    + box(44, 14, 51 - 3 * 0.5, 10, MASK, full=False)
    + box(8, 48, 15, 10, KEY)
    + "".join(box(26 + 18 * i, 48, 15, 10, VALUE) for i in range(3))
    + line([(70, 24), (52, 48)]),
    "17": bars(10, 62, [20, 44, 30], [QUERY, KEY, VALUE])
    + bars(52, 62, [36, 50, 16], [QUERY, KEY, VALUE])
    + bars(94 - 12, 62, [8, 10, 52], [QUERY, KEY, VALUE]),
    "18": "".join(
        box(x, y, 34, 22, INK, full=False) + box(x + 2, y + 2 + 4.5 * i, 30, 4.5, QUERY)
        for i, (x, y) in enumerate([(14, 8), (72, 8), (72, 42), (14, 42)])
    )
    + line([(48, 19), (72, 19)])
    + line([(89, 30), (89, 42)])
    + line([(72, 53), (48, 53)])
    + line([(31, 42), (31, 30)]),
    "19": box(10, 28, 51, 18, QUERY)
    + box(61, 28, 49, 18, VALUE)
    + line([(61, 18), (61, 56)], width=2),
    "20": "".join(box(8 + 3 * i, 24 + 3 * i, 18, 22, INK, full=i == 2) for i in range(3))
    + line([(36, 38), (46, 38)])
    + "".join(box(50, 22 + 12 * i, 26, 9, QUERY) for i in range(3))
    + line([(80, 38), (88, 38)])
    + box(90, 26, 24, 18, VALUE)
    + line([(96, 44), (96, 52), (104, 44)], VALUE),
}


def picture(chapter: str) -> str:
    """The drawing of a chapter as inline SVG, hidden from who hears the page."""
    return (
        f'<svg class="picture" viewBox="0 0 120 72" aria-hidden="true" focusable="false">'
        f"{PICTURES[chapter]}</svg>"
    )
