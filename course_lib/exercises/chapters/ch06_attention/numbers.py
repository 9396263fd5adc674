"""Chapter 06, numbers: the size of the score tables; parameters and heads."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import byte_units, counts
from course_lib.exercises.chapters.ch06_attention import CHAPTER
from course_lib.exercises.chapters.common import attention_parameters


def score_memory_gb(length: int, heads: int, bytes_each: int) -> float:
    """Compute the size of one layer's score tables in GB: length x length for each head."""
    return length * length * heads * bytes_each / 1e9


def _parameters(heads: int, identifier: str) -> Number:
    return Number(
        id=identifier,
        prompt=f"Weights with {heads} heads (no biases)",
        key=lambda: attention_parameters(768, heads),
        tolerance=0.01,
        near=[
            Near(
                lambda: attention_parameters(768, 12) * 2,
                "You doubled. Twice the heads are half as wide each, so their matrices together "
                "stay the same.",
                "heads-add-parameters",
            ),
            Near(
                lambda: attention_parameters(768, 12) / 2,
                "You halved. Each head is half as wide, but there are twice as many.",
                "heads-save-parameters",
            ),
            Near(
                lambda: 3 * 768 * 768,
                "You counted query, key and value, and left out the output matrix that mixes the "
                "heads: 4 matrices in all.",
                "no-output-matrix",
            ),
            Near(
                lambda: 768 * 768,
                "That is one matrix. Attention has four of this size: query, key, value, output.",
                "one-matrix",
            ),
            Near(
                lambda: 4 * 768 * 768 * heads,
                "You gave every head matrices of the full width. Each head gets only its slice, "
                "D / H columns.",
                "full-width-heads",
            ),
        ],
        units=counts("parameters", "weights"),
        low=0.0,
        unit_hint="a number, such as 1,200,000 or 1.2 M",
        key_format="{:,.0f}",
        feedback="4 · 768² = 2,359,296, whatever the number of heads.",
    )


EXERCISES = [
    Spec(
        id="06.d",
        version=1,
        chapter=CHAPTER,
        section="Self-attention",
        kind="number",
        title="The size of the score tables",
        prompt="""
        A text of 4,096 tokens, one layer with 32 heads, 2 bytes for each number, one sequence.
        """,
        parts=[
            Number(
                prompt="How much memory do the layer's score tables need? State the unit.",
                key=lambda: score_memory_gb(4096, 32, 2),
                tolerance=0.02,
                near=[
                    Near(
                        lambda: score_memory_gb(4096, 1, 2),
                        "That is one head's table. Each of the 32 heads has its own.",
                        "one-head",
                    ),
                    Near(
                        lambda: 4096 * 32 * 2 / 1e9,
                        "You counted one score for each token. There is one for each *pair*: "
                        "4,096 × 4,096.",
                        "cost-grows-with-n",
                    ),
                    Near(
                        lambda: score_memory_gb(4096, 32, 4),
                        "You took 4 bytes for a number. Here each takes 2.",
                        "four-bytes",
                    ),
                    Near(
                        lambda: score_memory_gb(4096, 32, 1),
                        "You counted the scores; each takes 2 bytes.",
                        "numbers-are-bytes",
                    ),
                    Near(
                        lambda: 1.0,
                        "2^30 bytes are 1 GiB; in GB, of 10^9 bytes, that is 1.07. Write 1 GiB or "
                        "1.07 GB.",
                        "gib-is-gb",
                    ),
                    Near(
                        lambda: score_memory_gb(4096, 32, 2) * 2**30 / 1e9,
                        "The number is right in GB, of 10^9 bytes, and you wrote GiB, of 2^30. It "
                        "is 1.07 GB or 1 GiB.",
                        "gb-is-gib",
                    ),
                ],
                units=byte_units("GB"),
                low=0.0,
                unit_hint="a number with its unit, such as 14 GB or 300 MiB",
                key_format="{:.2f}",
                feedback="4,096² pairs × 32 heads × 2 bytes = 2^30 bytes: 1 GiB, or 1.07 GB.",
            )
        ],
        hints=["How many pairs of tokens are there?", "4,096 is 2^12, 32 is 2^5."],
        explain="""
        One score for every pair of tokens, in every head: twice the length, four times the memory.
        Fused kernels avoid storing the tables, which is what makes long texts affordable.
        """,
    ),
    Spec(
        id="06.h",
        version=1,
        chapter=CHAPTER,
        section="Multiple heads",
        kind="number",
        title="Parameters and heads",
        prompt="Attention of width 768: first with 12 heads, then with 24. No biases.",
        parts=[_parameters(12, "twelve"), _parameters(24, "twentyfour")],
        hints=["How wide is one head?", "Multiply the heads by what one head has."],
        explain="The heads share the width, so their number does not change the parameters: 4 D².",
    ),
]
