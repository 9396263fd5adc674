"""Chapter 02, code: the loop in which a decoder writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch02_simplified import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


@dataclass(frozen=True)
class RandomDecoder:
    """A decoder of fixed random numbers: row t scores the word that follows tokens 0 to t."""

    seed: int
    words: int

    def __call__(self, memory: Array, tokens: list[int]) -> Array:
        """Score every word of the vocabulary after each of the tokens: (tokens, words)."""
        random = np.random.default_rng(self.seed)
        table = random.normal(size=(self.words, self.words))
        read = memory.mean(axis=0) @ random.normal(size=(memory.shape[1], self.words))
        rows = []
        seen = np.zeros(self.words)
        for token in tokens:
            seen = 0.8 * seen + table[token]
            rows.append(seen + 2 * read)
        return np.array(rows)


def write_loop(
    decoder: RandomDecoder, memory: Array, start: int, end: int, limit: int
) -> list[int]:
    """Write the most probable word again and again, until the end or the limit."""
    tokens = [start]
    for _ in range(limit):
        scores = decoder(memory, tokens)
        tokens.append(int(scores[-1].argmax()))
        if tokens[-1] == end:
            break
    return tokens[1:]


def _write_loops(
    decoder: RandomDecoder, memory: Array, start: int, end: int, limit: int
) -> list[int]:
    written: list[int] = []
    while len(written) < limit and end not in written:
        last = list(decoder(memory, [start, *written])[len(written)])
        best = 0
        for word, score in enumerate(last):
            if score > last[best]:
                best = word
        written.append(best)
    return written


def _write_recursive(
    decoder: RandomDecoder, memory: Array, start: int, end: int, limit: int
) -> list[int]:
    def further(tokens: list[int]) -> list[int]:
        if len(tokens) > limit or (len(tokens) > 1 and tokens[-1] == end):
            return tokens
        return further([*tokens, int(np.argmax(decoder(memory, tokens)[-1]))])

    return further([start])[1:]


def write_case(draw: Draw) -> dict[str, Any]:
    """Draw a decoder, a memory to read from, two marks and a limit, which may be 0.

    Now and then the two marks are one, as they are in GPT-2.
    """
    words = draw.size(3, 6)
    start = draw.integer(0, words - 1)
    return {
        "decoder": RandomDecoder(draw.integer(0, 99), words),
        "memory": draw.array(draw.size(1, 4), draw.size(1, 3)),
        "start": start,
        "end": (start + 1 + draw.integer(0, words - 1)) % words,
        "limit": draw.pick([2, 3, 4, 1, 7, 0]),
    }


def _not_too_long(case: Case) -> str | None:
    if len(case.got) <= case["limit"]:
        return None
    return f"{len(case.got)} words are written, and the limit is {case['limit']}"


def _ends_once(case: Case) -> str | None:
    if case["end"] not in case.got[:-1]:
        return None
    return f"The end mark {case['end']} is written, and words follow it"


WRITE_WRONG = {
    "never-ends": Wrong(
        edit(write_loop, ("tokens[-1] == end", "False")),
        "You go on after the end mark. The mark says that the sentence is complete: stop there.",
    ),
    "end-dropped": Wrong(
        edit(write_loop, ("tokens[-1] == end:", "tokens[-1] == end:\n            tokens.pop()")),
        "You stop at the end mark and leave it out. It was written like any word, and it tells a "
        "finished sentence from one cut off by the limit: keep it.",
    ),
    "start-kept": Wrong(
        edit(write_loop, ("tokens[1:]", "tokens")),
        "You return the start mark too. It was given, not written: return what follows it.",
    ),
    "not-fed-back": Wrong(
        edit(write_loop, ("decoder(memory, tokens)", "decoder(memory, tokens[:1])")),
        "Every word of yours is the one after the start mark: the decoder gets nothing else, or "
        "you read its first row. What is written must go back in, and the last row is about the "
        "next word.",
    ),
    "last-word-only": Wrong(
        edit(write_loop, ("decoder(memory, tokens)", "decoder(memory, tokens[-1:])")),
        "You give the decoder the last word only. It looks at all earlier words, so it needs all "
        "of them.",
    ),
    "all-rows": Wrong(
        edit(write_loop, ("scores[-1].argmax()", "scores.sum(axis=0).argmax()")),
        "You add all rows up. The earlier rows predict words that stand there already; only the "
        "last row is about the next word.",
    ),
    "one-too-few": Wrong(
        edit(write_loop, ("range(limit)", "range(limit - 1)")),
        "You write one word less than the limit allows. The start mark does not count: "
        "it is given.",
    ),
    "one-too-many": Wrong(
        edit(write_loop, ("range(limit)", "range(limit + 1)")),
        "You write one word more than the limit allows.",
    ),
    "starts-from-zero": Wrong(
        edit(write_loop, ("tokens = [start]", "tokens = [0]")),
        "You begin with token 0 whatever the start mark is. The decoder then goes on from another "
        "word: begin with `start`.",
    ),
    "at-least-one": Wrong(
        edit(write_loop, ("range(limit)", "range(max(1, limit))")),
        "With a limit of 0 you still write a word. Ask whether there is room before you write, not "
        "after.",
    ),
    "no-memory": Wrong(
        edit(write_loop, ("decoder(memory, tokens)", "decoder(0 * memory, tokens)")),
        "Your text does not depend on the memory. Without it the decoder does not know what it "
        "should translate: hand it over at every step.",
    ),
}

_WRITE = '''
def write_loop(decoder, memory, start, end, limit):
    """Words until the end mark or the limit, without the start mark."""
    tokens = [start]
    for _ in range(limit):
        # score: what could follow each token so far, (tokens, words)
        scores = ...
        # choose: the most probable word after the last token
        tokens.append(...)
        # stop: at the end mark
        ...
    return tokens[1:]
'''

EXERCISES = [
    Spec(
        id="02.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="The loop of a decoder",
        prompt="""
        Write `write_loop(decoder, memory, start, end, limit)`. `decoder(memory, tokens)` returns an
        array of scores, one row for each token so far: row t scores every word that may follow
        token t. Begin with `start` and append the word with the highest score, again and again,
        until `end` is written or `limit` words are. Return the list of written words: without
        `start`, with `end` if it came.
        """,
        code=Code(
            reference=write_loop,
            starters=[("three steps blank", _WRITE)],
            also_correct=[_write_loops, _write_recursive],
            wrong=WRITE_WRONG,
            generate=write_case,
            properties=[equals_reference(0.0)],
            cases=40,
            diagnose=[
                Property("no more words than the limit", _not_too_long),
                Property("nothing follows the end mark", _ends_once),
            ],
        ),
        hints=[
            "`scores[-1]` is about the word after the last token.",
            "`int(scores[-1].argmax())` is the number of the word with the highest score.",
        ],
        explain="""
        The decoder predicts, the loop writes: each word that it chooses becomes input of the next
        step. Real programs keep what was computed for earlier words, and come to the same text.
        """,
    ),
]
