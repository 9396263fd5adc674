"""Chapter 18, code: one gradient from many ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch18_zero import CHAPTER
from course_lib.exercises.chapters.ch18_zero.ranks import ddp_ranks
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference

Reduce = Callable[[Any], Any]


def ddp_gradient(x: Array, y: Array, weights: Array, all_reduce: Reduce) -> Array:
    """Send the sum of the own rows' gradients and their number; divide once."""
    total = all_reduce(2 * x.T @ (x @ weights - y))
    count = all_reduce(len(y))
    return np.asarray(total / count)


def _gradient_in_one_message(x: Array, y: Array, weights: Array, all_reduce: Reduce) -> Array:
    both = np.append(2 * x.T @ (x @ weights - y), len(y))
    summed = all_reduce(both)
    return np.asarray(summed[:-1] / summed[-1])


def _gradient_loops(x: Array, y: Array, weights: Array, all_reduce: Reduce) -> Array:
    count = all_reduce(float(len(y)))
    own = np.zeros(len(weights))
    for row, value in zip(x, y, strict=True):
        error = sum(a * b for a, b in zip(row, weights, strict=True)) - value
        for k in range(len(weights)):
            own[k] += 2 * error * row[k] / count
    return np.asarray(all_reduce(own))


def _gradient_weighted(x: Array, y: Array, weights: Array, all_reduce: Reduce) -> Array:
    mean = 2 * x.T @ (x @ weights - y) / len(y)
    return np.asarray(all_reduce(len(y) * mean) / all_reduce(len(y)))


def gradient_case(draw: Draw) -> dict[str, Any]:
    """Draw one to four ranks with their own numbers of rows."""
    width = draw.size(1, 4)
    sizes = [draw.size(1, 5) for _ in range(draw.size(1, 4))]
    return {
        "inputs": [draw.array(n, width) for n in sizes],
        "targets": [draw.array(n) for n in sizes],
        "weights": draw.array(width),
    }


_TOTAL = "all_reduce(2 * x.T @ (x @ weights - y))"
GRADIENT_WRONG = {
    "sum-not-mean": Wrong(
        edit(ddp_gradient, ("total / count", "total")),
        "You add up and do not divide. With more ranks the steps would get longer, as if the "
        "learning rate had grown.",
    ),
    "mean-of-means": Wrong(
        edit(
            ddp_gradient,
            (_TOTAL, "all_reduce(2 * x.T @ (x @ weights - y) / len(y))"),
            ("all_reduce(len(y))", "all_reduce(1)"),
        ),
        "You average the ranks' averages. A row on a rank with few rows then counts more than one "
        "on a rank with many. Add sums and counts, divide once.",
    ),
    "divided-by-ranks": Wrong(
        edit(ddp_gradient, ("all_reduce(len(y))", "all_reduce(1)")),
        "You divide the sum by the number of ranks. It is a sum over rows: divide by all ranks' "
        "rows together.",
    ),
    "own-rows-only": Wrong(
        edit(ddp_gradient, (_TOTAL, "2 * x.T @ (x @ weights - y)"),
             ("all_reduce(len(y))", "len(y)")),
        "That is the gradient of a rank's own rows; nothing is sent. Each rank would step another "
        "way, and the copies of the model would drift apart.",
    ),
    "own-count": Wrong(
        edit(ddp_gradient, ("all_reduce(len(y))", "len(y)")),
        "You add the gradients of all ranks up and divide by the rows of one. The ranks then get "
        "different gradients. The number of rows must be added up too.",
    ),
    "no-two": Wrong(
        edit(ddp_gradient, ("2 * x.T", "x.T")),
        "The gradient of a square brings a factor of 2.",
    ),
}  # fmt: skip

_GRADIENT = '''
import numpy as np

def ddp_gradient(x, y, weights, all_reduce):
    """Gradient of the mean of (x @ weights - y)**2 over all ranks' rows.

    This runs on every rank: x (n, width) and y (n,) are its own rows.
    all_reduce(value) gives the sum of what all ranks hand in.
    """
    # each rank, on its own rows: what does it send?
    total = ...
    count = ...
    # what every rank does with the sums it gets back
    return ...
'''


EXERCISES = [
    Spec(
        id="18.c",
        version=2,
        chapter=CHAPTER,
        section="Multi-GPU compute strategies",
        kind="code",
        title="One gradient from many ranks",
        prompt="""
        Each rank has some rows, not all equally many. Write `ddp_gradient(x, y, weights,
        all_reduce)`, which runs on every rank: `x` and `y` are the rank's own rows and targets, all
        ranks have the same `weights`, and `all_reduce(value)` returns the sum of what all ranks
        hand in, numbers or arrays. Every rank returns the gradient of the mean squared error over
        *all* rows.
        """,
        code=Code(
            reference=ddp_gradient,
            starters=[("two places blank", _GRADIENT)],
            also_correct=[_gradient_in_one_message, _gradient_loops, _gradient_weighted],
            harness=ddp_ranks,
            wrong=GRADIENT_WRONG,
            generate=gradient_case,
            properties=[equals_reference()],
        ),
        hints=[
            "A rank can send two things: the sum of its rows' gradients, and how many rows it has.",
            "For one row the gradient is `2 * (row @ weights - target) * row`.",
        ],
        explain="""
        Sums and counts can be added in any order and cut in any way. Means cannot: their weights
        are lost.
        """,
    ),
]
