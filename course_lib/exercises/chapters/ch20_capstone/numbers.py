"""Chapter 20, numbers: how much text a model of a given size wants."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch20_capstone import CHAPTER, SECTION

PARAMETERS, PER_PARAMETER = 1_000_000, 20
PASSES, BYTES_A_TOKEN, MEGA = 4, 3, 1e6


def _tokens() -> float:
    return float(PARAMETERS * PER_PARAMETER)


def _megabytes() -> float:
    return _tokens() / PASSES * BYTES_A_TOKEN / MEGA


EXERCISES = [
    Spec(
        id="20.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How much text for a model?",
        prompt="""
        Your model has 1,000,000 parameters. Take 20 tokens to be read for each, and up to 4 passes
        over a text to be worth as much as new text. Your tokenizer makes tokens of 3 bytes.
        """,
        parts=[
            Number(
                id="tokens",
                prompt="How many tokens should the model read in training?",
                key=_tokens,
                tolerance=0.01,
                near=[
                    Near(
                        lambda: float(PARAMETERS),
                        "That is one token for each parameter. The rule says 20.",
                        "one-each",
                    ),
                    Near(
                        lambda: _tokens() / PASSES,
                        "Those are the different tokens of the text. They are read 4 times.",
                        "different-for-read",
                    ),
                    Near(
                        lambda: PARAMETERS / PER_PARAMETER,
                        "You divided. Each parameter wants 20 tokens.",
                        "turned-over",
                    ),
                ],
                units=counts("tokens", "token"),
                low=0.0,
                high=1e12,
                unit_hint="a number of tokens, such as 5 million",
                key_format="{:,.0f}",
                feedback="20 times 1,000,000.",
                too_small="Parameters times tokens for each.",
                too_large="Parameters times tokens for each.",
            ),
            Number(
                id="megabytes",
                prompt="How many megabytes of different text are enough for that?",
                key=_megabytes,
                tolerance=0.02,
                near=[
                    Near(
                        lambda: _tokens() * BYTES_A_TOKEN / MEGA,
                        "That is for one pass. Each token may be read 4 times.",
                        "one-pass",
                    ),
                    Near(
                        lambda: _tokens() / PASSES / MEGA,
                        "Those are millions of tokens. A token has 3 bytes.",
                        "tokens-for-bytes",
                    ),
                    Near(
                        lambda: _tokens() * PASSES * BYTES_A_TOKEN / MEGA,
                        "You multiplied by the passes. The more often a text is read, the less of "
                        "it is needed.",
                        "passes-multiply",
                    ),
                    Near(
                        lambda: _tokens() / PASSES / BYTES_A_TOKEN / MEGA,
                        "You divided by the bytes of a token. Each token takes up 3 bytes.",
                        "bytes-divide",
                    ),
                ],
                units={"": 1.0, "MB": 1.0, "megabytes": 1.0, "GB": 1000.0, "kB": 0.001},
                low=0.0,
                high=1e9,
                unit_hint="megabytes, such as 40 MB",
                key_format="{:,.0f} MB",
                feedback="20 million tokens in 4 passes are 5 million different ones, of 3 bytes.",
                too_small="Tokens to read, over passes, times bytes of a token.",
                too_large="Tokens to read, over passes, times bytes of a token.",
            ),
        ],
        hints=[
            "First the tokens that are read, then how many different ones that takes.",
            "Different tokens are the tokens that are read, over the passes.",
        ],
        explain="""
        Some thirty novels, for a model that is tiny. The rule is one for the best use of a budget
        of computing; a smaller model on less text is worse, and may be good enough.
        """,
    ),
]
