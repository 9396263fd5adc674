"""Chapter 11, code: the repetition penalty, and the sign it goes wrong with."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


def penalize(logits: Array, past: list[int], penalty: float) -> Array:
    """Divide what is positive, multiply what is negative: both make the token less likely."""
    result = logits.copy()
    seen = np.unique(np.array(past, dtype=int))
    result[seen] = np.where(result[seen] > 0, result[seen] / penalty, result[seen] * penalty)
    return result


def _with_loops(logits: Array, past: list[int], penalty: float) -> Array:
    result = [float(value) for value in logits]
    for token in set(past):
        result[token] = result[token] / penalty if result[token] > 0 else result[token] * penalty
    return np.array(result)


def _with_minimum(logits: Array, past: list[int], penalty: float) -> Array:
    seen = np.isin(np.arange(len(logits)), past)
    return np.where(seen, np.minimum(logits / penalty, logits * penalty), logits)


def penalty_case(draw: Draw) -> dict[str, Any]:
    """Draw logits of both signs, and a past that often holds a token twice."""
    n = draw.size(1, 6)
    past = draw.integers(draw.size(0, 6), low=0, high=n - 1).tolist()
    return {
        "logits": draw.array(n),
        "past": past,
        "penalty": draw.pick([2.0, 1.5, 1.3, 1.0]),
    }


_WHERE = "np.where(result[seen] > 0, result[seen] / penalty, result[seen] * penalty)"
PENALTY_WRONG = {
    "divides-negative": Wrong(
        edit(penalize, (_WHERE, "result[seen] / penalty")),
        "You divide whatever the sign. −4 divided by 2 is −2, and that is *likelier* than before. "
        "Multiply where the logit is negative.",
    ),
    "multiplies-positive": Wrong(
        edit(penalize, (_WHERE, "result[seen] * penalty")),
        "You multiply whatever the sign, which makes tokens with a positive logit likelier. Divide "
        "there.",
    ),
    "each-time": Wrong(
        edit(
            penalize,
            (
                f"    result[seen] = {_WHERE}\n",
                "    for token in past:\n"
                "        result[token] *= 1 / penalty if result[token] > 0 else penalty\n",
            ),
        ),
        "You penalize a token once for each time it was written. This penalty counts a token once; "
        "the one that counts is the frequency penalty.",
    ),
    "subtracts": Wrong(
        edit(penalize, (_WHERE, "result[seen] - penalty")),
        "You subtract. That is the presence penalty; this one divides or multiplies.",
    ),
    "the-unseen": Wrong(
        edit(
            penalize,
            (
                "np.unique(np.array(past, dtype=int))",
                "np.setdiff1d(np.arange(len(logits)), past)",
            ),
        ),
        "You penalize the tokens that were *not* written.",
    ),
    "all": Wrong(
        edit(penalize, ("np.unique(np.array(past, dtype=int))", "np.arange(len(logits))")),
        "You penalize every token, written or not.",
    ),
}

_PENALTY = '''
import numpy as np

def penalize(logits, past, penalty):
    """New logits (V,). past: a list of ids written so far; penalty >= 1."""
    result = logits.copy()
    # each token of past, once: less likely, whatever its logit's sign
    ...
    return ...
'''

EXERCISES = [
    Spec(
        id="11.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="The repetition penalty",
        prompt="""
        Write `penalize(logits, past, penalty)`: the logit of every token in `past` is divided by
        `penalty` where it is positive, and multiplied by it where it is negative. A token counts
        once, however often it was written. Return new logits.
        """,
        code=Code(
            reference=penalize,
            starters=[("all but the frame blank", _PENALTY)],
            also_correct=[_with_loops, _with_minimum],
            wrong=PENALTY_WRONG,
            generate=penalty_case,
            properties=[equals_reference()],
        ),
        hints=[
            "`set(past)` or `np.unique(past)` names every token once.",
            "What does dividing −4 by 2 do to the token's chance?",
        ],
        explain="""
        The first programs divided whatever the sign, and made tokens with a negative logit
        likelier each time they were written. No shape and no crash shows it.
        """,
    ),
]
