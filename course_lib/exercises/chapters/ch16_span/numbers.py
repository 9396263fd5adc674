"""Chapter 16, numbers: how long source and target of a corrupted text are."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch16_span import CHAPTER, SECTION

TOKENS, RATE, MEAN_SPAN = 512, 0.15, 3


def _cut() -> int:
    return round(TOKENS * RATE)


def _spans() -> int:
    return round(_cut() / MEAN_SPAN)


def _source() -> float:
    return float(TOKENS - _cut() + _spans())


def _target() -> float:
    return float(_cut() + _spans() + 1)


EXERCISES = [
    Spec(
        id="16.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How long the two sides are",
        prompt="""
        A text of 512 tokens is corrupted as in the example at the top: 15 % of its tokens are cut,
        in spans of 3 tokens on average. Count tokens and sentinels, the target's closing sentinel
        too, but no end-of-text token. Round the numbers of cut tokens and of spans to whole ones.
        """,
        parts=[
            Number(
                id="source",
                prompt="How long is the source?",
                key=_source,
                tolerance=1.5,
                relative=False,
                near=[
                    Near(
                        lambda: float(TOKENS),
                        "The text got no shorter with you. A span of three tokens leaves one "
                        "sentinel, so most of what is cut is missing from the source.",
                        "lengths-stay",
                    ),
                    Near(
                        lambda: float(TOKENS - _cut()),
                        "You forgot the sentinels: where a span was, one token stands now.",
                        "sentinels-forgotten",
                    ),
                    Near(
                        lambda: float(TOKENS - _spans()),
                        "You took one token away for each span. Each span takes three away on "
                        "average and puts one in.",
                        "one-token-a-span",
                    ),
                ],
                low=0.0,
                high=600.0,
                units=counts("tokens", "token"),
                unit_hint="tokens",
                key_format="{:,.0f}",
                feedback="512 - 77 + 26: 77 tokens are cut, in 26 spans.",
                too_small="Too short: only 15 % are cut, and each span leaves a sentinel.",
                too_large="Too long: what is cut is missing from the source.",
            ),
            Number(
                id="target",
                prompt="How long is the target?",
                key=_target,
                tolerance=1.4,
                relative=False,
                near=[
                    Near(
                        lambda: float(TOKENS),
                        "That would be the whole text, as in BART's denoising. T5's decoder says "
                        "only what was cut.",
                        "lengths-stay",
                    ),
                    Near(
                        lambda: float(_cut()),
                        "Those are the cut tokens alone. Each span stands behind its sentinel, and "
                        "one sentinel closes the target.",
                        "sentinels-forgotten",
                    ),
                    Near(
                        lambda: float(2 * _cut() + 1),
                        "That is a sentinel for each token. One stands for a span, three tokens on "
                        "average.",
                        "one-sentinel-a-token",
                    ),
                ],
                low=0.0,
                high=600.0,
                units=counts("tokens", "token"),
                unit_hint="tokens",
                key_format="{:,.0f}",
                feedback="77 cut tokens, 26 sentinels before them, and one to close.",
                too_small="Too short: count the sentinels as well.",
                too_large="Too long: only what was cut is said, and a sentinel for each span.",
            ),
        ],
        hints=["15 % of 512 is 76.8, which is 77. How many spans of 3 is that?"],
        explain="""
        The decoder writes 104 tokens where BART's writes 512, so a step of span corruption costs
        less. T5's own function lets every text end in a span, so no sentinel closes the target, and
        it puts an end token on each side: 462 and 104. The paper chose its texts the other way
        around: 568 raw tokens give a source that fills 512 places with its end token.
        """,
    ),
]
