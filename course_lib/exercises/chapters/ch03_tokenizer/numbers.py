"""Chapter 03, numbers: tokens in an essay."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION
from course_lib.exercises.chapters.ch03_tokenizer.facts import held_out_text, shown_tokenizer

ESSAY_WORDS = 1500


def tokens_per_word() -> float:
    """Measure the rate of the shown tokenizer on texts that it has not seen."""
    text = held_out_text()
    return len(shown_tokenizer().encode(text)) / len(text.split())


EXERCISES = [
    Spec(
        id="03.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Tokens in an essay",
        prompt=f"""
        An essay has {ESSAY_WORDS:,} words. Use the rate of tokens to words that this page prints
        for texts the tokenizer has not seen.
        """,
        parts=[
            Number(
                prompt="About how many tokens is the essay?",
                key=lambda: ESSAY_WORDS * tokens_per_word(),
                tolerance=0.1,
                near=[
                    Near(
                        lambda: ESSAY_WORDS,
                        "That is the number of words. Most texts have more tokens than words: "
                        "signs are tokens too, and rare words are several.",
                        "tokens-are-words",
                    ),
                    Near(
                        lambda: ESSAY_WORDS / tokens_per_word(),
                        "You divided by the rate. It says how many tokens there are for a word, "
                        "so multiply.",
                        "inverted-ratio",
                    ),
                    Near(
                        lambda: ESSAY_WORDS * 5.7,
                        "That is about the number of letters. A token holds several.",
                        "tokens-are-characters",
                    ),
                ],
                units=counts("tokens", "token"),
                low=0.0,
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="The words times the tokens for a word.",
            )
        ],
        hints=["How many tokens are there for one word?", "Multiply."],
        explain="""
        The rate depends on the tokenizer and on the text: prose in the language of the training
        texts is cheap, code, numbers and other languages cost more. Prices and context lengths are
        counted in tokens.
        """,
    ),
]
