"""Chapter 04, warm-up: warm-up: what an id says; warm-up: who teaches the model."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch04_embedding import CHAPTER, SECTION

EXERCISES = [
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
