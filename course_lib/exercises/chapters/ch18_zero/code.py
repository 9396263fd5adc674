"""Chapter 18, code: one gradient from many ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch18_zero import CHAPTER
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


def ddp_gradient(inputs: list[Array], targets: list[Array], weights: Array) -> Array:
    """Add up the ranks' gradient sums and counts, and divide once."""
    total, count = np.zeros(len(weights)), 0
    for rank in range(len(inputs)):
        x, y = inputs[rank], targets[rank]
        total = total + 2 * x.T @ (x @ weights - y)
        count = count + len(y)
    return np.asarray(total / count)


def _gradient_joined(inputs: list[Array], targets: list[Array], weights: Array) -> Array:
    x, y = np.concatenate(inputs), np.concatenate(targets)
    return np.asarray(2 * x.T @ (x @ weights - y) / len(y))


def _gradient_loops(inputs: list[Array], targets: list[Array], weights: Array) -> Array:
    rows = list(zip(np.concatenate(inputs), np.concatenate(targets), strict=True))
    result = np.zeros(len(weights))
    for row, value in rows:
        error = sum(a * b for a, b in zip(row, weights, strict=True)) - value
        for k in range(len(weights)):
            result[k] += 2 * error * row[k] / len(rows)
    return result


def _gradient_weighted(inputs: list[Array], targets: list[Array], weights: Array) -> Array:
    counts = [len(y) for y in targets]
    means = [2 * x.T @ (x @ weights - y) / len(y) for x, y in zip(inputs, targets, strict=True)]
    return np.asarray(np.average(means, axis=0, weights=counts))


def gradient_case(draw: Draw) -> dict[str, Any]:
    """Draw one to four ranks with their own numbers of rows."""
    width = draw.size(1, 4)
    sizes = [draw.size(1, 5) for _ in range(draw.size(1, 4))]
    return {
        "inputs": [draw.array(n, width) for n in sizes],
        "targets": [draw.array(n) for n in sizes],
        "weights": draw.array(width),
    }


GRADIENT_WRONG = {
    "sum-not-mean": Wrong(
        edit(ddp_gradient, ("total / count", "total")),
        "You add up and do not divide. With more ranks the steps would get longer, as if the "
        "learning rate had grown.",
    ),
    "mean-of-means": Wrong(
        edit(
            ddp_gradient,
            ("2 * x.T @ (x @ weights - y)", "2 * x.T @ (x @ weights - y) / len(y)"),
            ("total / count", "total / len(inputs)"),
        ),
        "You average the ranks' averages. A row on a rank with few rows then counts more than one "
        "on a rank with many. Add sums and counts, divide once.",
    ),
    "divided-by-ranks": Wrong(
        edit(ddp_gradient, ("total / count", "total / len(inputs)")),
        "You divide the sum by the number of ranks. It is a sum over rows: divide by all ranks' "
        "rows together.",
    ),
    "first-rank-only": Wrong(
        edit(ddp_gradient, ("range(len(inputs))", "range(1)")),
        "That is the first rank's own gradient, before anything is sent. Each rank would step "
        "another way, and the copies of the model would drift apart.",
    ),
    "last-rank-lost": Wrong(
        edit(ddp_gradient, ("range(len(inputs))", "range(max(1, len(inputs) - 1))")),
        "The last rank's rows are missing from your sum. Every rank sends its part.",
    ),
    "no-two": Wrong(
        edit(ddp_gradient, ("2 * x.T", "x.T")),
        "The gradient of a square brings a factor of 2.",
    ),
}  # fmt: skip

_GRADIENT = '''
import numpy as np

def ddp_gradient(inputs, targets, weights):
    """Gradient of the mean of (x @ weights - y)**2 over all rows of all ranks.

    inputs[r] has rank r's rows (n_r, width), targets[r] its n_r targets.
    """
    total, count = np.zeros(len(weights)), 0
    for x, y in zip(inputs, targets):
        # each rank, on its own rows: what does it send?
        ...
    # what every rank does with the sums it gets back
    return ...
'''


EXERCISES = [
    Spec(
        id="18.c",
        version=1,
        chapter=CHAPTER,
        section="Multi-GPU compute strategies",
        kind="code",
        title="One gradient from many ranks",
        prompt="""
        Each rank has some rows, not all equally many. Write `ddp_gradient(inputs, targets,
        weights)`: the gradient of the mean squared error over *all* rows, from what each rank can
        compute alone.
        """,
        code=Code(
            reference=ddp_gradient,
            starters=[("two places blank", _GRADIENT)],
            also_correct=[_gradient_joined, _gradient_loops, _gradient_weighted],
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
