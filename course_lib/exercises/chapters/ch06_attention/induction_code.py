"""Chapter 06, code: where an induction head looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch06_attention import CHAPTER
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference

SECTION = "Multiple heads"


def induction_weights(tokens: Array) -> Array:
    """Share each row's weight among the places that stand right after its own token."""
    n = len(tokens)
    before = np.roll(tokens, 1)
    allowed = np.tril(np.ones((n, n), dtype=bool))
    fits = (before[None, :] == tokens[:, None]) & allowed
    nothing = ~fits[:, 1:].any(axis=1)
    fits[:, 0] = nothing
    return fits / fits.sum(axis=1, keepdims=True)


def _with_loops(tokens: Array) -> Array:
    weights = np.zeros((len(tokens), len(tokens)))
    for t, token in enumerate(tokens):
        places = [s for s in range(1, t + 1) if tokens[s - 1] == token] or [0]
        for s in places:
            weights[t, s] = 1 / len(places)
    return weights


def _shifted(tokens: Array) -> Array:
    same = np.equal.outer(tokens, tokens).astype(float)
    weights = np.tril(np.pad(same, ((0, 0), (1, 0)))[:, :-1])
    weights[weights.sum(axis=1) == 0, 0] = 1
    return weights / weights.sum(axis=1)[:, None]


def tokens_case(draw: Draw) -> dict[str, Any]:
    """Draw a text of few different tokens, so that most come again."""
    kinds = draw.size(1, 4)
    return {"tokens": np.array([draw.integer(0, kinds) for _ in range(draw.size(1, 8))])}


def _rows(case: Case) -> str | None:
    sums = case.got.sum(axis=1)
    return None if np.allclose(sums, 1) else f"The rows sum to {np.round(sums, 2).tolist()}"


def _past(case: Case) -> str | None:
    return "A row gives weight to a later place" if np.triu(case.got, 1).any() else None


def _behind(case: Case) -> str | None:
    tokens = case["tokens"]
    for t, s in np.argwhere(case.got > 0).tolist():
        if s and tokens[s - 1] != tokens[t]:
            return f"Row {t} looks at place {s}, but token {tokens[t]} does not stand before it"
    return None


_BEFORE = "before = np.roll(tokens, 1)"
_NOTHING = "    fits[:, 0] = nothing\n"
_ALLOWED = "(before[None, :] == tokens[:, None]) & allowed"
WRONG = {
    "same-token": Wrong(
        edit(induction_weights, (_BEFORE, "before = tokens")),
        "You look *at* the equal tokens. They say what is here already. What is wanted is what "
        "came after them: the place s whose token *before* it, `tokens[s - 1]`, is the same.",
    ),
    "two-back": Wrong(
        edit(induction_weights, (_BEFORE, "before = np.roll(tokens, 2)")),
        "You look two places behind the equal token. The one that followed stands one place "
        "behind: compare `tokens[t]` with `tokens[s - 1]`.",
    ),
    "place-before": Wrong(
        edit(induction_weights, (_BEFORE, "before = np.roll(tokens, -1)")),
        "You look at what stood *before* the equal token. Next comes what stood after it: the "
        "place s with `tokens[s - 1] == tokens[t]`.",
    ),
    "wraps-around": Wrong(
        edit(induction_weights, (_NOTHING, "    fits[:, 0] |= nothing\n")),
        "`np.roll` puts the last token before the first, and place 0 seems to fit where that comes "
        "again. Nothing stands before place 0: it gets weight only where no other place fits.",
    ),
    "zero-before-the-first": Wrong(
        edit(
            induction_weights,
            (_BEFORE, "before = np.concatenate([[0], tokens[:-1]])"),
            (_NOTHING, "    fits[:, 0] |= nothing\n"),
        ),
        "You put a 0 before the first place, and 0 is a token, too. Nothing stands there: use a "
        "mark that no token has, such as -1.",
    ),
    "no-mask": Wrong(
        edit(induction_weights, (_ALLOWED, "before[None, :] == tokens[:, None]")),
        "Rows look at later places. A model that writes from left to right has not got them: keep "
        "the places s ≤ t, as in `np.tril`.",
    ),
    "itself-hidden": Wrong(
        edit(induction_weights, ("np.tril(np.ones((n, n), dtype=bool))", "np.tri(n, k=-1) > 0")),
        "You hide each place from itself. Where a token stands twice in a row, the place t follows "
        "an equal token and may be looked at: keep the diagonal.",
    ),
    "mask-reversed": Wrong(
        edit(induction_weights, ("np.tril", "np.triu")),
        "You keep the future and hide the past. Row t may look at the places s ≤ t: the lower "
        "triangle.",
    ),
    "latest-only": Wrong(
        edit(induction_weights, (
            "    nothing =",
            "    fits = fits & (np.cumsum(fits[:, ::-1], 1)[:, ::-1] == 1)\n    nothing =",
        )),
        "You look at the latest fitting place alone. All fitting keys are alike to the query, so "
        "their scores are equal, and softmax shares evenly among them.",
    ),
    "first-only": Wrong(
        edit(induction_weights, (
            "    nothing =", "    fits = fits & (np.cumsum(fits, 1) == 1)\n    nothing =",
        )),
        "You look at the first fitting place alone. All fitting keys are alike to the query, so "
        "their scores are equal, and softmax shares evenly among them.",
    ),
    "not-shared": Wrong(
        edit(induction_weights, ("fits / fits.sum(axis=1, keepdims=True)", "fits.astype(float)")),
        "You give 1 to every fitting place. Weights are shares: divide each row by its sum.",
    ),
    "shared-over-columns": Wrong(
        edit(induction_weights, ("fits.sum(axis=1, keepdims=True)",
             "np.maximum(fits.sum(axis=0, keepdims=True), 1)")),
        "You divide columns by their sums. It is the place that looks, the row, that has one whole "
        "to share: sum over axis 1.",
    ),
    "nothing-found-nothing-given": Wrong(
        edit(induction_weights, (_NOTHING, ""),
             ("fits.sum(axis=1, keepdims=True)", "np.maximum(fits.sum(1, keepdims=True), 1)")),
        "A row without a fitting place stays empty. Softmax cannot give nothing: such a row puts "
        "all its weight on place 0.",
    ),
    "nothing-found-spread": Wrong(
        edit(
            induction_weights,
            (_NOTHING, "    fits[:, 0] = 0\n    fits |= nothing[:, None] & allowed\n"),
        ),
        "A row without a fitting place spreads over its whole past. In this exercise it puts all "
        "its weight on place 0, as heads with nothing to find often do.",
    ),
    "always-the-first": Wrong(
        edit(induction_weights, (_NOTHING, "    fits[:, 0] = True\n")),
        "You give place 0 a share in every row. It gets the weight only where no place fits.",
    ),
    "turned": Wrong(
        edit(induction_weights, ("return fits / fits.sum(axis=1, keepdims=True)",
             "return (fits / fits.sum(axis=1, keepdims=True)).T")),
        "Your table is turned: rows are the places that look, columns those that are looked at.",
    ),
}  # fmt: skip

_HEAD = '''
import numpy as np

def induction_weights(tokens):
    """Where an induction head looks, (n, n); tokens (n,) count from 0."""
'''

EXERCISES = [
    Spec(
        id="06.i",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Where an induction head looks",
        prompt="""
        Write `induction_weights(tokens)` for a perfect induction head. The key of place s says
        which token stands at s - 1 (an earlier layer brought the news); the query of place t asks
        for `tokens[t]`. Row t shares its weight evenly among the places s ≤ t that fit. If none
        fits, all of it goes to place 0. Tokens are whole numbers from 0. For `[5, 7, 5]`: which
        place does the last row look at, and what will the model say next?
        """,
        code=Code(
            reference=induction_weights,
            starters=[
                (
                    "three steps blank",
                    _HEAD
                    + "    n = len(tokens)\n    # what stands before each place\n    before = ...\n"
                    "    # which places fit which query, none of them later\n    fits = ...\n"
                    "    # rows without any: place 0\n    ...\n"
                    "    return fits / fits.sum(axis=1, keepdims=True)\n",
                ),
                ("only the docstring", _HEAD + "    ...\n"),
            ],
            also_correct=[_with_loops, _shifted],
            wrong=WRONG,
            generate=tokens_case,
            properties=[equals_reference()],
            cases=32,
            diagnose=[
                Property("each row sums to 1", _rows),
                Property("the future cannot be seen", _past),
                Property("looks behind an equal token", _behind),
            ],
        ),
        hints=[
            "`np.roll(tokens, 1)` is what stands before each place, but for place 0.",
            "`before[None, :] == tokens[:, None]` compares every query with every key.",
            "`fits[:, 1:].any(axis=1)` says which rows have found something.",
        ],
        explain="""
        In `[5, 7, 5]` the last row looks at place 1, where 7 stands, and 7 is what the head writes:
        it goes on as the text went on before. The head compares its own token with the token before
        each place, and that is news no single layer has.
        """,
    ),
]
