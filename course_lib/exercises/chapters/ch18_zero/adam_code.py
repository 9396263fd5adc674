"""Chapter 18, code: an optimizer that each rank holds in part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch18_zero import CHAPTER
from course_lib.exercises.chapters.ch18_zero.ranks import zero1_ranks
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference

Gather = Callable[[Any], list[Any]]


def zero1_adam(
    weights: Array, gradients: Array, rank: int, n_ranks: int, all_gather: Gather
) -> tuple[Array, int]:
    """Step with Adam on the own part of the weights, then put all ranks' parts together."""
    size = -(-len(weights) // n_ranks)
    part = weights[rank * size : (rank + 1) * size].copy()
    moments = np.zeros((2, len(part)))
    for step, own in enumerate(gradients, start=1):
        moments[0] = 0.9 * moments[0] + 0.1 * own
        moments[1] = 0.99 * moments[1] + 0.01 * own**2
        momentum = moments[0] / (1 - 0.9**step)
        variance = moments[1] / (1 - 0.99**step)
        part = part - 0.1 * momentum / (np.sqrt(variance) + 1e-4)
    return np.concatenate(all_gather(part)), moments.size


def _adam_short(
    weights: Array, gradients: Array, rank: int, n_ranks: int, all_gather: Gather
) -> tuple[Array, int]:
    size = -(-len(weights) // n_ranks)
    w = weights[rank * size :][:size]
    m, v = np.zeros(len(w)), np.zeros(len(w))
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w = w - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-4)
    return np.hstack(all_gather(w)), len(m) + len(v)


def _adam_loops(
    weights: Array, gradients: Array, rank: int, n_ranks: int, all_gather: Gather
) -> tuple[Array, int]:
    size = -(-len(weights) // n_ranks)
    own = [float(value) for value in weights[rank * size : (rank + 1) * size]]
    for i in range(len(own)):
        m = v = 0.0
        for t in range(1, len(gradients) + 1):
            g = gradients[t - 1][i]
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            own[i] -= 0.1 * (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)) ** 0.5 + 1e-4)
    return np.array([value for part in all_gather(own) for value in part]), 2 * len(own)


def _adam_everywhere(
    weights: Array, gradients: Array, rank: int, n_ranks: int, all_gather: Gather
) -> tuple[Array, int]:
    result, _ = zero1_adam(weights, gradients, rank, n_ranks, all_gather)
    return result, 2 * len(weights)


def adam_case(draw: Draw) -> dict[str, Any]:
    """Draw weights that often do not divide over the ranks, and up to five gradients.

    Some gradients are so small that eps counts.
    """
    width = draw.size(2, 9)
    return {
        "weights": draw.array(width),
        "gradients": draw.array(draw.size(1, 5), width) * draw.pick([1.0, 1.0, 1e-4]),
        "n_ranks": draw.integer(1, 4),
    }


ADAM_WRONG = {
    "every-rank-all": Wrong(
        _adam_everywhere,
        "The weights are right, but each rank keeps the moments of all weights. That is what "
        "ZeRO-1 saves: a rank keeps those of its own part.",
    ),
    "not-gathered": Wrong(
        edit(
            zero1_adam,
            ("np.concatenate(all_gather(part))",
             "np.concatenate([weights[: rank * size], part, weights[(rank + 1) * size :]])"),
        ),
        "Only a rank's own new part is in its result. After the update every rank sends its part "
        "to all others.",
    ),
    "first-part": Wrong(
        edit(zero1_adam, ("weights[rank * size : (rank + 1) * size]",
                          "weights[: gradients.shape[1]]")),
        "Every rank starts from the first weights. A rank updates the part that its gradients "
        "belong to: from `rank * size` on.",
    ),
    "parts-reversed": Wrong(
        edit(zero1_adam, ("all_gather(part)", "all_gather(part)[::-1]")),
        "You put the parts together from the last rank to the first. Rank 0 holds the beginning.",
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
    "eps-inside": Wrong(
        edit(zero1_adam, ("(np.sqrt(variance) + 1e-4)", "np.sqrt(variance + 1e-4)")),
        "You add eps under the root. Adam adds it to the root.",
    ),
    "gradient-by-ranks": Wrong(
        edit(zero1_adam, ("0.1 * own\n", "0.1 * own / n_ranks\n")),
        "You divide by the number of ranks. The gradients that come in are means over all ranks "
        "already.",
    ),
}  # fmt: skip

_HEAD = '''
import numpy as np

def zero1_adam(weights, gradients, rank, n_ranks, all_gather):
    """This runs on every rank, which keeps its own part of the weights.

    gradients (steps, own) are those of this part. all_gather(part) gives
    the list of all ranks' parts. Return all weights after all steps, and
    how many moments the rank keeps.
    """
    size = -(-len(weights) // n_ranks)  # rounded up: the last may be short
'''
_ADAM = (
    _HEAD
    + """    # cut: the rank's own part of the weights, and its two moments
    part = ...
    moments = ...
    for step, own in enumerate(gradients, start=1):
        # update: momentum 0.9, variance 0.99, learning rate 0.1, eps 1e-4
        ...
    # gather: every rank gets all parts
    return ..., ...
"""
)
_ADAM_UPDATE = (
    _HEAD
    + """    part = ...
    moments = np.zeros((2, len(part)))
    for step, own in enumerate(gradients, start=1):
        moments[0] = 0.9 * moments[0] + 0.1 * own
        moments[1] = 0.99 * moments[1] + 0.01 * own**2
        momentum = moments[0] / (1 - 0.9**step)
        variance = moments[1] / (1 - 0.99**step)
        part = part - 0.1 * momentum / (np.sqrt(variance) + 1e-4)
    return ..., ...
"""
)

EXERCISES = [
    Spec(
        id="18.c2",
        version=2,
        chapter=CHAPTER,
        section="zeRO",
        kind="code",
        title="Adam in parts",
        prompt="""
        Write `zero1_adam(weights, gradients, rank, n_ranks, all_gather)`, which runs on every rank.
        All ranks have the same `weights`; parts are of one size, rounded up, and the last may be
        shorter or empty. `gradients` has a row for each step with the gradients of the rank's *own*
        part. Update that part with Adam in every step: decay 0.9 for the momentum and 0.99 for the
        variance, both divided by 1 minus their decay to the power of the step; learning rate 0.1;
        1e-4 added to the root. Then `all_gather(part)` gives the list of all ranks' parts. Return
        all weights, and how many moments the rank keeps.
        """,
        code=Code(
            reference=zero1_adam,
            starters=[("the gathering blank", _ADAM_UPDATE), ("all steps blank", _ADAM)],
            also_correct=[_adam_short, _adam_loops],
            harness=zero1_ranks,
            wrong=ADAM_WRONG,
            generate=adam_case,
            properties=[equals_reference()],
        ),
        hints=[
            "Part `rank` is `weights[rank * size : (rank + 1) * size]`.",
            "Moments are kept for a part only: two numbers for each of its weights.",
        ],
        explain="""
        Adam looks at every weight by itself, so it does not notice that the weights are cut up. The
        result is that of one optimizer, to the last bit.
        """,
    ),
]
