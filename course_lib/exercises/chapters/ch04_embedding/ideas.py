"""Chapter 04, ideas: one number of a row."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch04_embedding import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="04.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="One number of a row",
        prompt="A token's row has 768 numbers. Look at number 17.",
        parts=[
            Choice(
                prompt="What does number 17 stand for?",
                options=[
                    Option(
                        "For nothing by itself: what counts is how the whole row lies to others.",
                        True,
                        "Turn the whole space, and every number changes while all lengths and "
                        "angles stay. Nothing in the training asks one number to mean something.",
                    ),
                    Option(
                        "For one property, such as *plural*, which the model has named itself.",
                        False,
                        "Properties show up as directions, and those run across all numbers. No "
                        "axis is reserved for one.",
                        "axes-have-labels",
                    ),
                    Option(
                        "For how frequent the token is.",
                        False,
                        "No number is set aside for that. Frequency leaves traces in a row as a "
                        "whole, in its length for example.",
                        "axis-is-frequency",
                    ),
                    Option(
                        "For a part of the token's id.",
                        False,
                        "The id says which row to take and nothing more. The numbers in the row "
                        "come from training.",
                        "row-encodes-id",
                    ),
                ],
            )
        ],
        hints=["Would the model notice if all rows, and all that reads them, were rotated?"],
        explain="""
        Dot products and cosines are the same after a rotation; single numbers are not. Meaning is
        in the relations between rows.
        """,
    ),
]
