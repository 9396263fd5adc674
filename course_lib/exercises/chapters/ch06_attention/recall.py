"""Chapter 06, warm-up: warm-up: rows of weights; warm-up: order."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch06_attention import CHAPTER


def _order_ignored() -> bool:
    """Tell whether attention without a mask gives a permuted result for permuted words."""
    x = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 2.0]])

    def mix(words: np.ndarray) -> np.ndarray:
        powers = np.exp(words @ words.T)
        return powers / powers.sum(axis=1, keepdims=True) @ words

    turned = [2, 0, 1]
    return bool(np.allclose(mix(x[turned]), mix(x)[turned]))


EXERCISES = [
    Spec(
        id="06.r1",
        version=1,
        chapter=CHAPTER,
        section="Self-attention",
        kind="choice",
        title="Warm-up: rows of weights",
        prompt="From the page on relevance.",
        parts=[
            Choice(
                prompt="In a table of attention weights, what sums to 1?",
                options=[
                    Option(
                        "each row",
                        True,
                        "The row belongs to the word that looks; it shares out a total of 1.",
                    ),
                    Option(
                        "each column",
                        False,
                        "A column collects what one word gives to all others. A popular word's "
                        "column can sum to far more than 1.",
                        "columns-sum",
                    ),
                    Option(
                        "the whole table",
                        False,
                        "Every word has its own total of 1, so a table of n words sums to n.",
                        "table-sums",
                    ),
                ],
            )
        ],
        hints=["Who shares something out: the word that looks, or the word looked at?"],
        explain="Softmax is applied to each row, over the words that may be looked at.",
    ),
    Spec(
        id="06.r2",
        version=1,
        chapter=CHAPTER,
        section="Self-attention",
        kind="choice",
        title="Warm-up: order",
        prompt="From the page on positions.",
        parts=[
            Choice(
                prompt="Without positions and without a mask, what happens when the words of a "
                "sentence change places?",
                options=[
                    Option(
                        "The results change places in the same way, and nothing else changes.",
                        _order_ignored,
                        "Attention works on a set. Order must be put in: by positions, or through "
                        "a causal mask, which shows each word a different past.",
                    ),
                    Option(
                        "The results change, because attention reads from left to right.",
                        False,
                        "Attention compares all pairs at once; it has no left and right of its "
                        "own.",
                        "attention-sees-order",
                    ),
                    Option(
                        "It fails: attention needs positions to compute its scores.",
                        False,
                        "A score needs a query and a key. Both exist without positions; the score "
                        "just cannot depend on order.",
                        "positions-required",
                    ),
                ],
            )
        ],
        hints=["Does the product of a query and a key know where the two words stand?"],
        explain="Without positions or a mask, attention cannot tell *dog bites man* from its turn.",
    ),
]
