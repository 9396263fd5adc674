"""Chapter 15, number: how many places learn."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch15_causal import CHAPTER, SECTION

TOKENS, MASKED_SHARE = 512, 0.15

EXERCISES = [
    Spec(
        id="15.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How many places learn",
        prompt="""
        One row of 512 tokens, and nothing else, is read by a decoder-only model with the causal
        objective. No token is padding.
        """,
        parts=[
            Number(
                prompt="At how many places is there a loss?",
                key=lambda: TOKENS - 1,
                tolerance=0.2,
                relative=False,
                near=[
                    Near(
                        lambda: TOKENS,
                        "The last token has nothing after it: no place is asked for a 513th.",
                        "last-place-too",
                    ),
                    Near(
                        lambda: round(TOKENS * MASKED_SHARE),
                        "15 % of the places are asked in masked language modelling. Here every "
                        "place that has a next token is asked.",
                        "masked-share",
                    ),
                    Near(
                        lambda: 1,
                        "Only the last place is asked when a text is *continued*. In training all "
                        "places are asked at once, in one pass.",
                        "only-the-last",
                    ),
                ],
                units=counts("places", "place"),
                unit_hint="places",
                key_format="{:.0f}",
                feedback="Every token but the first is a target once.",
                too_small="More places than that have a next token.",
                too_large="Not every place has a next token.",
            )
        ],
        hints=["Which token is no target?"],
        explain="""
        511. With masks at 15 % it would be about 77 of 512: a causal model gets more than six times
        the targets out of the same text and the same pass.
        """,
    ),
]
