"""Chapter 18, code: a forward and a backward pass whose matrices are there only while in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch18_zero import CHAPTER
from course_lib.exercises.chapters.ch18_zero.ranks import zero3_ranks
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference

Send = Callable[[Any], Any]


def zero3_gradients(
    parts: list[Array], x: Array, y: Array, all_gather: Send, reduce_scatter: Send
) -> list[Array]:
    """Gather a matrix, use it, let it go; coming back, once more."""
    seen = [x]
    for part in parts:
        seen.append(seen[-1] @ all_gather(part))
    error = 2 * (seen[-1] - y)
    gradients = []
    for i in reversed(range(len(parts))):
        gradients.append(reduce_scatter(seen[i].T @ error))
        error = error @ all_gather(parts[i]).T
    return gradients[::-1]


def _not_the_first_again(
    parts: list[Array], x: Array, y: Array, all_gather: Send, reduce_scatter: Send
) -> list[Array]:
    seen = [x]
    for part in parts:
        whole = all_gather(part)
        seen.append(seen[-1] @ whole)
    error = 2 * (seen.pop() - y)
    gradients = [reduce_scatter(seen[-1].T @ error)]
    for part in parts[:0:-1]:
        error = error @ (whole if part is parts[-1] else all_gather(part)).T
        seen.pop()
        gradients.insert(0, reduce_scatter(seen[-1].T @ error))
    return gradients


def _recursive(
    parts: list[Array], x: Array, y: Array, all_gather: Send, reduce_scatter: Send
) -> list[Array]:
    gradients: dict[int, Array] = {}

    def through(i: int, h: Array) -> Array:
        if i == len(parts):
            return 2 * (h - y)
        error = through(i + 1, h @ all_gather(parts[i]))
        gradients[i] = reduce_scatter(h.T @ error)
        return error @ all_gather(parts[i]).T

    through(0, x)
    return [gradients[i] for i in range(len(parts))]


def _keeps_all(
    parts: list[Array], x: Array, y: Array, all_gather: Send, reduce_scatter: Send
) -> list[Array]:
    whole = [all_gather(part) for part in parts]
    seen = [x]
    for matrix in whole:
        seen.append(seen[-1] @ matrix)
    error = 2 * (seen[-1] - y)
    gradients = []
    for i in reversed(range(len(parts))):
        gradients.append(reduce_scatter(seen[i].T @ error))
        error = error @ whole[i].T
    return gradients[::-1]


def zero3_case(draw: Draw) -> dict[str, Any]:
    """Draw one to three ranks, and three or four matrices whose rows divide over them."""
    n_ranks = draw.integer(1, 3)
    widths = [n_ranks * draw.size(1, 2) for _ in range(draw.integer(4, 5))]
    sizes = [draw.size(1, 3) for _ in range(n_ranks)]
    return {
        "weights": [draw.array(a, b) for a, b in zip(widths, widths[1:], strict=False)],
        "inputs": [draw.array(n, widths[0]) for n in sizes],
        "targets": [draw.array(n, widths[-1]) for n in sizes],
    }


ZERO3_WRONG = {
    "keeps-all": Wrong(
        _keeps_all,
        "The gradients are right, but you keep every matrix whole from the forward pass to the "
        "backward pass. In stage 3 a matrix goes after its use: gather it again on the way back.",
    ),
    "not-reduced": Wrong(
        edit(zero3_gradients, ("reduce_scatter(seen[i].T @ error)",
                               "(seen[i].T @ error)[: len(parts[i])]")),
        "You take a piece of the rank's own gradient. Other ranks have read other rows: "
        "`reduce_scatter` adds all ranks' gradients up and gives each rank its part of the sum.",
    ),
    "no-two": Wrong(
        edit(zero3_gradients, ("2 * (seen[-1] - y)", "seen[-1] - y")),
        "The gradient of a square brings a factor of 2.",
    ),
    "mean-of-own-rows": Wrong(
        edit(zero3_gradients, ("2 * (seen[-1] - y)", "2 * (seen[-1] - y) / len(y)")),
        "You divide by the rank's own number of rows. The task asks for the gradient of a sum over "
        "all rows: nothing is divided.",
    ),
    "backwards": Wrong(
        edit(zero3_gradients, ("gradients[::-1]", "gradients")),
        "The gradients stand in the order in which they were finished, last matrix first. Return "
        "them in the order of `parts`.",
    ),
    "same-error": Wrong(
        edit(zero3_gradients, ("error = error @ all_gather(parts[i]).T",
                               "error = error @ (0 * all_gather(parts[i]).T + 1)")),
        "What goes back through a matrix is multiplied by its transpose.",
    ),
}  # fmt: skip

_HEAD = '''
import numpy as np

def zero3_gradients(parts, x, y, all_gather, reduce_scatter):
    """This runs on every rank; x and y are its rows of the batch.

    parts: its own rows of each matrix. all_gather(part) gives the whole
    matrix, reduce_scatter(gradient) takes the gradient of a whole matrix
    and gives the rank's own rows of the sum over all ranks.
    """
    seen = [x]  # what each matrix reads; at last, what comes out
'''
_BACK = (
    _HEAD
    + """    for part in parts:
        seen.append(seen[-1] @ all_gather(part))
    error = 2 * (seen[-1] - y)
    gradients = []
    for i in reversed(range(len(parts))):
        # send: the gradient of matrix i is seen[i].T @ error
        # go on: the error one matrix further down; the matrix has gone
        ...
    # in the order of `parts`
    return ...
"""
)
_ALL = (
    _HEAD
    + """    # forward: gather a matrix, use it, let it go
    ...
    # backward: the same in reverse, with the gradients
    ...
    return ...
"""
)

EXERCISES = [
    Spec(
        id="18.e",
        version=1,
        chapter=CHAPTER,
        section="zeRO",
        kind="code",
        title="Stage 3, by ranks",
        prompt="""
        A network is a chain of matrices: `x @ W1 @ W2 @ ...`. Each rank holds some rows of every
        matrix and reads its own rows of the batch. Write `zero3_gradients(parts, x, y, all_gather,
        reduce_scatter)`, which runs on every rank: `parts` has the rank's rows of each matrix.
        `all_gather(part)` gives the whole matrix, and `reduce_scatter(gradient)` takes the gradient
        of a whole matrix and gives the rank's own rows of the sum over the ranks. Return, for each
        matrix, the rank's rows of the gradient of the *sum* of the squared errors over all rows of
        all ranks. No matrix may stay whole from the forward to the backward pass, but the last.
        """,
        code=Code(
            reference=zero3_gradients,
            starters=[("the way back blank", _BACK), ("both ways blank", _ALL)],
            also_correct=[_not_the_first_again, _recursive],
            harness=zero3_ranks,
            wrong=ZERO3_WRONG,
            generate=zero3_case,
            properties=[equals_reference()],
        ),
        hints=[
            "If `out = h @ W` and the gradient of `out` is `error`, that of `W` is `h.T @ error` "
            "and that of `h` is `error @ W.T`.",
            "Coming back you need the matrix once more: `all_gather(parts[i])`.",
        ],
        explain="""
        Each matrix travels twice and its gradient once: that is the 3 P of the table. What a rank
        keeps for the backward pass are activations, its own, and they are not cut up.
        """,
    ),
]
