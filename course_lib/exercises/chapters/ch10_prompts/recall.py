"""Chapter 10, warm-up: warm-up: predictions of one pass; warm-up: a word of two tokens."""

from __future__ import annotations

import math

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts, nats
from course_lib.exercises.chapters.ch10_prompts import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="10.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Warm-up: predictions of one pass",
        prompt="From the page on attention. A decoder reads a row of 18 tokens, once.",
        parts=[
            Number(
                prompt="For how many places of the row does it give a distribution of the next "
                "token?",
                key=lambda: 18.0,
                tolerance=0.4,
                relative=False,
                near=[
                    Near(
                        lambda: 1.0,
                        "Only the last one is *used* when text is written. The head is applied at "
                        "every place, and each of them sees only what is before it.",
                        "last-place-only",
                    ),
                    Near(
                        lambda: 17.0,
                        "17 of them can be checked against the row itself. The last place has a "
                        "distribution too: that of the token to come.",
                        "one-lost",
                    ),
                ],
                units=counts("places", "tokens", "positions"),
                low=0.0,
                unit_hint="a number of places",
                key_format="{:.0f}",
                feedback="One at each place. The causal mask makes each as if the row ended there.",
            )
        ],
        hints=["What does the causal mask hide from each place?"],
        explain="""
        One pass over a row with eight examples therefore holds the answers after 0, 1, 2, ... 8
        examples. This page measures all of them at once.
        """,
    ),
    Spec(
        id="10.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Warm-up: a word of two tokens",
        prompt="""
        From the page on softmax. The first token of an answer has probability 0.5, and after it
        the second one has probability 0.2.
        """,
        parts=[
            Number(
                prompt="What is the log-probability of the answer, in nats?",
                key=lambda: math.log(0.5) + math.log(0.2),
                tolerance=0.02,
                near=[
                    Near(
                        lambda: math.log(0.7),
                        "You added the probabilities. Both must happen, one after the other: "
                        "probabilities multiply, logarithms add.",
                        "probabilities-add",
                    ),
                    Near(
                        lambda: (math.log(0.5) + math.log(0.2)) / 2,
                        "That is the mean a token, another useful score. Asked is that of the "
                        "whole answer: the sum.",
                        "mean-for-sum",
                    ),
                    Near(
                        lambda: math.log10(0.1),
                        "That is the logarithm to the base 10. Nats are natural logarithms.",
                        "base-ten",
                    ),
                ],
                units=nats(),
                high=0.0,
                unit_hint="a number of nats, such as -0.7",
                key_format="{:.2f}",
                feedback="0.5 × 0.2 = 0.1, and ln 0.1 = ln 0.5 + ln 0.2.",
            )
        ],
        hints=["How likely are both, one after the other?"],
        explain="The log-probability of a text is the sum over its tokens: longer is lower.",
    ),
]
