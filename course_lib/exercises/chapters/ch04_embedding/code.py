"""Chapter 04, code: the nearest rows of an embedding table by cosine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch04_embedding import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def _cosines(table: Array, i: int) -> Array:
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    return np.asarray(unit @ unit[i])


def neighbours(table: Array, i: int, k: int) -> list[int]:
    """List the k rows with the highest cosine to row i, the best first."""
    lengths = np.sqrt((table * table).sum(axis=1, keepdims=True))
    unit = table / np.maximum(lengths, 1e-12)
    cosine = unit @ unit[i]
    cosine[i] = -np.inf
    return [int(row) for row in np.argsort(-cosine)[:k]]


def _loops(table: Array, i: int, k: int) -> list[int]:
    found = []
    for j, row in enumerate(table):
        product = sum(a * b for a, b in zip(row, table[i], strict=True))
        length = math.sqrt(sum(a * a for a in row)) * math.sqrt(sum(b * b for b in table[i]))
        if j != i:
            found.append((product / length if length else 0.0, j))
    return [j for _, j in sorted(found, reverse=True)[:k]]


def _unit_rows(table: Array, i: int, k: int) -> list[int]:
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    unit = np.divide(table, lengths, out=np.zeros(table.shape), where=lengths > 0)
    order = (unit @ unit[i]).argsort()[::-1].tolist()
    return [j for j in order if j != i][:k]


def _euclid(table: Array, i: int, k: int) -> list[int]:
    distance = np.sqrt(((table - table[i]) ** 2).sum(axis=1))
    distance[i] = np.inf
    return [int(row) for row in np.argsort(distance)[:k]]


def neighbours_case(draw: Draw) -> dict[str, Any]:
    """Draw a table whose rows differ in length; no two neighbours of row i have one cosine.

    At times one row is all zeros, and at times one is row i made twice as long: it is as near as
    row i itself, so leaving out the first of the sorted rows is not leaving out row i.
    """
    n, width = draw.size(4, 12), draw.size(2, 5)
    if draw.integer(0, 9) == 9:  # so many that NumPy's partial sort is no longer a whole one
        n, width = 300, 5
    i, k = draw.integer(0, n - 2), draw.size(1, n - 1)
    zero, parallel = draw.integer(0, 2) == 2, draw.integer(0, 2) > 0
    twin = draw.integer(0, n - 2)
    rng = draw.rng()
    while True:
        table = np.round(rng.standard_normal((n, width)) * rng.uniform(0.3, 3.0, (n, 1)), 2)
        if zero:
            table[n - 1] = 0.0
        if parallel and twin != i:
            table[twin] = 2 * table[i]
        cosine = np.delete(_cosines(table, i), i)
        if np.all(table[i] != 0) and (np.diff(np.sort(cosine)) > 1e-6).all():
            return {"table": table, "i": i, "k": k}


def _scaling(case: Case) -> str | None:
    factors = np.linspace(0.5, 2.0, len(case["table"]))[:, None]
    changed = list(case.call(table=case["table"] * factors))
    if changed == list(case.got):
        return None
    return "With every row stretched or shrunk, the order changes; a cosine looks at directions"


NEIGHBOURS_WRONG = {
    "dot-product": Wrong(
        edit(neighbours, (" / np.maximum(lengths, 1e-12)", "")),
        "You rank by dot products, or divide by one length only, the same for all rows. Long rows "
        "then look near to everything. Divide by the length of each row.",
    ),
    "euclid": Wrong(
        _euclid,
        "You rank by straight distance. A row twice as long in the same direction is then far "
        "away, although its cosine is 1. Compare directions.",
    ),
    "self": Wrong(
        edit(neighbours, ("-np.inf", "np.inf")),
        "The word comes back as its own nearest neighbour. Leave row i out.",
    ),
    "ascending": Wrong(
        edit(neighbours, ("-np.inf", "np.inf"), ("argsort(-cosine)", "argsort(cosine)")),
        "You list the rows that point away most: sorting is ascending unless you turn it. The "
        "highest cosine comes first.",
    ),
    "backwards": Wrong(
        edit(neighbours, ("np.argsort(-cosine)[:k]", "np.argsort(-cosine)[:k][::-1]")),
        "These are the right rows in the wrong order. The nearest comes first.",
    ),
    "zero-row": Wrong(
        edit(neighbours, ("np.maximum(lengths, 1e-12)", "lengths")),
        "A row of zeros gives 0 / 0, which is not a number, and sorts behind everything. Give it "
        "the cosine 0: it points nowhere.",
    ),
    "absolute": Wrong(
        edit(neighbours, ("argsort(-cosine)", "argsort(-np.where(cosine > -2, abs(cosine), -3))")),
        "You rank by the size of the cosine without its sign. -0.9 means nearly opposite, not "
        "near.",
    ),
    "first-dropped": Wrong(
        edit(neighbours, ("-np.inf", "cosine[i]"), ("[:k]", "[1 : k + 1]")),
        "You drop the first of the order and take it for row i. A row in the very same direction "
        "is as near as row i itself and may come first. Take i out by its number.",
    ),
    "not-sorted": Wrong(
        edit(neighbours, ("np.argsort(-cosine)[:k]", "np.argpartition(-cosine, k - 1)[:k]")),
        "These are the right rows, but their order is chance: `argpartition` does not sort. The "
        "nearest comes first.",
    ),
    "one-less": Wrong(
        edit(neighbours, ("[:k]", "[1 : k + 1]")),
        "You drop the first of the order although row i is not in it any more, so the nearest "
        "word is lost.",
    ),
}

_STARTER = '''
import numpy as np

def neighbours(table, i, k):
    """The k rows of table (V, D) of highest cosine to row i, best first."""
    # direction: cosine of every row with row i, 0 for a row of zeros
    cosine = ...
    # leave the word itself out
    ...
    # order: highest cosine first
    return ...
'''
EXERCISES = [
    Spec(
        id="04.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Nearest neighbours",
        prompt="""
        Write `neighbours(table, i, k)`: the indices of the k rows with the highest cosine to row i,
        the best first, without i itself. A row of zeros has the cosine 0 with every row.
        """,
        code=Code(
            reference=neighbours,
            starters=[("three steps blank", _STARTER)],
            also_correct=[_loops, _unit_rows],
            wrong=NEIGHBOURS_WRONG,
            generate=neighbours_case,
            properties=[equals_reference()],
            cases=40,
            diagnose=[Property("stretching rows changes nothing", _scaling)],
        ),
        hints=[
            "The cosine of a and b is their dot product divided by both lengths.",
            "`np.maximum(lengths, 1e-12)` keeps a division by zero away: 0 / 1e-12 is 0.",
        ],
        explain="""
        All cosines with one row are one product of a matrix and a vector, divided by lengths. The
        length of row i divides all of them alike, so it changes the values and not the order.
        """,
    ),
]
