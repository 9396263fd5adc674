"""Chapter 09, code: who may see whom in the three families."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Contract, Spec, Wrong
from course_lib.exercises.chapters.ch09_models import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def masks(kind: str, n: int, keep: Array) -> Array:
    """Say for each of n words which of the words in keep it may see."""
    visible = np.ones((n, len(keep)), dtype=bool)
    if kind == "decoder":
        visible = np.tril(visible)
    return visible & keep


def _masks_loops(kind: str, n: int, keep: Array) -> Array:
    rows = []
    for i in range(n):
        row = []
        for j in range(len(keep)):
            later = kind == "decoder" and j > i
            row.append(bool(keep[j]) and not later)
        rows.append(row)
    return np.array(rows, dtype=bool)


def _masks_compare(kind: str, n: int, keep: Array) -> Array:
    asking, looked_at = np.arange(n)[:, None], np.arange(len(keep))[None, :]
    order = looked_at <= asking if kind == "decoder" else looked_at >= 0
    return np.logical_and(np.broadcast_to(order, (n, len(keep))), keep[None, :])


def _strictly_before(kind: str, n: int, keep: Array) -> Array:
    visible = np.ones((n, len(keep)), dtype=bool)
    return (np.tril(visible, -1) if kind == "decoder" else visible) & keep


def _padded_rows(kind: str, n: int, keep: Array) -> Array:
    visible = np.ones((n, len(keep)), dtype=bool)
    if kind == "decoder":
        visible = np.tril(visible)
    rows = np.resize(keep, n)
    return visible & rows[:, None]


def _both_ways(kind: str, n: int, keep: Array) -> Array:
    visible = masks(kind, n, keep)
    if kind != "cross":
        visible = visible & keep[:, None]
    return visible


def _cross_turned(kind: str, n: int, keep: Array) -> Array:
    visible = masks(kind, n, keep)
    return visible.T if kind == "cross" else visible


def _in_place(kind: str, n: int, keep: Array) -> Array:
    visible = masks(kind, n, keep)
    keep &= False
    return visible


def mask_case(draw: Draw) -> dict[str, Any]:
    """Draw a family, how many words ask, and which of those looked at are real."""
    kind = draw.pick(["encoder", "decoder", "cross"])
    n = draw.size(1, 6)
    looked_at = draw.size(1, 6) if kind == "cross" else n
    keep = draw.keep(looked_at)
    keep[0] = True  # a text has at least one word
    return {"kind": kind, "n": n, "keep": keep}


def _as_table(case: Case) -> Array:
    return np.atleast_2d(np.asarray(case.got))


def _padding_hidden(case: Case) -> str | None:
    seen = _as_table(case)[:, ~case["keep"]].any(axis=0)
    if not seen.any():
        return None
    return f"Column {np.flatnonzero(~case['keep'])[seen][0]} holds padding, and some word sees it"


def _nobody_blind(case: Case) -> str | None:
    blind = ~_as_table(case).any(axis=1)
    if not blind.any():
        return None
    return (
        f"Row {np.flatnonzero(blind)[0]} may see nothing at all: its softmax would be 0 / 0, which "
        "is not a number"
    )


MASKS_WRONG = {
    "diagonal-lost": Wrong(
        _strictly_before,
        "In your decoder a word cannot see itself, and the first word sees nothing: its softmax is "
        "0 / 0. The diagonal belongs to the mask; what is hidden begins one place after it.",
    ),
    "padded-rows": Wrong(
        _padded_rows,
        "You hide the rows of padding instead of its columns. A row is a word that asks, a column "
        "a word that is looked at: nobody may look at padding.",
    ),
    "rows-and-columns": Wrong(
        _both_ways,
        "You hide padding's rows too. A row without any visible column has a softmax of 0 / 0, and "
        "NaN then spreads. What padding itself sees does not matter; only hide its columns.",
    ),
    "turned": Wrong(
        edit(masks, ("np.tril(visible)", "np.triu(visible)")),
        "Your decoder sees what comes after and not what came before. Row i may see column j if "
        "j <= i: the lower left half.",
    ),
    "one-ahead": Wrong(
        edit(masks, ("np.tril(visible)", "np.tril(visible, 1)")),
        "Your decoder sees one word ahead: exactly the one it must predict. The diagonal is the "
        "last place it may see.",
    ),
    "cross-turned": Wrong(
        _cross_turned,
        "Your cross mask is turned over. Rows are the n words of the decoder, which ask; columns "
        "are the words of the source.",
    ),
    "cross-causal": Wrong(
        edit(masks, ('kind == "decoder"', 'kind != "encoder"')),
        "You make the cross mask causal. The source is there as a whole before the first word is "
        "written, so every word of the decoder may see all of it.",
    ),
    "encoder-causal": Wrong(
        edit(masks, ('kind == "decoder"', 'kind != "cross"')),
        "You hide later words from the encoder too. An encoder reads both ways: only padding is "
        "hidden.",
    ),
    "no-mask": Wrong(
        edit(masks, ("np.tril(visible)", "visible")),
        "Your decoder sees all words, also those it has to predict. Hide what comes later.",
    ),
    "padding-seen": Wrong(
        edit(masks, ("visible & keep", "visible")),
        "You never use keep, so words look at padding. Hide its columns, in every family.",
    ),
    "in-place": Wrong(
        _in_place,
        "The mask is right, but the keep you were given is changed. It is still needed, for the "
        "next layer and for the loss.",
    ),
}

_MASKS = '''
import numpy as np

def masks(kind, n, keep):
    """Return a boolean (n, len(keep)): may word i see word j?

    kind is "encoder", "decoder" or "cross"; keep[j] is False at padding.
    """
    # order: who may see whom, were all words real
    visible = ...
    # padding: nobody may see it
    return ...
'''

EXERCISES = [
    Spec(
        id="09.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Three masks",
        prompt="""
        Write `masks(kind, n, keep)`, which returns a table of booleans with a row for each of the
        `n` words that ask and a column for each word that may be looked at: all of them in an
        `"encoder"`; in a `"decoder"` the word itself and those before it; in `"cross"` all words
        of the source, whose number is the length of `keep`. Padding, where `keep` is False, is
        hidden from everyone.
        """,
        code=Code(
            reference=masks,
            starters=[("two steps blank", _MASKS)],
            also_correct=[_masks_loops, _masks_compare],
            wrong=MASKS_WRONG,
            generate=mask_case,
            properties=[equals_reference(0.0)],
            diagnose=[
                Property("padding is hidden from everyone", _padding_hidden),
                Property("every word sees something", _nobody_blind),
            ],
            contract=Contract(alias=True),  # a broadcast view of keep is a table too
            cases=48,
        ),
        hints=[
            "`np.tril` keeps the lower left half of a table, its diagonal included.",
            "A row of booleans combined with a table by `&` acts on every row of the table: it "
            "switches columns off.",
        ],
        explain="""
        The families differ in one line: whether later words are hidden. Padding is another matter,
        and always one of columns.
        """,
    ),
]
