"""Chapter 08, numbers: the smallest GPT-2, counted."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch08_architecture import CHAPTER, SECTION
from course_lib.exercises.chapters.ch08_architecture.facts import LAYERS, POSITIONS, VOCABULARY, D


def block_parameters(width: int, biases: bool = True) -> int:
    """Count one block: attention, feed-forward of four times the width, two norms."""
    attention = 4 * width * width + 4 * width * biases
    feed_forward = 8 * width * width + 5 * width * biases
    norms = 2 * (width + width * biases)
    return attention + feed_forward + norms


def gpt2_parameters(biases: bool = True, positions: int = POSITIONS) -> int:
    """Count the smallest GPT-2: embedding, positions, blocks, last norm; the head is shared."""
    final_norm = D + D * biases
    return VOCABULARY * D + positions * D + LAYERS * block_parameters(D, biases) + final_norm


EXERCISES = [
    Spec(
        id="08.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="The smallest GPT-2, counted",
        prompt="""
        12 layers, D = 768, 12 heads, a feed-forward width of 4 D, V = 50,257, 1,024 learned
        positions, biases in every matrix and norm, one more norm at the end. The head is the
        embedding matrix, used again.
        """,
        parts=[
            Number(
                prompt="How many parameters? A tenth of a million is near enough.",
                key=lambda: gpt2_parameters(),
                tolerance=0.0004,
                near=[
                    Near(
                        lambda: gpt2_parameters() + VOCABULARY * D,
                        "You counted the head's matrix again. It is the embedding matrix: the same "
                        "numbers, stored once.",
                        "head-counted-again",
                    ),
                    Near(
                        lambda: gpt2_parameters(positions=0),
                        "You left out the positions: 1,024 × 768 learned numbers.",
                        "no-positions",
                    ),
                    Near(
                        lambda: gpt2_parameters(biases=False),
                        "You left out the biases, some 100,000 in all: 9 D in each block's "
                        "matrices, and the shift of every norm.",
                        "no-biases",
                    ),
                    Near(
                        lambda: LAYERS * block_parameters(D) + 2 * D,
                        "You counted the blocks and the last norm. The embedding and the positions "
                        "are parameters too.",
                        "no-embedding",
                    ),
                    Near(
                        lambda: gpt2_parameters() - (LAYERS - 1) * block_parameters(D),
                        "You counted one block. Layers have the same shape and different numbers, "
                        "so all 12 count.",
                        "one-block",
                    ),
                    Near(
                        lambda: gpt2_parameters() - LAYERS * D * D,
                        "You counted three matrices of attention. The output matrix is the fourth.",
                        "no-output-matrix",
                    ),
                    Near(
                        lambda: gpt2_parameters() - LAYERS * 6 * D * D,
                        "You took D for the width inside the feed-forward network. It is 4 D: "
                        "8 D² for its two matrices.",
                        "feed-forward-narrow",
                    ),
                    Near(
                        lambda: gpt2_parameters() + LAYERS * (LAYERS - 1) * 4 * D * D,
                        "You gave each of the 12 heads matrices of the full width. Heads share the "
                        "width: 4 D² for all together.",
                        "full-width-heads",
                    ),
                ],
                units=counts("parameters", "weights", "params"),
                low=0.0,
                unit_hint="a number, such as 340,000,000 or 340.0 M",
                key_format="{:,.0f}",
                feedback=f"V·D + 1,024·D + 12 · (12 D² + 13 D) + 2 D = {gpt2_parameters():,}.",
                too_small="Too small. Sum up: embedding, positions, 12 blocks of 12 D², biases.",
                too_large="Too large. Sum up: embedding, positions, 12 blocks of 12 D², biases.",
            )
        ],
        hints=[
            "The matrices of a block: 4 D² for attention, 8 D² for the feed-forward network.",
            "Biases of a block: 4 D in attention, 4 D + D in the feed-forward network, 2 D in "
            "the norms, beside their 2 D of gains.",
        ],
        explain=f"""
        Embedding {VOCABULARY * D / 1e6:.1f} M, positions {POSITIONS * D / 1e6:.1f} M, 12 blocks of
        {block_parameters(D) / 1e6:.1f} M. The embedding is almost a third; in
        larger models its share falls, since blocks grow with D² and the embedding with D.
        """,
    ),
]
