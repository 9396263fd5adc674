"""Chapter 01, code: from scores to relevance."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch01_relevance import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def relevance(scores: Array) -> Array:
    """Turn scores into relevance: each row of weights is positive and sums to 1."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _with_loops(scores: Array) -> Array:
    rows = []
    for row in scores:
        top = max(row)
        powers = [np.exp(value - top) for value in row]
        rows.append([power / sum(powers) for power in powers])
    return np.array(rows)


def _with_logarithms(scores: Array) -> Array:
    total = np.logaddexp.reduce(scores, axis=1)
    return np.exp(scores - total[:, None])


def _absolute(scores: Array) -> Array:
    sizes = np.abs(scores) + 1e-9
    return sizes / sizes.sum(axis=1, keepdims=True)


def _winner(scores: Array) -> Array:
    result = np.zeros(scores.shape)
    result[np.arange(len(scores)), scores.argmax(axis=1)] = 1.0
    return result


def _in_place(scores: Array) -> Array:
    scores -= scores.max(axis=1, keepdims=True)
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def scores_case(draw: Draw) -> dict[str, Any]:
    """Draw a square of scores, at times far apart, so that a careless exp overflows."""
    n = draw.size(1, 6)
    scores = draw.array(n, n)
    far = draw.pick([0.0, 4.0, 900.0])
    return {"scores": scores + far * draw.integers(n, draw.pick([1, n]), low=-1, high=1)}


def _rows(case: Case) -> str | None:
    total = case.got.sum(axis=1)
    bad = int(np.argmax(np.abs(total - 1)))
    return None if abs(total[bad] - 1) < 1e-6 else f"Row {bad} sums to {total[bad]:.4g}"


def _shift(case: Case) -> str | None:
    other = case.call(scores=case["scores"] + 1.0)
    return None if np.allclose(other, case.got) else "Adding 1 to every score changes the weights"


CODE = Code(
    reference=relevance,
    starters=[
        (
            "two steps blank",
            '''
            import numpy as np

            def relevance(scores):
                """Turn scores (n, n) into weights: row i says what word i looks at."""
                # exponent: less each row's largest score, so that exp cannot overflow
                powers = ...
                # normalise: each row must sum to 1
                return ...
            ''',
        )
    ],
    also_correct=[_with_loops, _with_logarithms],
    wrong={
        "overflow": Wrong(
            edit(relevance, ("scores - scores.max(axis=1, keepdims=True)", "scores")),
            "exp() of a score near 900 is infinite, and infinity divided by infinity is not a "
            "number. Subtract each row's maximum before exp(): the ratio of two weights depends "
            "only on the difference of their scores, so nothing else changes.",
        ),
        "columns": Wrong(
            edit(
                relevance, ("scores.max(axis=1", "scores.max(axis=0"), ("sum(axis=1", "sum(axis=0")
            ),
            "Your columns sum to 1. Each *row* belongs to one word and shares out its attention "
            "among the words it looks at, so each row must sum to 1: use the last axis.",
        ),
        "all-pairs": Wrong(
            edit(relevance, ("powers.sum(axis=1, keepdims=True)", "powers.sum()")),
            "You normalise over all pairs, so the whole table sums to 1. Every word has its own "
            "share of 1 to give away: normalise each row by itself.",
        ),
        "no-exponent": Wrong(
            edit(relevance, ("np.exp(scores - scores.max(axis=1, keepdims=True))", "scores")),
            "Dividing raw scores by their sum gives negative weights for negative scores, and "
            "fails for a sum of 0. exp() first makes every score positive.",
        ),
        "absolute": Wrong(
            _absolute,
            "With absolute values, -3 counts as much as 3, yet a low score means *not* relevant. "
            "exp() is positive and keeps the order of the scores.",
        ),
        "one-maximum": Wrong(
            edit(relevance, ("scores.max(axis=1, keepdims=True)", "scores.max()")),
            "One maximum for the whole table turns a row far below it into 0 / 0. Subtract each "
            "row's own maximum (`axis=1, keepdims=True`).",
        ),
        "not-normalised": Wrong(
            edit(relevance, (" / powers.sum(axis=1, keepdims=True)", "")),
            "The exponentials are right, but nothing makes a row sum to 1. Divide each row by its "
            "sum.",
        ),
        "winner": Wrong(
            _winner,
            "You give everything to the highest score. Relevance is shared: a word that scores "
            "slightly less gets slightly less, not nothing.",
        ),
        "in-place": Wrong(
            _in_place,
            "The weights are right, but the scores you were given are overwritten (`-=`). Whoever "
            "called you still needs them: compute into new arrays.",
        ),
    },
    generate=scores_case,
    properties=[equals_reference()],
    diagnose=[
        Property("each row sums to 1", _rows),
        Property("only differences of scores count", _shift),
    ],
)

EXERCISES = [
    Spec(
        id="01.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="From scores to relevance",
        prompt="""
        A table of scores says how well each word fits each other word: `scores[i, j]` is how much
        word `i` wants to know about word `j`. Write `relevance(scores)`, which turns it into
        weights: every row positive, every row summing to 1, larger where the score is larger, by
        the softmax of each row. Scores may be large: `exp(900)` must not spoil the result.
        """,
        code=CODE,
        hints=[
            "The softmax of a row is exp of each score, divided by the sum of these over the row.",
            "`keepdims=True` keeps the axis, so that a column of maxima can be subtracted.",
            "`powers = np.exp(scores - scores.max(axis=1, keepdims=True))`",
        ],
        explain="""
        Only differences of scores matter, which is why each row's maximum can be taken away first.
        The axis says who shares with whom: axis 1 shares out each word's own attention.
        """,
    ),
]
