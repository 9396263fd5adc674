"""Chapter 05, warm-up: warm-up: the same word twice; warm-up: who may see whom."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch05_positions import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="05.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: the same word twice",
        prompt="From the page on embeddings.",
        parts=[
            Choice(
                prompt="A text has the same token at two places. Its rows of the table are …",
                options=[
                    Option(
                        "the same row both times.",
                        True,
                        "The table knows ids and nothing else. What tells the two apart must be "
                        "added, and that is what this page is about.",
                    ),
                    Option(
                        "different rows, because the places differ.",
                        False,
                        "The look-up gets an id only. It cannot know where the id stood.",
                        "table-knows-place",
                    ),
                    Option(
                        "different rows, if the words around them differ.",
                        False,
                        "Context comes in later, in the layers. The row is the same in every text.",
                        "table-knows-context",
                    ),
                ],
            )
        ],
        hints=["What is the table indexed by?"],
        explain="One row for each token of the vocabulary, whatever surrounds it.",
    ),
    Spec(
        id="05.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: who may see whom",
        prompt="From the first page.",
        parts=[
            Choice(
                prompt="In a model that writes from left to right, what can the third word see?",
                options=[
                    Option(
                        "The first three words.",
                        True,
                        "Half of the relevance map is empty. Keep it in mind: that alone tells a "
                        "model something about order.",
                    ),
                    Option(
                        "All words of the text.",
                        False,
                        "Then it would see the word that it should predict. A writer sees what "
                        "is written.",
                        "sees-future",
                    ),
                    Option(
                        "Only the word before it.",
                        False,
                        "That is a bigram. A transformer sees all words so far.",
                        "sees-one-back",
                    ),
                ],
            )
        ],
        hints=["Which half of the relevance map was empty?"],
        explain="A causal model sees itself and what came before, nothing after.",
    ),
]
