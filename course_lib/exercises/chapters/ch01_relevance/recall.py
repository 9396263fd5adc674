"""Chapter 01, warm-up: warm-up: shares; warm-up: exp."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch01_relevance import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="01.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: shares",
        prompt="Before you begin: three friends share a bill in the ratio 2 : 1 : 1.",
        parts=[
            Choice(
                prompt="Which weights describe the same shares and sum to 1?",
                options=[
                    Option(
                        "0.5, 0.25, 0.25",
                        lambda: bool(np.allclose(np.array([2, 1, 1]) / 4, [0.5, 0.25, 0.25])),
                        "Divide each share by their sum, 4. This step is called normalising; it "
                        "turns any positive numbers into weights.",
                    ),
                    Option(
                        "2, 1, 1",
                        False,
                        "These have the right ratio, but they sum to 4. Divide by the sum.",
                        "ratio-is-weight",
                    ),
                    Option(
                        "1, 0.5, 0.5",
                        False,
                        "You divided by the largest share, so they sum to 2. Divide by the sum.",
                        "divide-by-maximum",
                    ),
                ],
            )
        ],
        hints=["What do the three numbers of an answer add up to?"],
        explain="Weights are shares of one whole: positive, with a sum of 1.",
    ),
    Spec(
        id="01.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: exp",
        prompt="Before you begin: `exp` turns any number into a positive one.",
        parts=[
            Choice(
                prompt="Two scores differ by 1. What is fixed about `exp` of them?",
                options=[
                    Option(
                        "their ratio",
                        lambda: bool(np.isclose(np.exp(5) / np.exp(4), np.exp(-2) / np.exp(-3))),
                        "exp(a + 1) is always e, about 2.72, times exp(a). So equal steps of "
                        "score are equal factors of weight.",
                    ),
                    Option(
                        "their difference",
                        False,
                        "exp(1) - exp(0) is 1.72, but exp(3) - exp(2) is 12.7. It is the ratio "
                        "that stays.",
                        "exp-keeps-differences",
                    ),
                    Option(
                        "their sum",
                        False,
                        "The sum grows with the scores. It is the ratio that stays, always e.",
                        "exp-keeps-sums",
                    ),
                ],
            )
        ],
        hints=["Try the scores 0 and 1, then 2 and 3."],
        explain="exp turns sums into products: a step of 1 in the score is a factor of e.",
    ),
]
