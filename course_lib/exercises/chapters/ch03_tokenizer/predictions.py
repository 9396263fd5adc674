"""Chapter 03, predictions: two words that look alike."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION
from course_lib.exercises.chapters.ch03_tokenizer.facts import shown_tokenizer

WORDS = "unbelievable unbelievably"
NUMBER = "12345678"


def _pieces(text: str) -> list[str]:
    tokenizer = shown_tokenizer()
    return [tokenizer.tokens[i].decode() for i in tokenizer.encode(text)]


def _groups(number: str) -> list[str]:
    from course_lib.tokenizers.pretokenize import splitter

    return splitter("cl100k")(number)


def _groups_shown() -> str:
    groups = " ".join(f"`{group}`" for group in _groups(NUMBER))
    return f"{groups}: from the left, so the last group is what is left over."


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
    Spec(
        id="03.b2",
        version=1,
        chapter=CHAPTER,
        section="What a model does not see",
        kind="predict",
        title="Groups of three",
        prompt=f"""
        The pattern of LLaMA 3 cuts a run of digits into groups of at most three, beginning from
        the left. Think of the number `{NUMBER}`, written without commas.
        """,
        parts=[
            Number(
                id="groups",
                prompt="How many groups?",
                key=lambda: len(_groups(NUMBER)),
                tolerance=0.0,
                near=[
                    Near(
                        lambda: len(NUMBER) // 3,
                        "What is left after the full groups is a group as well.",
                        "rest-forgotten",
                    ),
                    Near(
                        lambda: len(NUMBER),
                        "That is one token for each digit, the way of LLaMA 1 and 2.",
                        "tokens-are-digits",
                    ),
                    Near(
                        lambda: 1,
                        "That is the way of GPT-2's pattern, which keeps a number together until "
                        "the merges cut it.",
                        "number-is-a-token",
                    ),
                ],
                low=0.0,
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="Full groups of three, and one for the rest.",
            ),
            Number(
                id="tens",
                prompt="For what number does the last digit of the first group count, such as 10?",
                key=lambda: 10 ** (len(NUMBER) - 3),
                tolerance=0.0,
                near=[
                    Near(
                        lambda: 10**6,
                        "That would be so if the groups began from the right, as people write "
                        "12,345,678.",
                        "from-the-right",
                    ),
                    Near(
                        lambda: 10 ** (len(NUMBER) - 1),
                        "That is the place of the first digit of the group.",
                        "first-digit",
                    ),
                ],
                low=0.0,
                unit_hint="1, 10, 100 and so on",
                key_format="{:,.0f}",
                feedback="Five digits follow the first group.",
            ),
        ],
        reveal=_groups_shown,
        hints=["Write the number down and draw a line after every third digit, from the left."],
        explain="""
        From the left, what a group counts for depends on how long the whole number is. The group
        `123` of `12345678` counts hundred thousands, that of `123456` thousands. Whoever adds such
        numbers piece by piece has to know the lengths first.
        """,
    ),
]
