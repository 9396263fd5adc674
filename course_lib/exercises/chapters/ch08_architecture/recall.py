"""Chapter 08, warm-up: warm-up: where a block keeps its weights; warm-up: stored or computed."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch08_architecture import CHAPTER, SECTION
from course_lib.exercises.chapters.ch08_architecture.facts import D
from course_lib.exercises.chapters.common import share_of_block

EXERCISES = [
    Spec(
        id="08.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: where a block keeps its weights",
        prompt="From the page on the feed-forward network.",
        parts=[
            Choice(
                prompt="A block has attention and a feed-forward network four times as wide. Which "
                "holds more weights?",
                options=[
                    Option(
                        "the feed-forward network, about twice as many",
                        lambda: abs(share_of_block(D) - 2 / 3) < 0.01,
                        "8 D² against 4 D²: two matrices of D × 4D, against four of D × D.",
                    ),
                    Option(
                        "attention, since it compares every pair of tokens",
                        lambda: share_of_block(D) < 0.4,
                        "Comparing pairs costs time, and no parameters: the weights of attention "
                        "are computed anew for every text.",
                        "attention-holds-most",
                    ),
                    Option(
                        "both the same",
                        lambda: abs(share_of_block(D) - 0.5) < 0.1,
                        "Count: attention has four matrices of D × D, the feed-forward network two "
                        "of D × 4D.",
                        "one-matrix",
                    ),
                ],
            )
        ],
        hints=["How many numbers does a matrix from D to 4D hold?"],
        explain="Two thirds of a block's weights are in its feed-forward network.",
    ),
    Spec(
        id="08.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: stored or computed",
        prompt="From the page on attention.",
        parts=[
            Choice(
                prompt="Which of these does a checkpoint *not* store?",
                options=[
                    Option(
                        "the attention weights",
                        True,
                        "They are computed anew for every text. Nothing of the shape T × T is "
                        "learned.",
                    ),
                    Option(
                        "the matrices that make queries and keys",
                        False,
                        "These are learned, and a large part of what a checkpoint stores.",
                        "projections-computed",
                    ),
                    Option(
                        "the matrix that merges the heads",
                        False,
                        "It is learned too: the fourth of attention's matrices.",
                        "projections-computed",
                    ),
                    Option(
                        "the vectors of the vocabulary's tokens",
                        False,
                        "That is the embedding: V × D learned numbers.",
                        "embedding-computed",
                    ),
                ],
            )
        ],
        hints=["Which of them depends on the text that is read?"],
        explain="Stored: matrices. Made anew for every text: the weights between its tokens.",
    ),
]
