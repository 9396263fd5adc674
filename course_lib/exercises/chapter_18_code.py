"""Chapter 18, code: the gradient of many ranks, and an optimizer that each rank holds in part."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.draw import Array, Draw
from course_lib.exercises.edit import edit
from course_lib.exercises.laws import equals_reference
from course_lib.exercises.spec import Code, Contract, Spec, Wrong

CHAPTER = "18_multi_gpu_zero"


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


def zero1_adam(weights: Array, gradients: Array, n_ranks: int) -> tuple[Array, list[int]]:
    """Step with Adam, each rank its own part of the weights, then put the parts together."""
    size = -(-len(weights) // n_ranks)
    parts = [weights[rank * size : (rank + 1) * size].copy() for rank in range(n_ranks)]
    moments = [np.zeros((2, len(part))) for part in parts]
    for step, gradient in enumerate(gradients, start=1):
        for rank in range(n_ranks):
            own = gradient[rank * size : (rank + 1) * size]
            moments[rank][0] = 0.9 * moments[rank][0] + 0.1 * own
            moments[rank][1] = 0.99 * moments[rank][1] + 0.01 * own**2
            momentum = moments[rank][0] / (1 - 0.9**step)
            variance = moments[rank][1] / (1 - 0.99**step)
            parts[rank] = parts[rank] - 0.1 * momentum / (np.sqrt(variance) + 1e-4)
    return np.concatenate(parts), [moment.size for moment in moments]


def _adam_whole(weights: Array, gradients: Array, n_ranks: int) -> tuple[Array, list[int]]:
    w, m, v = weights.copy(), np.zeros(len(weights)), np.zeros(len(weights))
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-4)
    size = -(-len(w) // n_ranks)
    return w, [2 * len(w[r * size : (r + 1) * size]) for r in range(n_ranks)]


def _adam_loops(weights: Array, gradients: Array, n_ranks: int) -> tuple[Array, list[int]]:
    size = -(-len(weights) // n_ranks)
    result, held = weights.copy(), [0] * n_ranks
    for i in range(len(weights)):
        m = v = 0.0
        held[i // size] += 2
        for t in range(1, len(gradients) + 1):
            g = gradients[t - 1][i]
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            step = (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)) ** 0.5 + 1e-4)
            result[i] -= 0.1 * step
    return result, held


def _adam_everywhere(weights: Array, gradients: Array, n_ranks: int) -> tuple[Array, list[int]]:
    result, _ = zero1_adam(weights, gradients, 1)
    return result, [2 * len(weights)] * n_ranks


def adam_case(draw: Draw) -> dict[str, Any]:
    """Draw weights that often do not divide over the ranks, and up to five gradients."""
    width = draw.size(2, 9)
    return {
        "weights": draw.array(width),
        "gradients": draw.array(draw.size(1, 5), width),
        "n_ranks": draw.integer(1, 4),
    }


ADAM_WRONG = {
    "every-rank-all": Wrong(
        _adam_everywhere,
        "The weights are right, but each rank keeps the moments of all weights. That is what "
        "ZeRO-1 saves: a rank keeps those of its own part.",
    ),
    "remainder-lost": Wrong(
        edit(
            zero1_adam,
            ("-(-len(weights) // n_ranks)", "max(1, len(weights) // n_ranks)"),
            ("np.concatenate(parts)",
             "np.concatenate([*parts, weights[n_ranks * size :]])[: len(weights)]"),
        ),
        "You round the size of a part down. The last weights then belong to no rank and are never "
        "updated. Round up; the last rank may have fewer.",
    ),
    "not-gathered": Wrong(
        edit(
            zero1_adam,
            ("np.concatenate(parts)", "np.concatenate([parts[0], weights[size:]])"),
        ),
        "Only the first rank's new part is in the result. After the update every rank sends its "
        "part to all others.",
    ),
    "first-gradient-part": Wrong(
        edit(
            zero1_adam,
            ("own = gradient[rank * size : (rank + 1) * size]",
             "own = gradient[: len(parts[rank])]"),
        ),
        "Every rank uses the first part of the gradient. A rank needs the part that belongs to "
        "its own weights.",
    ),
    "steps-by-rank": Wrong(
        edit(
            zero1_adam,
            ("1 - 0.9**step", "1 - 0.9 ** (step + rank)"),
            ("1 - 0.99**step", "1 - 0.99 ** (step + rank)"),
        ),
        "The step number grows from rank to rank. All ranks make the same step at the same time.",
    ),
    "no-correction": Wrong(
        edit(zero1_adam, (" / (1 - 0.9**step)", ""), (" / (1 - 0.99**step)", "")),
        "The moments start at zero and are too small at first: Adam divides them by 1 minus the "
        "decay to the power of the step.",
    ),
    "gradient-by-ranks": Wrong(
        edit(zero1_adam, ("in enumerate(gradients, start=1)",
                          "in enumerate(gradients / n_ranks, start=1)"),
             ("0.1 * momentum", "0.1 * n_ranks * momentum")),
        "You divide by the number of ranks. The gradients that come in are means over all ranks "
        "already.",
    ),
}  # fmt: skip

_ADAM = '''
import numpy as np

def zero1_adam(weights, gradients, n_ranks):
    """gradients (steps, P) are means over all ranks already.

    Return the weights after all steps, and how many moments each rank keeps.
    """
    size = -(-len(weights) // n_ranks)      # rounded up: the last rank may have fewer
    # cut up: each rank's part of the weights, and the two moments of that part
    parts = ...
    moments = ...
    for step, gradient in enumerate(gradients, start=1):
        for rank in range(n_ranks):
            # update: momentum 0.9, variance 0.99, learning rate 0.1, eps 1e-4
            ...
    # gather: every rank gets all parts
    return ..., ...
'''

_ADAM_UPDATE = '''
import numpy as np

def zero1_adam(weights, gradients, n_ranks):
    """gradients (steps, P) are means over all ranks already.

    Return the weights after all steps, and how many moments each rank keeps.
    """
    size = -(-len(weights) // n_ranks)      # rounded up: the last rank may have fewer
    parts = [weights[r * size : (r + 1) * size].copy() for r in range(n_ranks)]
    moments = [np.zeros((2, len(part))) for part in parts]
    for step, gradient in enumerate(gradients, start=1):
        for rank in range(n_ranks):
            own = ...
            moments[rank][0] = 0.9 * moments[rank][0] + 0.1 * own
            moments[rank][1] = 0.99 * moments[rank][1] + 0.01 * own**2
            momentum = moments[rank][0] / (1 - 0.9**step)
            variance = moments[rank][1] / (1 - 0.99**step)
            parts[rank] = parts[rank] - 0.1 * momentum / (np.sqrt(variance) + 1e-4)
    return ..., ...
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
            properties=[equals_reference(1e-8)],
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
    Spec(
        id="18.c2",
        version=1,
        chapter=CHAPTER,
        section="zeRO",
        kind="code",
        title="Adam in parts",
        prompt="""
        Write `zero1_adam(weights, gradients, n_ranks)`: every rank keeps the moments of its own
        part of the weights, updates that part with Adam in every step, and the parts are put
        together again. Parts are of one size, rounded up; the last may be shorter or empty.
        """,
        code=Code(
            reference=zero1_adam,
            starters=[("the gathering blank", _ADAM_UPDATE), ("all steps blank", _ADAM)],
            also_correct=[_adam_whole, _adam_loops],
            wrong=ADAM_WRONG,
            generate=adam_case,
            properties=[equals_reference(1e-7)],
            contract=Contract(),
        ),
        hints=[
            "Part `rank` is `weights[rank * size : (rank + 1) * size]`, and so is its gradient.",
            "Moments are kept for a part only: two numbers for each of its weights.",
        ],
        explain="""
        Adam looks at every weight by itself, so it does not notice that the weights are cut up. The
        result is that of one optimizer, to the last bit.
        """,
    ),
]
