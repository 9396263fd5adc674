"""Chapter 09, warm-up: warm-up: the causal mask; warm-up: what leaves the encoder."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch09_models import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="09.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: the causal mask",
        prompt="From the page on attention.",
        parts=[
            Choice(
                prompt="A text of 5 tokens under a causal mask. Which does the third one see?",
                options=[
                    Option(
                        "tokens 1, 2 and 3",
                        lambda: np.flatnonzero(np.tri(5)[2]).tolist() == [0, 1, 2],
                        "Itself and those before it.",
                    ),
                    Option(
                        "tokens 1 and 2",
                        False,
                        "It sees itself as well: its own query meets its own key.",
                        "diagonal-hidden",
                    ),
                    Option(
                        "tokens 3, 4 and 5",
                        False,
                        "Turned around: what comes later is what must be hidden.",
                        "mask-turned",
                    ),
                    Option(
                        "all five",
                        False,
                        "That is attention without a mask. The causal one hides 4 and 5.",
                        "no-mask",
                    ),
                ],
            )
        ],
        hints=["Which tokens are there when the third one is being read?"],
        explain="Row 3 of the lower left half of the table: three entries.",
    ),
    Spec(
        id="09.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what leaves the encoder",
        prompt="From the page on the simplified architecture.",
        parts=[
            Choice(
                prompt="An encoder of width 64 reads a sentence of 7 tokens. What leaves it?",
                options=[
                    Option(
                        "7 vectors of 64 numbers",
                        True,
                        "One vector for each input token, at the width of the model.",
                    ),
                    Option(
                        "one vector of 64 numbers",
                        False,
                        "Nothing in the encoder brings the tokens together in one vector: each "
                        "keeps its own, from first layer to last.",
                        "fixed-size-context",
                    ),
                    Option(
                        "7 probabilities for each word of the vocabulary",
                        False,
                        "Logits are made by a head. What leaves the encoder are vectors.",
                        "encoder-gives-logits",
                    ),
                    Option(
                        "a table of 7 × 7 weights",
                        False,
                        "Such tables are computed inside, one for each head of each layer. They "
                        "mix the vectors and are then dropped.",
                        "weights-are-result",
                    ),
                ],
            )
        ],
        hints=["How many vectors did the decoder of that page look at?"],
        explain="As many vectors as tokens: a longer sentence gives more of them.",
    ),
]
