"""A query and a key as arrows, turned by their places: what rotary positions do to one pair."""

import math
from typing import NamedTuple

from course_lib.widgets.markup import fixed

# One pair of numbers, as the chapter draws it: the query (0.3, 0.9), the key (1, 0).
QUERY, KEY, SPEED = math.atan2(0.9, 0.3), 0.0, 0.3  # radians, and radians a place


class Turned(NamedTuple):
    """Where the arrows of a query and a key point, and the way from the key to the query."""

    query: float
    key: float
    between: float


def turned_pair(t: int, s: int, speed: float | int = SPEED) -> Turned:
    """Returns the angles of a query at place t and a key at place s, in radians.

    The one between them is the shorter way round, to the left where it is positive: it depends on
    t - s alone.
    """
    query, key = (math.fmod(start + n * speed, 2 * math.pi) for start, n in ((QUERY, t), (KEY, s)))
    apart = query - key
    whole = math.floor(apart / (2 * math.pi) + 0.5)
    return Turned(query, key, apart - 2 * math.pi * whole)


def degrees(angle: float) -> str:
    """Writes the size of an angle in whole degrees."""
    return f"{fixed(abs(angle) * 180 / math.pi, 0)}°"


def describe_arrows(a: int, b: int, shift: int) -> str:
    """Says both angles, as the page says them."""
    return (
        f"Turned by their places, a query at {b} and a key at {a} are "
        f"{degrees(turned_pair(b, a).between)} apart; at {b + shift} and {a + shift}: "
        f"{degrees(turned_pair(b + shift, a + shift).between)}. Same distance, same angle."
    )


def arrow_picture(places: list[tuple[int, int]], speed: float | int = SPEED) -> str:
    """Draws, for each pair of places of a query and a key, their arrows and the angle between.

    The same text as `arrowPicture` in `kit/ui/arrows.js` writes; a table beside it has the numbers.

    Args:
        places: Places of a query and of a key, one dial for each pair.
        speed: Radians from one place to the next.

    Returns:
        An SVG.
    """
    drawn = []
    for n, (t, s) in enumerate(places):
        middle = 90 + 180 * n

        def at(angle: float, radius: float | int, middle: int = middle) -> str:
            x, y = middle + radius * math.cos(angle), 90 - radius * math.sin(angle)
            return f"{fixed(x, 1)} {fixed(y, 1)}".replace("−", "-")

        pair = turned_pair(t, s, speed)
        drawn.append(f'<circle cx="{middle}" cy="90" r="66"/>')
        side = int(pair.between < 0)
        arc = f"M{at(pair.key, 24)}A24 24 0 0 {side} {at(pair.key + pair.between, 24)}"
        drawn.append(f'<path class="arc" d="{arc}"/>')
        for kind, angle, length in (("query", pair.query, 66), ("key", pair.key, 50)):
            left, right = at(angle + 0.16, length - 10), at(angle - 0.16, length - 10)
            drawn.append(
                f'<path class="{kind}" d="M{middle} 90L{at(angle, length)}'
                f'M{left}L{at(angle, length)}L{right}"/>'
            )
            x, y = at(angle, length + 14).split(" ")
            drawn.append(f'<text x="{x}" y="{y}" dy="4">{kind[0]}</text>')
        drawn.append(f'<text x="{middle}" y="190">{t} and {s}: {degrees(pair.between)}</text>')
    wide = 180 * len(places)
    size = f'class="cw-arrows" viewBox="0 0 {wide} 200" width="{wide}" height="200"'
    return f'<svg {size} aria-hidden="true">{"".join(drawn)}</svg>'
