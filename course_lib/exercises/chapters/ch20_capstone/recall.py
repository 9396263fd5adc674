"""Chapter 20, warm-up: what a loss may be compared with, and what a filter for copies sees."""

from __future__ import annotations

import math

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch20_capstone import CHAPTER, SECTION

NATS, BYTES = 3.0, 3.0  # a token


def _bits(nats: float, n_bytes: float) -> float:
    return nats / math.log(2) / n_bytes


def _is(wanted: float) -> bool:
    return math.isclose(_bits(NATS, BYTES), wanted, abs_tol=0.01)


EXERCISES = [
    Spec(
        id="20.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: bits a byte",
        prompt="From the first page.",
        parts=[
            Choice(
                prompt="A model needs 3 nats a token on text of which a token has 3 bytes. How "
                "many bits a byte are that?",
                options=[
                    Option(
                        "1.44",
                        lambda: _is(1.44),
                        "One nat a byte, and a nat is 1 / log 2 = 1.44 bits.",
                    ),
                    Option(
                        "1",
                        lambda: _is(1.0),
                        "That is nats a byte. A bit is smaller than a nat, so there are more.",
                        "nats-for-bits",
                    ),
                    Option(
                        "4.33",
                        lambda: _is(4.33),
                        "Those are bits a token. Each token stands for three bytes.",
                        "bits-a-token",
                    ),
                    Option(
                        "0.69",
                        lambda: _is(0.69),
                        "You multiplied by log 2. Divide by it: a nat is more than a bit.",
                        "multiplied",
                    ),
                ],
            )
        ],
        hints=["How many nats a byte? How many bits is a nat?"],
        explain="Nats a token depend on the tokenizer. Bits a byte can be compared with any model "
        "on the same text, and with a file compressor.",
    ),
    Spec(
        id="20.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what a filter for copies sees",
        prompt="From the page on curation.",
        parts=[
            Choice(
                prompt="Forty pages of a manual begin with the same licence, 120 words long, and "
                "go on with 2,000 words each of their own. Which filter takes the licence out of "
                "39 of them, and leaves the rest of the pages?",
                options=[
                    Option(
                        "One that remembers paragraphs.",
                        True,
                        "It looks at the licence alone, and knows it from the first page.",
                    ),
                    Option(
                        "One for exact copies of pages.",
                        False,
                        "No two of these pages are equal.",
                        "exact-sees-parts",
                    ),
                    Option(
                        "One for near copies of pages.",
                        False,
                        "Two of these pages share 120 of about 4,000 words: far below any "
                        "threshold. And it would drop whole pages.",
                        "near-sees-parts",
                    ),
                    Option(
                        "One for runs of words that the evaluation holds.",
                        False,
                        "It would drop every page that shares a run, with all its 2,000 words, and "
                        "only if the licence stands in the evaluation.",
                        "contamination-cleans",
                    ),
                ],
            )
        ],
        hints=["What is compared with what: pages, or parts of pages?"],
        explain="`RepeatedParagraphs` does this. Without it a model reads a licence forty times as "
        "often as any other sentence, and a part that is held out would hold it, too.",
    ),
]
