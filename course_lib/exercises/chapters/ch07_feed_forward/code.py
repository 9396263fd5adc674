"""Chapter 07, code: a softmax that never overflows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch07_feed_forward import CHAPTER, SECTION
from course_lib.exercises.chapters.common import softmax
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def _softmax_loops(logits: Array) -> Array:
    result = np.zeros(logits.shape)
    for place in np.ndindex(logits.shape[:-1]):
        row = [float(value) for value in logits[place]]
        powers = [math.exp(value - max(row)) for value in row]
        result[place] = [power / sum(powers) for power in powers]
    return result


def _softmax_logarithm(logits: Array) -> Array:
    return np.exp(logits - np.logaddexp.reduce(logits, axis=-1)[..., None])


def _softmax_in_place(logits: Array) -> Array:
    logits -= logits.max(axis=-1, keepdims=True)
    return softmax(logits)


def _softmax_squared(logits: Array) -> Array:
    powers = logits**2 + 1e-12
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_case(draw: Draw) -> dict[str, Any]:
    """Draw logits with one to three axes; at times around plus or minus 1000."""
    shape = [draw.size(1, 3) for _ in range(draw.integer(0, 2))]
    logits = draw.array(*shape, draw.size(2, 6))
    far = draw.pick([0.0, 4.0, 1000.0])
    return {"logits": logits + far * draw.integers(*logits.shape, low=-1, high=1)}


def _sums(case: Case) -> str | None:
    total = np.atleast_1d(case.got.sum(axis=-1))
    worst = total.flat[int(np.abs(total - 1).argmax())]
    return None if abs(worst - 1) < 1e-6 else f"One row sums to {worst:.4g}"


def _certain(case: Case) -> str | None:
    """Beside a logit far above the rest the others vanish, in single precision too."""
    first = float(np.asarray(case.call(logits=np.array([[0.0, -60.0]])))[0, 0])
    return (
        None if abs(first - 1) < 1e-12 else f"Logits 0 and -60 give the first {first:.10g}, not 1"
    )


SOFTMAX_WRONG = {
    "overflow": Wrong(
        edit(softmax, ("logits - logits.max(axis=-1, keepdims=True)", "logits")),
        "exp(1000) is infinite, and infinity / infinity is not a number. Subtract the largest "
        "logit first; only differences count, so the probabilities stay the same.",
    ),
    "one-maximum": Wrong(
        edit(softmax, ("logits.max(axis=-1, keepdims=True)", "logits.max()")),
        "You subtract one maximum from everything. A row far below it becomes 0 / 0. Each row "
        "needs its own maximum.",
    ),
    "first-axis": Wrong(
        edit(softmax, ("max(axis=-1", "max(axis=0"), ("sum(axis=-1", "sum(axis=0")),
        "You normalise along the first axis, over positions. The words of the vocabulary compete "
        "with each other: they are the last axis.",
    ),
    "whole-array": Wrong(
        edit(softmax, ("powers.sum(axis=-1, keepdims=True)", "powers.sum()")),
        "You divide by the sum of the whole array. Every position has a distribution of its own, "
        "which sums to 1.",
    ),
    "not-normalised": Wrong(
        edit(softmax, (" / powers.sum(axis=-1, keepdims=True)", "")),
        "These are positive numbers, not yet probabilities. Divide each row by its sum.",
    ),
    "no-exponent": Wrong(
        edit(softmax, ("np.exp(logits - logits.max(axis=-1, keepdims=True))", "logits")),
        "You divide logits by their sum. Logits may be negative, and equal steps of logit must be "
        "equal *factors* of probability: exp does that.",
    ),
    "squares": Wrong(
        _softmax_squared,
        "Squares are positive, but -3 then counts as much as 3, and the order is lost. exp is "
        "positive and keeps the order.",
    ),
    "base-two": Wrong(
        edit(softmax, ("np.exp(", "np.exp2(")),
        "You use powers of 2. That is a softmax at another temperature: its probabilities are "
        "flatter. Softmax uses e.",
    ),
    "epsilon": Wrong(
        edit(
            softmax,
            ("powers.sum(axis=-1, keepdims=True)", "(powers.sum(axis=-1, keepdims=True) + 1e-6)"),
        ),
        "You add a small number to the sum, and no row sums to 1 any more. Nothing has to be: "
        "with the largest logit taken out, one term is exp(0) = 1, so the sum is never 0.",
    ),
    "in-place": Wrong(
        _softmax_in_place,
        "The probabilities are right, but the logits you were given are changed (`-=`). Compute "
        "into a new array.",
    ),
}

_SOFTMAX = '''
import numpy as np

def softmax(logits):
    """Turn logits (..., words) into probabilities of the same shape."""
    # exponent: without overflow, whatever the size of the logits
    powers = ...
    # normalise: over the last axis
    return ...
'''
EXERCISES = [
    Spec(
        id="07.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="A stable softmax",
        prompt="""
        Write `softmax(logits)` along the last axis, for arrays of any number of axes. It must stay
        right for logits around 1000 and -1000.
        """,
        code=Code(
            reference=softmax,
            starters=[("two steps blank", _SOFTMAX)],
            also_correct=[_softmax_loops, _softmax_logarithm],
            wrong=SOFTMAX_WRONG,
            generate=softmax_case,
            properties=[equals_reference(), Property("one word alone is certain", _certain)],
            diagnose=[Property("each row sums to 1", _sums)],
        ),
        hints=[
            "softmax(logits) equals softmax(logits - c) for every number c. Which c is safe?",
            "`logits.max(axis=-1, keepdims=True)` keeps the axis, so it can be subtracted.",
        ],
        explain="""
        Taking the maximum out leaves the largest exponent at 0: nothing overflows, and at least one
        term of the sum is 1, so nothing is divided by 0.
        """,
    ),
]
