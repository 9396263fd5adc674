"""Chapter 03, predictions: two words that look alike."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION
from course_lib.exercises.chapters.ch03_tokenizer.facts import shown_tokenizer

WORDS = "unbelievable unbelievably"


def _pieces(text: str) -> list[str]:
    tokenizer = shown_tokenizer()
    return [tokenizer.tokens[i].decode() for i in tokenizer.encode(text)]


def _reveal() -> str:
    pieces = _pieces(WORDS)
    shown = " ".join(f"`{piece.replace(' ', '␣')}`" for piece in pieces)
    return (
        f"{len(pieces)} tokens: {shown}. Each word was cut by the pieces its letters happen to "
        "hold, in the order in which the merges were learned. The two words mean nearly the same, "
        "and their ends have no token in common."
    )


EXERCISES = [
    Spec(
        id="03.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Two words that look alike",
        prompt=f"""
        The tokenizer of this page, with 4,096 tokens learned from the Python documentation, reads
        `{WORDS}`. Neither word is in those texts.
        """,
        parts=[
            Number(
                prompt="How many tokens in all?",
                key=lambda: len(_pieces(WORDS)),
                tolerance=0.0,
                near=[
                    Near(
                        lambda: 2,
                        "That would be one token for each word. A word gets a token of its own "
                        "only if it was frequent when the merges were learned.",
                        "tokens-are-words",
                    ),
                    Near(
                        lambda: len(WORDS),
                        "You counted characters. Merges join most of them into longer pieces.",
                        "tokens-are-characters",
                    ),
                    Near(
                        lambda: len(_pieces(WORDS.split()[0])),
                        "That is the first word alone.",
                        "one-word",
                    ),
                    Near(
                        lambda: len(_pieces(WORDS)) + 1,
                        "One too many: the space is no token of its own here, it begins the "
                        "second word's first token.",
                        "space-is-a-token",
                    ),
                ],
                units=counts("tokens", "token"),
                low=0.0,
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="Exactly so many, for this tokenizer; another one would cut elsewhere.",
                too_small="More: rare words fall into short pieces, none longer than what merged.",
                too_large="Fewer: `un`, `be` and `able` are frequent enough to be pieces.",
            )
        ],
        reveal=_reveal,
        hints=["Which parts of these words would be frequent in documentation?"],
        explain="""
        The cut follows frequency, not meaning. That is why spelling tasks are hard for models: they
        do not see letters, and two forms of a word can look unrelated to them.
        """,
    ),
]
