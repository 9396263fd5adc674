"""Chapter 07, numbers: where the weights of a block are."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch07_feed_forward import CHAPTER, SECTION
from course_lib.exercises.chapters.common import share_of_block

EXERCISES = [
    Spec(
        id="07.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Where the weights of a block are",
        prompt="""
        A block of width d has attention (query, key, value and output matrices) and a feed-forward
        network that widens to 4d and comes back. Leave biases and norms out.
        """,
        parts=[
            Number(
                prompt="Which share of the block's weights lies in the feed-forward network?",
                key=lambda: share_of_block(768),
                tolerance=0.01,
                relative=False,
                near=[
                    Near(
                        lambda: 1 - share_of_block(768),
                        "That is attention's share: 4d² of 12d². The feed-forward network holds "
                        "the other 8d².",
                        "attention-holds-most",
                    ),
                    Near(
                        lambda: 0.5,
                        "You counted one of its two matrices. It widens with d × 4d and comes "
                        "back with 4d × d: 8d² in all.",
                        "one-matrix",
                    ),
                    Near(
                        lambda: 8 / 11,
                        "You counted three matrices of attention. The output matrix is the fourth, "
                        "so attention has 4d².",
                        "no-output-matrix",
                    ),
                    Near(
                        lambda: 0.8,
                        "You compared one width of 4d with one of d. Count weights: 8d² against "
                        "4d².",
                        "widths-are-weights",
                    ),
                ],
                form="share",
                unit_hint="a share such as 0.4, or 40 %",
                key_format="{:.3f}",
                feedback="8d² of 12d² are two thirds, 67 %, at every width.",
            )
        ],
        hints=["How many numbers does a matrix from d to 4d hold?"],
        explain="Attention gets the attention; two thirds of a block's weights are elsewhere.",
    ),
]
