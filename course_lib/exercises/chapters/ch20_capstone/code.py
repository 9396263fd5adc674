"""Chapter 20, code: holding out documents, not lines."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch20_capstone import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference

Documents = list[list[str]]
Sides = tuple[list[str], list[str]]


def hold_out(documents: Documents, share: float) -> Sides:
    """Lines to learn from and lines to measure on; each document stands on one side."""
    budget = share * sum(len(document) for document in documents)
    train: list[str] = []
    held: list[str] = []
    for document in documents:
        if len(held) + len(document) <= budget:
            held.extend(document)
        else:
            train.extend(document)
    return train, held


def _with_places(documents: Documents, share: float) -> Sides:
    left = share * sum(map(len, documents))
    chosen = set()
    for place, document in enumerate(documents):
        if len(document) <= left:
            chosen.add(place)
            left -= len(document)
    sides: Sides = ([], [])
    for place, document in enumerate(documents):
        sides[place in chosen].extend(document)
    return sides


def _line_by_line(documents: Documents, share: float) -> Sides:
    n_lines = 0
    for document in documents:
        for _ in document:
            n_lines += 1
    train, held, n_held = [], [], 0
    for document in documents:
        fits = n_held + len(document) <= share * n_lines
        for line in document:
            if fits:
                held.append(line)
                n_held += 1
            else:
                train.append(line)
    return train, held


def _first_lines(documents: Documents, share: float) -> Sides:
    lines = [line for document in documents for line in document]
    n = int(share * len(lines))
    return lines[n:], lines[:n]


def _of_each_document(documents: Documents, share: float) -> Sides:
    train, held = [], []
    for document in documents:
        n = int(share * len(document))
        held.extend(document[:n])
        train.extend(document[n:])
    return train, held


def _counts_documents(documents: Documents, share: float) -> Sides:
    n = int(share * len(documents))
    held = [line for document in documents[:n] for line in document]
    return [line for document in documents[n:] for line in document], held


def _counts_characters(documents: Documents, share: float) -> Sides:
    budget = share * sum(len(line) for document in documents for line in document)
    sides: Sides = ([], [])
    for document in documents:
        n = sum(map(len, document))
        sides[n <= budget].extend(document)
        budget -= n if n <= budget else 0
    return sides


def _stops(documents: Documents, share: float) -> Sides:
    budget = share * sum(map(len, documents))
    n, taken = 0, 0
    while n < len(documents) and taken + len(documents[n]) <= budget:
        taken += len(documents[n])
        n += 1
    held = [line for document in documents[:n] for line in document]
    return [line for document in documents[n:] for line in document], held


def _passes_the_share(documents: Documents, share: float) -> Sides:
    budget = share * sum(map(len, documents))
    train: list[str] = []
    held: list[str] = []
    for document in documents:
        (held if len(held) < budget else train).extend(document)
    return train, held


def _learns_all(documents: Documents, share: float) -> Sides:
    _, held = hold_out(documents, share)
    return [line for document in documents for line in document], held


def _turned(documents: Documents, share: float) -> Sides:
    train, held = hold_out(documents, share)
    return held, train


def _case(draw: Draw) -> dict[str, Any]:
    """Draw documents of a few lines, long and short, and a share that some of them just fill."""
    documents, n = [], 0
    for _ in range(draw.size(1, 7)):
        length = draw.size(1, 5)
        documents.append([f"line {n + i}" + " on" * draw.size(0, 6) for i in range(length)])
        n += length
    return {"documents": documents, "share": draw.pick([0.5, 0.25, 0.125, 0.75])}


def _apart(case: Case) -> str | None:
    train, held = (set(side) for side in case.got)
    for number, document in enumerate(case.arguments["documents"]):
        if train & set(document) and held & set(document):
            return f"Document {number} stands on both sides."
    return None


CODE = Code(
    reference=hold_out,
    starters=[
        (
            "one part blank",
            '''
            def hold_out(documents, share):
                """Lines to learn from and lines to measure on."""
                budget = share * sum(len(document) for document in documents)
                train, held = [], []
                for document in documents:
                    # held where the budget allows the whole document, else train
                    side = ...
                    side.extend(document)
                return train, held
            ''',
        ),
        (
            "blank",
            '''
            def hold_out(documents, share):
                """Lines to learn from and lines to measure on."""
                return ...
            ''',
        ),
    ],
    also_correct=[_with_places, _line_by_line],
    wrong={
        "first-lines": Wrong(
            _first_lines,
            "You cut at a line, in the middle of a document. Its other half is learned, so what is "
            "measured is half known. Hold whole documents out.",
        ),
        "of-each-document": Wrong(
            _of_each_document,
            "You hold out some lines of every document. Then nothing that is measured comes from "
            "a new document. Hold whole documents out.",
        ),
        "counts-documents": Wrong(
            _counts_documents,
            "You take a share of the number of documents. One long document may then be more than "
            "the whole share. Count lines.",
        ),
        "counts-characters": Wrong(
            _counts_characters,
            "You count characters. The share is one of lines, whatever their lengths.",
        ),
        "stops-early": Wrong(
            _stops,
            "You stop at the first document that does not fit. A later and shorter one may still "
            "fit: go through all of them.",
        ),
        "passes-the-share": Wrong(
            _passes_the_share,
            "You hold documents out until the share is reached, and so pass it. Ask before you "
            "take one whether it still fits.",
        ),
        "strictly-below": Wrong(
            edit(hold_out, ("<= budget", "< budget")),
            "A document that just fills the share fits: `<=`.",
        ),
        "learns-all": Wrong(
            _learns_all,
            "What you hold out is learned, too. A line stands on one side.",
        ),
        "turned-round": Wrong(
            _turned,
            "You return the two sides in the other order: first the lines to learn from.",
        ),
    },
    generate=_case,
    properties=[equals_reference(0.0)],
    diagnose=[Property("each document stands on one side", _apart)],
)

EXERCISES = [
    Spec(
        id="20.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Hold out documents",
        prompt="""
        `documents` is a list of documents, each a list of lines. Write
        `hold_out(documents, share)`. It returns two lists of lines: those to learn from, and those
        to measure on. Go through the documents in order, and hold a document out, whole, if all
        held-out lines, with its own, are no more than `share` of all
        lines. Lines keep their order on both sides.
        """,
        code=CODE,
        hints=[
            "How many lines may be held out at most? Compute it once, from all documents.",
            "Ask of each document whether it still fits; if not, it is learned, and you go on.",
        ],
        explain="""
        `course_lib.data.split` does this with characters, in an order that the texts themselves
        decide, and keeps documents together that share a long paragraph.
        """,
    ),
]
