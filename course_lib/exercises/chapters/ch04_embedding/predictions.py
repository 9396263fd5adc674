"""Chapter 04, predictions: the picture and the space."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch04_embedding import CHAPTER, SECTION

POINTS = {"A": np.array([1.0, 1.0, 4.0]), "B": np.array([1.0, 1.0, -4.0])}
POINTS["C"] = np.array([4.0, 4.0, 16.0])


def cosine(one: str, other: str) -> float:
    """Compute the cosine of two of the points."""
    a, b = POINTS[one], POINTS[other]
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


EXERCISES = [
    Spec(
        id="04.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="The picture and the space",
        prompt="""
        Three words have three numbers each. A flat picture shows the first two. In it, A and B lie
        on the same spot, and C lies far away from both.
        """,
        parts=[
            Choice(
                id="touch",
                prompt="What can the cosine of A and B be, in the whole space?",
                options=[
                    Option(
                        "Anything: the picture does not decide it, it may be below zero.",
                        lambda: cosine("A", "B") < 0,
                        "The third number is not in the picture. Here it is 4 for A and -4 for B.",
                    ),
                    Option(
                        "Above 0.9, because they touch.",
                        lambda: cosine("A", "B") > 0.9,
                        "They touch in two numbers. What the picture leaves out can point in "
                        "opposite directions.",
                        "picture-is-space",
                    ),
                    Option(
                        "Exactly 1, because it is the same point.",
                        lambda: cosine("A", "B") == 1,
                        "It is the same spot of the picture, like two towers of unequal height "
                        "seen from above.",
                        "same-spot-same-point",
                    ),
                ],
            ),
            Choice(
                id="far",
                prompt="And can the cosine of A and C be above 0.9?",
                options=[
                    Option(
                        "Yes: a longer vector in the same direction lies far away.",
                        lambda: cosine("A", "C") > 0.9,
                        "C is A times four. Cosine compares directions and ignores lengths.",
                    ),
                    Option(
                        "No: far apart means a low cosine.",
                        lambda: cosine("A", "C") < 0.5,
                        "Distance and direction are two things. C points exactly where A points.",
                        "distance-is-cosine",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            "A = (1, 1, 4), B = (1, 1, -4), C = (4, 4, 16): the cosine of A and B is "
            f"{cosine('A', 'B'):.2f}, that of A and C is {cosine('A', 'C'):.2f}."
        ),
        hints=["What do you know of the third number from the picture?"],
        explain="""
        A flat picture of a wide space shows the small part of its variance that fits on paper. Take
        neighbours from the whole space, and the picture as a picture.
        """,
    ),
]
