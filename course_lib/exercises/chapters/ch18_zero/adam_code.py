"""Chapter 18, code: an optimizer that each rank holds in part."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch18_zero import CHAPTER
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


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
            properties=[equals_reference()],
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
