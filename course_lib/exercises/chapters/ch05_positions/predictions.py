"""Chapter 05, predictions: both places move."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch05_positions import CHAPTER, SECTION
from course_lib.exercises.chapters.ch05_positions.code import sinusoidal


def product(a: int, b: int) -> float:
    """Compute the dot product of two rows of width 8."""
    rows = sinusoidal(max(a, b) + 1, 8)
    return round(float(rows[a] @ rows[b]), 9)


EXERCISES = [
    Spec(
        id="05.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Both places move",
        prompt="""
        Two positions, 3 and 7, have sinusoidal rows of width 8. Now both move on by five places.
        """,
        parts=[
            Choice(
                id="product",
                prompt="The dot product of the two rows …",
                options=[
                    Option(
                        "stays the same.",
                        lambda: product(8, 12) == product(3, 7),
                        "sin a · sin b + cos a · cos b is cos(a - b): only the difference is left.",
                    ),
                    Option(
                        "grows.",
                        lambda: product(8, 12) > product(3, 7),
                        "The rows are no counters: they do not get longer further on. Every pair "
                        "stays on its circle.",
                        "position-is-counter",
                    ),
                    Option(
                        "shrinks.",
                        lambda: product(8, 12) < product(3, 7),
                        "It would shrink if the two moved apart. Their distance is still four.",
                        "place-is-distance",
                    ),
                ],
            ),
            Choice(
                id="rows",
                prompt="And the rows themselves?",
                options=[
                    Option(
                        "Both change, and keep their length.",
                        lambda: (
                            not np.allclose(sinusoidal(9, 8)[3], sinusoidal(9, 8)[8])
                            and np.allclose((sinusoidal(9, 8) ** 2).sum(axis=1), 4)
                        ),
                        "Each pair turns by its own angle. Four points of circles of radius one: "
                        "the length is always 2.",
                    ),
                    Option(
                        "They stay the same, since the distance does.",
                        lambda: np.allclose(sinusoidal(9, 8)[3], sinusoidal(9, 8)[8]),
                        "A row says where a word stands, so it must change. It is the *product* of "
                        "two that stays.",
                        "rows-are-relative",
                    ),
                    Option(
                        "They change and get longer.",
                        lambda: bool((sinusoidal(9, 8)[8] ** 2).sum() > 4.01),
                        "sin² + cos² is one for each pair, wherever it stands.",
                        "rows-grow",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            f"Positions 3 and 7: {product(3, 7):.4f}. Positions 8 and 12: {product(8, 12):.4f}. "
            f"Positions 3 and 12, further apart: {product(3, 12):.4f}."
        ),
        hints=["cos(a - b) = cos a · cos b + sin a · sin b."],
        explain="With sines and cosines in pairs, products of rows depend on distance only.",
    ),
]
