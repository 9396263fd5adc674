"""Chapter 15, numbers: how many places learn; what a long answer asks of each of its tokens."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch15_causal import CHAPTER, SECTION

TOKENS, MASKED_SHARE = 512, 0.15
RIGHT_EACH, WORDS = 0.9, 8

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
    Spec(
        id="15.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="What an exact answer asks of its tokens",
        prompt="""
        A model gives each token of an answer of 8 tokens the right word 90 times in 100, one token
        independent of the other. An answer counts only if all 8 are right.
        """,
        parts=[
            Number(
                prompt="Which share of the answers counts?",
                key=lambda: RIGHT_EACH**WORDS,
                tolerance=0.02,
                relative=False,
                near=[
                    Near(
                        lambda: RIGHT_EACH,
                        "That is the share for one token. All 8 must be right.",
                        "one-token",
                    ),
                    Near(
                        lambda: 1 - WORDS * (1 - RIGHT_EACH),
                        "You took 10 % off for each token. It is 10 % of what is left each time: "
                        "0.9 times 0.9 and so on.",
                        "added-not-multiplied",
                    ),
                    Near(
                        lambda: 1 - RIGHT_EACH**WORDS,
                        "That is the share of the answers that do not count.",
                        "other-side",
                    ),
                ],
                form="share",
                unit_hint="a share such as 0.5, or 50 %",
                key_format="{:.2f}",
                feedback="0.9 to the power of 8.",
                too_small="Less than counts: multiply 0.9 eight times.",
                too_large="More than counts: every further token can be wrong, too.",
            )
        ],
        reveal=lambda: (
            f"{RIGHT_EACH**WORDS:.2f}. At 50 % a token it is {0.5**WORDS:.3f}, at 99 % "
            f"{0.99**WORDS:.2f}: a steady gain a token looks like a jump."
        ),
        hints=["Two tokens are both right in 0.9 times 0.9 of the cases."],
        explain="""
        An answer is as likely as the product of its tokens. On a scale of whole answers, a skill
        whose tokens improve steadily stays near 0 for long and then rises fast.
        """,
    ),
]
