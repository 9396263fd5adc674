"""Chapter 15, prediction: what a long answer asks of each of its tokens."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch15_causal import CHAPTER, SECTION

RIGHT_EACH, WORDS = 0.9, 8

EXERCISES = [
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
