"""Chapter 19, code: drawing a mixture by tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Limits, Spec, Wrong
from course_lib.exercises.chapters.ch19_domain import CHAPTER, SECTION
from course_lib.exercises.chapters.ch19_domain import mixture as laws
from course_lib.exercises.chapters.ch19_domain.mixture import (
    is_a_list,
    mixture_case,
    mixture_sampler,
    one_at_a_time,
    with_sums,
)
from course_lib.exercises.code.draw import Array
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.judge import REPEATS
from course_lib.exercises.code.laws import Property


def _by_documents(
    lengths: list[Array], weights: list[float], n_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    shares = np.asarray(weights) / sum(weights)
    if any(sum(sizes) < n_tokens * share for sizes, share in zip(lengths, shares, strict=True)):
        return []
    orders = [rng.permutation(len(sizes)).tolist() for sizes in lengths]
    drawn: list[list[int]] = [[] for _ in lengths]
    tokens = 0
    while tokens < n_tokens:
        source = int(rng.choice(len(lengths), p=shares))
        if not orders[source]:
            break
        drawn[source].append(orders[source].pop())
        tokens += int(lengths[source][drawn[source][-1]])
    return drawn


def _starts_over(
    lengths: list[Array], weights: list[float], n_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    drawn = []
    for sizes, weight in zip(lengths, weights, strict=True):
        mine: list[int] = []
        left: list[int] = []
        while sum(sizes[one] for one in mine) < n_tokens * weight / sum(weights):
            left = left or rng.permutation(len(sizes)).tolist()
            mine.append(int(left.pop()))
        drawn.append(mine)
    return drawn


def _again_and_again(
    lengths: list[Array], weights: list[float], n_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    drawn: list[list[int]] = []
    for sizes, weight in zip(lengths, weights, strict=True):
        wanted = n_tokens * weight / sum(weights)
        if sum(sizes) < wanted:
            return []
        mine: list[int] = []
        while sum(sizes[one] for one in mine) < wanted:
            mine.append(int(rng.integers(len(sizes))))
        drawn.append(mine)
    return drawn


_SHARE, _LOOP = "n_tokens * weight / total", "for document in rng.permutation(len(sizes))"
_EXHAUSTED = "        if sum(sizes) < wanted:\n            return []\n"
_FULL = "if tokens >= wanted"

DIAGNOSES = {
    "exhausted-silently": Property("a source that has too little is refused", laws.silent),
    "starts-over": Property("no source is read a second time", laws.starts_over),
    "with-replacement": Property("no document comes twice", laws.replacement),
    "unnormalised": Property("weights are divided by their sum", laws.unnormalised),
    "equal-shares": Property("shares follow the weights", laws.equal_shares),
    "in-order": Property("documents come in a random order", laws.in_order),
    "own-seed": Property("two generators give two mixtures", laws.own_seed),
    "weightless": Property("weight 0 gives nothing", laws.weightless),
    "document-share": Property("tokens are shared out, not documents", laws.document_share),
    "stops-before": Property("every source reaches its share", laws.stops_before),
    "one-more": Property("no source goes on after its share", laws.one_more),
}

_SAID: dict[str, tuple[Any, str]] = {
    "exhausted-silently": (
        edit(mixture_sampler, (_EXHAUSTED, "")),
        "A source that holds less than its share gives what it has, and nobody is told: the "
        "mixture is then another one than was asked for. Return `[]`.",
    ),
    "starts-over": (
        _starts_over,
        "A source that is exhausted is read a second time, so its documents come twice as often "
        "as others. Return `[]` where a source holds less than its share.",
    ),
    "with-replacement": (
        _again_and_again,
        "A document can come twice while others of its source have not come at all. Put each "
        "source in a random order, and go through it.",
    ),
    "unnormalised": (
        edit(mixture_sampler, (_SHARE, "n_tokens * weight")),
        "You multiply the weight as it is. Weights need not sum to 1: 3 and 1 mean three "
        "quarters and one. Divide by their sum.",
    ),
    "equal-shares": (
        edit(mixture_sampler, (_SHARE, "n_tokens / len(weights)")),
        "Every source gives as much as the others. Its share is its weight over the sum of all "
        "weights.",
    ),
    "in-order": (
        edit(mixture_sampler, ("rng.permutation(len(sizes))", "range(len(sizes))")),
        "Documents come in the order in which they are given, so the last ones are never read. "
        "Draw their order with `rng`.",
    ),
    "own-seed": (
        edit(
            mixture_sampler,
            ("    drawn = []", "    drawn, rng = [], np.random.default_rng(0)"),
        ),
        "Every generator gives the same mixture: you begin one of your own in each call. Draw "
        "from the `rng` that you were given.",
    ),
    "weightless": (
        edit(mixture_sampler, (_FULL, "if mine and tokens >= wanted")),
        "A source of weight 0 gives a document. Look at whether its share is reached *before* "
        "you take one.",
    ),
    "document-share": (
        _by_documents,
        "You share out documents. A source of long documents then gives more tokens than its "
        "share. Count tokens, source by source.",
    ),
    "stops-before": (
        edit(mixture_sampler, (_FULL, "if tokens + sizes[document] > wanted")),
        "You stop before the document that would reach the share. A source then gives less than "
        "was asked for, and a long document is never taken. Take it.",
    ),
    "one-more": (
        edit(
            mixture_sampler,
            (_FULL, "if not wanted or (mine and tokens - sizes[mine[-1]] >= wanted)"),
        ),
        "You take one document more after the share is reached. Stop as soon as the tokens are "
        "at least as many as wanted.",
    ),
}

_DEF = '''
import numpy as np

def mixture_sampler(lengths, weights, n_tokens, rng):
    """For each source the documents to read; [] if one has too little."""
'''

EXERCISES = [
    Spec(
        id="19.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="A mixture by tokens",
        prompt="""
        `lengths[s]` is an array with the number of tokens of each document of source s, and
        `weights[s]` says how much of the mixture it is to be. Weights need not sum to 1. Write
        `mixture_sampler(lengths, weights, n_tokens, rng)`.

        - The **share** of a source is `n_tokens` times its weight over the sum of all weights.
        - **Draw** its documents in a random order, none twice, until they hold at least its share,
          and not one more. A weight of 0 gives none.
        - **Refuse**: where a source holds less than its share, return `[]` for the whole mixture.

        Return a list with a list for each source: the numbers of its documents, counted from 0, in
        the order in which they were drawn. Draw with the NumPy generator `rng`.
        """,
        code=Code(
            reference=mixture_sampler,
            starters=[
                (
                    "three parts blank",
                    _DEF
                    + """    drawn = []
    for sizes, weight in zip(lengths, weights):
        wanted = ...  # tokens of this source
        if sum(sizes) < wanted:
            return []
        mine, tokens = [], 0
        for document in ...:  # its documents in a random order
            if ...:  # it has its share
                break
            mine.append(int(document))
            tokens += sizes[document]
        drawn.append(mine)
    return drawn
""",
                ),
                ("only the docstring", _DEF + "    ...\n"),
            ],
            also_correct=[with_sums, one_at_a_time],
            wrong={
                name: Wrong(program, text, seen_by=DIAGNOSES[name].name)
                for name, (program, text) in _SAID.items()
            }
            | {
                "own-chance": Wrong(
                    edit(mixture_sampler, ("rng.permutation", "np.random.permutation")),
                    "You draw with a generator of your own, so a run cannot be repeated. Use the "
                    "`rng` that you were given.",
                    seen_by=REPEATS,
                )
            },
            generate=mixture_case,
            properties=[Property("documents, shares and order are right", laws.right)],
            diagnose=list(DIAGNOSES.values()),
            observe=is_a_list,
            limits=Limits(seconds=8.0),
            cases=16,
        ),
        hints=[
            "`rng.permutation(len(sizes))` gives the numbers of the documents in a random order.",
            "Before you take a document, look at whether the tokens so far reach the share.",
            "Compare the share with all tokens of the source before you draw anything.",
        ],
        explain="""
        `course_lib.adaptation.mix` does this, and cuts the last document so that the shares are
        exact. Where documents are of different length, shares of documents and shares of tokens are
        two things: of BloombergGPT's public data, books are 0.04 % of the documents and 6 % of
        the tokens.
        """,
    ),
]
