"""Chapter 04, ideas, predictions and numbers: what a row of an embedding table is."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.spec import Choice, Near, Number, Option, Spec
from course_lib.presets import presets

CHAPTER = "04_embedding"
SECTION = "Embedding"
POINTS = {"A": np.array([1.0, 1.0, 4.0]), "B": np.array([1.0, 1.0, -4.0])}
POINTS["C"] = np.array([4.0, 4.0, 16.0])


def cosine(one: str, other: str) -> float:
    """Compute the cosine of two of the points."""
    a, b = POINTS[one], POINTS[other]
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def table_parameters() -> int:
    """Count the numbers in GPT-2 small's embedding table."""
    config = presets["gpt2"]
    return config.vocab_size * config.d_model


def table_share() -> float:
    """Give the share of GPT-2 small's parameters that lies in the table."""
    return table_parameters() / presets["gpt2"].n_parameters()


def _with_positions() -> int:
    return table_parameters() + presets["gpt2"].max_seq_len * presets["gpt2"].d_model


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
    Spec(
        id="04.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How large is the table?",
        prompt="""
        GPT-2 small has a vocabulary of 50,257 tokens, a width of 768, and 124,439,808 parameters in
        all. Its head uses the table a second time, as its own matrix.
        """,
        parts=[
            Number(
                id="table",
                prompt="How many numbers does the embedding table hold?",
                key=lambda: float(table_parameters()),
                tolerance=0.002,
                near=[
                    Near(
                        lambda: float(_with_positions()),
                        "That includes the rows for 1,024 positions, which are a second table.",
                        "adds-positions",
                    ),
                    Near(
                        lambda: 2.0 * table_parameters(),
                        "The head is tied: it uses the same numbers again, so they are stored, and "
                        "counted, once.",
                        "counts-head-twice",
                    ),
                    Near(
                        lambda: 50_257.0,
                        "That is the number of rows. Each row has 768 numbers.",
                        "row-is-one-number",
                    ),
                ],
                units={"": 1.0, "million": 1e6, "M": 1e6},
                unit_hint="a count, such as 1,000,000 or 1 million",
                key_format="{:,.0f}",
                feedback="50,257 rows of 768 numbers: 38,597,376.",
            ),
            Number(
                id="share",
                prompt="What share of all parameters is that?",
                key=table_share,
                tolerance=0.01,
                relative=False,
                near=[
                    Near(
                        lambda: 1 - table_share(),
                        "That is the share of everything else.",
                        "complement",
                    ),
                    Near(
                        lambda: (
                            table_parameters()
                            / (presets["gpt2"].n_parameters() - table_parameters())
                        ),
                        "You divided by the other parameters. A share is a part of the whole.",
                        "part-of-rest",
                    ),
                ],
                units={"": 1.0, "%": 0.01},
                unit_hint="a share such as 0.5, or 50 %",
                key_format="{:.3f}",
                feedback="38.6 of 124.4 million: 31 %. In larger models the share is far smaller, "
                "because blocks grow with the square of the width.",
            ),
        ],
        hints=["One row for each token, one number for each unit of width."],
        explain="In small models with large vocabularies, the table is a good part of the model.",
    ),
    Spec(
        id="04.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what an id says",
        prompt="From the page on tokenizers.",
        parts=[
            Choice(
                prompt="Two tokens have the ids 300 and 301. What follows for their meanings?",
                options=[
                    Option(
                        "Nothing.",
                        True,
                        "Ids are places in a list, in the order in which merges were learned. That "
                        "is why a model needs vectors.",
                    ),
                    Option(
                        "They are more alike than 300 and 900.",
                        False,
                        "Neighbouring ids were merged one after the other, because both pairs were "
                        "about equally frequent. Meaning had no part in it.",
                        "ids-are-distances",
                    ),
                    Option(
                        "The first is the more important one.",
                        False,
                        "It was merged earlier, so it was more frequent when counted. A model "
                        "treats both ids alike.",
                        "ids-are-ranks",
                    ),
                ],
            )
        ],
        hints=["How did byte pair encoding number its tokens?"],
        explain="An id is a name written in digits. Arithmetic with it makes no sense.",
    ),
    Spec(
        id="04.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: who teaches the model",
        prompt="From the first page.",
        parts=[
            Choice(
                prompt="How does a model come to know which words matter to which?",
                options=[
                    Option(
                        "It predicts the next token, and what helps with that is learned.",
                        True,
                        "One task and much text. The rows of the embedding table are learned in "
                        "the same way, at the same time.",
                    ),
                    Option(
                        "From texts in which people have marked the words that belong together.",
                        False,
                        "Nobody marks anything. The next token of plain text is the only teacher.",
                        "labelled-relevance",
                    ),
                    Option(
                        "From a dictionary that is built into it.",
                        False,
                        "A model starts from random numbers. All that it knows comes from "
                        "predicting text.",
                        "built-in-dictionary",
                    ),
                ],
            )
        ],
        hints=["What was the loss computed from?"],
        explain="Predicting text is the teacher of every number in the model, the table included.",
    ),
]
