"""Chapter 15, warm-up: what the causal mask hides; what a loss in nats says."""

from __future__ import annotations

import math

from course_lib.exercises.author.spec import Choice, Near, Number, Option, Spec
from course_lib.exercises.chapters.ch15_causal import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="15.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what a place sees",
        prompt="A decoder-only model reads a row of 10 tokens.",
        parts=[
            Choice(
                prompt="Which tokens may the fourth place attend to?",
                options=[
                    Option(
                        "the first four, its own among them",
                        True,
                        "A place sees itself and what is before it. What it is asked for, the "
                        "fifth token, it does not see.",
                    ),
                    Option(
                        "the first three",
                        False,
                        "Its own token is given, too: the question is what comes after it.",
                        "own-token-hidden",
                    ),
                    Option(
                        "all ten",
                        False,
                        "So does an encoder. In a decoder the later tokens are the answers.",
                        "no-causal-mask",
                    ),
                    Option(
                        "the fourth and those after it",
                        False,
                        "The other way round: the past is seen, the future is asked for.",
                        "mask-turned-round",
                    ),
                ],
            )
        ],
        hints=["Look at one row of the causal mask: is its diagonal True?"],
        explain="Row t of the mask is True up to t. That is what makes all places questions.",
    ),
    Spec(
        id="15.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Warm-up: from nats to a probability",
        prompt="A model's loss on one token is 0.693 nats.",
        parts=[
            Number(
                prompt="Which probability did it give to that token?",
                key=lambda: math.exp(-0.693),
                tolerance=0.01,
                relative=False,
                near=[
                    Near(
                        lambda: 0.693,
                        "That is the loss. The probability is e to the power of minus the loss.",
                        "loss-as-probability",
                    ),
                    Near(
                        lambda: 1 - 0.693,
                        "The loss is no share that is missing from 1: it has no upper end.",
                        "one-minus-loss",
                    ),
                    Near(
                        lambda: 2**-0.693,
                        "That would be right for 0.693 bits. Nats go with e.",
                        "bits-for-nats",
                    ),
                ],
                form="share",
                unit_hint="a share such as 0.9, or 90 %",
                key_format="{:.2f}",
                feedback="e to the power of -0.693 is one half.",
                too_small="Less than it gave. The loss is minus the natural logarithm.",
                too_large="More than it gave. The loss is minus the natural logarithm.",
            )
        ],
        hints=["The loss is -ln p."],
        explain="Every 0.693 nats of loss halve the probability.",
    ),
]
