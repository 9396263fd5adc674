"""Chapter 13, code: dropping near copies."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch13_curation import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def dedup(docs: list[set[str]], threshold: float) -> list[int]:
    """Places of the documents to keep: each one unlike every document kept before it."""
    kept: list[int] = []
    for i, doc in enumerate(docs):
        copy = False
        for k in kept:
            union = len(doc | docs[k])
            similarity = len(doc & docs[k]) / union if union else 1.0
            if similarity >= threshold:
                copy = True
        if not copy:
            kept.append(i)
    return kept


def _any(docs: list[set[str]], threshold: float) -> list[int]:
    def similarity(a: set[str], b: set[str]) -> float:
        shared = len(a & b)
        union = len(a) + len(b) - shared
        return shared / union if union else 1.0

    kept: list[int] = []
    for i, doc in enumerate(docs):
        if not any(similarity(doc, docs[k]) >= threshold for k in kept):
            kept.append(i)
    return kept


def _set_aside(docs: list[set[str]], threshold: float) -> list[int]:
    left = list(range(len(docs)))
    kept = []
    while left:
        first, *others = left
        kept.append(first)
        left = []
        for i in others:
            both, either = docs[first] & docs[i], docs[first] | docs[i]
            if either and len(both) / len(either) < threshold:
                left.append(i)
    return kept


def _drops_both(docs: list[set[str]], threshold: float) -> list[int]:
    def similarity(a: set[str], b: set[str]) -> float:
        union = len(a | b)
        return len(a & b) / union if union else 1.0

    return [
        i
        for i, doc in enumerate(docs)
        if all(similarity(doc, docs[k]) < threshold for k in range(len(docs)) if k != i)
    ]


def _neighbours_only(docs: list[set[str]], threshold: float) -> list[int]:
    kept: list[int] = []
    for i, doc in enumerate(docs):
        if kept:
            union = len(doc | docs[kept[-1]])
            if (len(doc & docs[kept[-1]]) / union if union else 1.0) >= threshold:
                continue
        kept.append(i)
    return kept


def _against_all_before(docs: list[set[str]], threshold: float) -> list[int]:
    kept: list[int] = []
    for i, doc in enumerate(docs):
        found = False
        for k in range(i):
            union = len(doc | docs[k])
            if (len(doc & docs[k]) / union if union else 1.0) >= threshold:
                found = True
        if not found:
            kept.append(i)
    return kept


def _keeps_last(docs: list[set[str]], threshold: float) -> list[int]:
    n = len(docs)
    return sorted(n - 1 - i for i in dedup(docs[::-1], threshold))


def _documents(docs: list[set[str]], threshold: float) -> list[Any]:
    return [docs[i] for i in dedup(docs, threshold)]


# The similarities of small sets, and just above them: a threshold that is moved a little shows.
_THRESHOLDS = (
    0.25,
    0.5,
    0.502,
    0.6,
    0.603,
    0.67,
    0.7,
    0.7,
    0.75,
    0.753,
    0.8,
    0.8,
    0.804,
    1.0,
    1.0,
    1.0,
)


def dedup_case(draw: Draw) -> dict[str, Any]:
    """Draw small sets, often a step from the one before, so that chains of copies come about."""
    words = "abcdef"
    docs: list[set[str]] = []
    for _ in range(draw.size(0, 9)):
        kind = draw.pick(["step", "step", "step", "again", "fresh", "empty", "empty"])
        doc: set[str] = set()
        if kind == "step" and docs:
            doc = docs[-1] ^ {words[draw.integer(0, 5)]}
        elif kind == "again" and docs:
            doc = set(docs[draw.integer(0, len(docs) - 1)])
        elif kind != "empty":
            doc = {word for word in words if draw.pick([True, False])}
        docs.append(doc)
    return {"docs": docs, "threshold": draw.pick(_THRESHOLDS)}


def _in_order(case: Case) -> str | None:
    got = list(case.got)
    if got != sorted(set(got)):
        return f"The places should rise, each once; you return {got}"
    return None


CODE = Code(
    reference=dedup,
    starters=[
        (
            "two parts blank",
            '''
            def dedup(docs, threshold):
                """Places of documents to keep: each unlike every one kept before it."""
                kept = []
                for i, doc in enumerate(docs):
                    copy = False
                    for k in kept:
                        union = len(doc | docs[k])
                        # similarity: held by both over held by either; 1 if both empty
                        similarity = ...
                        if similarity >= ...:
                            copy = True
                    if not copy:
                        kept.append(i)
                return kept
            ''',
        ),
        (
            "blank",
            '''
            def dedup(docs, threshold):
                """Places of documents to keep: each unlike every one kept before it."""
                return ...
            ''',
        ),
    ],
    also_correct=[_any, _set_aside],
    wrong={
        "drops-both": Wrong(
            _drops_both,
            "You drop every document that has a copy, the first one too, so a text that stands "
            "twice is gone. Keep the first of each group.",
        ),
        "neighbours-only": Wrong(
            _neighbours_only,
            "You compare with the last kept document only. A copy may stand anywhere: compare "
            "with every document that was kept.",
        ),
        "rounded": Wrong(
            edit(dedup, ("if similarity >= threshold", "if round(similarity, 1) >= threshold")),
            "You round the similarity before you compare it. What lies below the threshold may "
            "then reach it: compare the number itself.",
        ),
        "overlap": Wrong(
            edit(dedup, ("union = len(doc | docs[k])", "union = min(len(doc), len(docs[k]))")),
            "You divide by the smaller set. Then a short document counts as a copy of every long "
            "one that holds it. Divide by the size of the union.",
        ),
        "strictly-greater": Wrong(
            edit(dedup, ("similarity >= threshold", "similarity > threshold")),
            "A similarity equal to the threshold counts as a copy: `>=`. With `>` and a threshold "
            "of 1 not even exact copies go.",
        ),
        "against-dropped-too": Wrong(
            _against_all_before,
            "You compare with documents that were dropped as well, so a document can go although "
            "nothing like it is kept. Compare with the kept ones.",
        ),
        "keeps-the-last": Wrong(
            _keeps_last,
            "You keep the last of each group. Keep the first: then a document that is kept stays "
            "kept, whatever comes later.",
        ),
        "returns-documents": Wrong(
            _documents,
            "You return the documents. Return their places in `docs`, counted from 0.",
        ),
    },
    generate=dedup_case,
    cases=48,
    properties=[equals_reference(0.0)],
    diagnose=[Property("the places rise, each once", _in_order)],
)

EXERCISES = [
    Spec(
        id="13.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Dropping near copies",
        prompt="""
        Each document is given as the set of its shingles. Write `dedup(docs, threshold)`: the list
        of the places, counted from 0, of the documents to keep. Go through them in order and keep a
        document unless its Jaccard similarity (what both sets hold, over what either holds) with a
        document kept before it is `threshold` or more. Two empty sets have similarity 1.
        """,
        code=CODE,
        hints=[
            "Keep a list of places. For each document, compare with those in the list.",
            "`a & b` is what both sets hold, `a | b` what either holds.",
            "Two empty sets have an empty union: say what their similarity is before you divide.",
        ],
        explain="""
        This compares every document with every kept one, which a crawl of billions does not allow.
        MinHash with banding finds the same pairs, nearly always, by looking up a few numbers.
        """,
    ),
]
