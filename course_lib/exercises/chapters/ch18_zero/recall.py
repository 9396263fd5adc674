"""Chapter 18, warm-up: warm-up: weights of a stack; warm-up: a mean of two batches."""

from __future__ import annotations

from course_lib.distributed.memory.accounting import transformer_parameters
from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch18_zero import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="18.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: weights of a stack",
        prompt="From the page on the detailed architecture.",
        parts=[
            Choice(
                prompt="24 blocks of width D = 2,048, each with attention and a feed-forward "
                "network four times as wide. About how many weights is that?",
                options=[
                    Option(
                        "1.2 billion",
                        lambda: abs(transformer_parameters(24, 2048) / 1.2e9 - 1) < 0.05,
                        "12 D² a block: 4 D² for attention, 8 D² for the feed-forward network.",
                    ),
                    Option(
                        "0.4 billion",
                        lambda: abs(transformer_parameters(24, 2048) / 0.4e9 - 1) < 0.05,
                        "That is attention alone, 4 D² a block. The feed-forward network has "
                        "twice as many.",
                        "attention-alone",
                    ),
                    Option(
                        "0.1 billion",
                        lambda: abs(transformer_parameters(24, 2048) / 0.1e9 - 1) < 0.05,
                        "One matrix of D × D a block would be that. A block has matrices of "
                        "12 D² together.",
                        "one-matrix",
                    ),
                ],
            )
        ],
        hints=["Attention has four matrices of D × D. How large are the other two?"],
        explain="12 L D² counts a stack's weights well enough to choose a machine by.",
    ),
    Spec(
        id="18.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: a mean of two batches",
        prompt="From the page on the feed-forward network and softmax.",
        parts=[
            Choice(
                prompt="A batch of 10 tokens has a mean loss of 2, another one of 30 tokens a mean "
                "loss of 4. What is the mean loss of all 40 tokens?",
                options=[
                    Option(
                        "3.5",
                        lambda: (10 * 2 + 30 * 4) / 40 == 3.5,
                        "Each token counts once: (10 · 2 + 30 · 4) / 40.",
                    ),
                    Option(
                        "3",
                        lambda: (10 * 2 + 30 * 4) / 40 == 3,
                        "That is the mean of the two means. It gives a token of the small batch "
                        "three times the weight of one of the large batch.",
                        "mean-of-means",
                    ),
                    Option(
                        "6",
                        False,
                        "Means are not added up; sums are, and then divided by the number of "
                        "tokens.",
                        "sum-of-means",
                    ),
                ],
            )
        ],
        hints=["Add up the losses of all tokens first."],
        explain="Add sums and counts, divide once. It will matter on this page.",
    ),
]
