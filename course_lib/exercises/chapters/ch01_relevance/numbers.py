"""Chapter 01, numbers: how many relevance numbers?"""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch01_relevance import CHAPTER, SECTION


def relevance_numbers(words: int, layers: int, heads: int) -> int:
    """Count relevance numbers: a words x words table for every head of every layer."""
    return int(np.zeros((layers, heads, words, words)).size)


EXERCISES = [
    Spec(
        id="01.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How many relevance numbers?",
        prompt="""
        A model of 2 layers with 4 heads each reads 12 words. Every word may look at every word,
        itself included.
        """,
        parts=[
            Number(
                prompt="How many relevance numbers does it compute?",
                key=lambda: relevance_numbers(12, 2, 4),
                tolerance=0.0,
                near=[
                    Near(
                        lambda: relevance_numbers(12, 1, 1),
                        "That is one map, 12 × 12. Each head of each layer computes its own map.",
                        "one-map-per-model",
                    ),
                    Near(
                        lambda: relevance_numbers(12, 2, 1),
                        "You counted one map in each layer. The 4 heads of a layer each compute "
                        "their own.",
                        "one-map-per-layer",
                    ),
                    Near(
                        lambda: relevance_numbers(12, 1, 4),
                        "You counted the heads of one layer. There are 2 layers, each with its "
                        "own 4 heads.",
                        "one-layer",
                    ),
                    Near(
                        lambda: 12 * 11 * 2 * 4,
                        "You left out the diagonal. A word may look at itself too, so a map has "
                        "12 × 12 cells.",
                        "no-diagonal",
                    ),
                ],
                units=counts("numbers", "weights", "relevance numbers"),
                low=0.0,
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="12 × 12 cells in a map, 4 maps in a layer, 2 layers: 1,152.",
            )
        ],
        hints=["How many cells has one map?", "Multiply by the heads of a layer, then by layers."],
        explain="""
        Every head of every layer has a map of its own, with a row and a column for each word. The
        count grows with the square of the length.
        """,
    ),
]
