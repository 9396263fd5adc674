"""Chapter 13, numbers: the raw text behind a training set."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch13_curation import CHAPTER, SECTION

WANTED_TOKENS, KEPT_SHARE = 1.4e12, 0.02

EXERCISES = [
    Spec(
        id="13.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How much to crawl",
        prompt="""
        A model is to be trained on 1.4 trillion tokens, and curation keeps 2 % of what is
        collected.
        """,
        parts=[
            Number(
                prompt="How many trillion tokens must be collected?",
                key=lambda: WANTED_TOKENS / KEPT_SHARE / 1e12,
                tolerance=0.03,
                near=[
                    Near(
                        lambda: WANTED_TOKENS * KEPT_SHARE / 1e12,
                        "You multiplied by the share, so you would collect less than you keep. "
                        "Divide.",
                        "multiplied-by-share",
                    ),
                    Near(
                        lambda: WANTED_TOKENS * (1 + KEPT_SHARE) / 1e12,
                        "That would do if 2 % were lost. But 98 % of what is collected goes.",
                        "added-the-share",
                    ),
                    Near(
                        lambda: WANTED_TOKENS / (100 * KEPT_SHARE) / 1e12,
                        "You divided by 2 instead of by 2 %.",
                        "percent-as-a-number",
                    ),
                ],
                units={"": 1.0, "trillion": 1.0},
                unit_hint="trillions of tokens",
                key_format="{:,.0f}",
                feedback="1.4 trillion over 0.02.",
                too_small="Too little: of a hundred tokens collected only two stay.",
                too_large="Too much: one token in fifty stays.",
            )
        ],
        hints=["Of how many collected tokens does one stay?", "1.4 trillion times 50."],
        explain="Seventy trillion tokens are a good part of what Common Crawl has in all years.",
    ),
]
