"""Chapter 08, numbers and warm-up: the parameters of a published model, part by part."""

from __future__ import annotations

from course_lib.exercises.chapter_07_ideas import share_of_block
from course_lib.exercises.spec import Choice, Near, Number, Option, Spec

CHAPTER = "08_detailed_architecture"
SECTION = "Detailed architecture"
D, LAYERS, VOCABULARY, POSITIONS = 768, 12, 50_257, 1_024


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
                units={"": 1.0, "parameters": 1.0, "k": 1e3, "M": 1e6, "million": 1e6},
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
