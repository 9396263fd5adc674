"""Chapter 05, code: the sinusoids, in the layout of the paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch05_positions import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def sinusoidal(n: int, d: int) -> Array:
    """The n rows of width d: sines in even columns, cosines in odd ones."""
    positions = np.arange(n)[:, None]
    angles = positions / 10000 ** (np.arange(0, d, 2) / d)
    rows = np.zeros((n, d))
    rows[:, 0::2] = np.sin(angles)
    rows[:, 1::2] = np.cos(angles)
    return rows


def _loops(n: int, d: int) -> Array:
    rows = np.zeros((n, d))
    for position in range(n):
        for i in range(d // 2):
            angle = position / 10000 ** (2 * i / d)
            rows[position, 2 * i] = math.sin(angle)
            rows[position, 2 * i + 1] = math.cos(angle)
    return rows


def _complex(n: int, d: int) -> Array:
    turns = np.exp(1j * np.outer(np.arange(n), 10000.0 ** (-np.arange(d // 2) * 2 / d)))
    return np.stack([turns.imag, turns.real], axis=-1).reshape(n, d)


def _concatenated(n: int, d: int) -> Array:
    rows = sinusoidal(n, d)
    return np.concatenate([rows[:, 0::2], rows[:, 1::2]], axis=1)


def _every_column(n: int, d: int) -> Array:
    angles = np.arange(n)[:, None] / 10000 ** (np.arange(d) / d)
    return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles))


def sinusoidal_case(draw: Draw) -> dict[str, Any]:
    """Draw a number of positions and an even width."""
    return {"n": draw.size(1, 40), "d": 2 * draw.size(1, 8)}


def _circle(case: Case) -> str | None:
    got = np.asarray(case.got)
    worst = np.abs(got[:, 0::2] ** 2 + got[:, 1::2] ** 2 - 1).max()
    return None if worst < 1e-6 else "sin² + cos² of a pair of columns is not 1"


def _first_row(case: Case) -> str | None:
    row = np.asarray(case.got)[0]
    wanted = np.tile([0.0, 1.0], len(row) // 2)
    if np.allclose(row, wanted):
        return None
    return f"The row of position 0 is {np.round(row, 2).tolist()}, not 0, 1, 0, 1, …"


SINUSOIDAL_WRONG = {
    "swapped": Wrong(
        edit(
            sinusoidal,
            ("np.sin(angles)", "np.cos(angles)"),
            ("= np.cos(angles)\n    return", "= np.sin(angles)\n    return"),
        ),
        "Sine and cosine have changed places: even columns hold the sine, odd ones the cosine.",
    ),
    "concatenated": Wrong(
        _concatenated,
        "All sines come first, then all cosines. That is the layout of many programs, this "
        "course's among them, and works as well; here the paper's is asked, in which they take "
        "turns.",
    ),
    "starts-at-one": Wrong(
        edit(sinusoidal, ("np.arange(n)", "np.arange(1, n + 1)")),
        "Your first row is that of position 1. Positions count from 0.",
    ),
    "double-exponent": Wrong(
        edit(sinusoidal, ("np.arange(0, d, 2) / d", "2 * np.arange(0, d, 2) / d")),
        "The 2 is there twice: `arange(0, d, 2)` already is 2i. Your slowest wave is far too slow.",
    ),
    "half-exponent": Wrong(
        edit(sinusoidal, ("np.arange(0, d, 2) / d", "np.arange(d // 2) / d")),
        "The exponent is 2i / d; you used i / d, so that the slow waves are missing.",
    ),
    "base": Wrong(
        edit(sinusoidal, ("10000", "1000")),
        "The base is 10000. With 1000 the longest wave is ten times too short.",
    ),
    "whole-division": Wrong(
        edit(sinusoidal, ("(np.arange(0, d, 2) / d)", "(np.arange(0, d, 2) // d)")),
        "`//` rounds the exponent down to 0, so all pairs turn at one speed. Use `/`.",
    ),
    "multiplied": Wrong(
        edit(sinusoidal, ("positions / 10000", "positions * 10000")),
        "You multiply by 10000^(2i/d), so the waves get shorter and shorter. Divide.",
    ),
    "degrees": Wrong(
        edit(sinusoidal, ("np.arange(n)", "np.deg2rad(np.arange(n))")),
        "You convert from degrees. The angle is in radians as it stands.",
    ),
    "every-column": Wrong(
        _every_column,
        "Each column has a speed of its own. The sine and the cosine of a pair share one angle, or "
        "they do not make a circle.",
    ),
    "reaches-base": Wrong(
        edit(sinusoidal, ("np.arange(0, d, 2) / d", "np.arange(0, d, 2) / max(d - 2, 1)")),
        "Your exponents run from 0 to 1 with both ends. That is how one well-known program did it; "
        "the paper's are 2i / d and stop short of 1.",
    ),
}

_STARTER = '''
import numpy as np

def sinusoidal(n, d):
    """The n rows of width d: sines in even columns, cosines in odd ones."""
    # angle: position / 10000 ** (2i / d), for each position and pair i
    angles = ...
    # weave: sines into the even columns, cosines into the odd ones
    return ...
'''
EXERCISES = [
    Spec(
        id="05.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Sinusoids, as in the paper",
        prompt="""
        Write `sinusoidal(n, d)`: one row for each of the positions 0 to n - 1, d numbers wide, d
        even. Column 2i holds the sine of position / 10000^(2i/d), column 2i + 1 the cosine of the
        same angle.
        """,
        code=Code(
            reference=sinusoidal,
            starters=[("two steps blank", _STARTER)],
            also_correct=[_loops, _complex],
            wrong=SINUSOIDAL_WRONG,
            generate=sinusoidal_case,
            properties=[equals_reference()],
            diagnose=[
                Property("each pair is a point of a circle", _circle),
                Property("position 0 is 0, 1, 0, 1, …", _first_row),
            ],
        ),
        hints=[
            "`np.arange(n)[:, None]` is a column; divided by a row, it gives a table of angles.",
            "`rows[:, 0::2]` are the even columns, `rows[:, 1::2]` the odd ones.",
        ],
        explain="""
        Every pair of columns is the hand of a clock. The first goes round in 6.28 places, each
        further one is slower.
        """,
    ),
]
