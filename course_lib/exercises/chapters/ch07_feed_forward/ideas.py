"""Chapter 07, ideas: who mixes between positions?"""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch07_feed_forward import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="07.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Who mixes between positions?",
        prompt="A block of a transformer holds several parts.",
        parts=[
            Choice(
                prompt="Which part lets one position use what stands at another?",
                options=[
                    Option(
                        "attention",
                        True,
                        "It is the only part that looks along the sequence. All others treat every "
                        "position by itself, with the same weights.",
                    ),
                    Option(
                        "the feed-forward network",
                        False,
                        "It mixes the *columns* of one position. Change another position's vector, "
                        "and its result here stays the same.",
                        "feed-forward-mixes-words",
                    ),
                    Option(
                        "layer normalisation",
                        False,
                        "Its mean and variance are taken over the columns of one position, not "
                        "over positions.",
                        "norm-mixes-words",
                    ),
                    Option(
                        "the softmax over the vocabulary",
                        False,
                        "It compares the words of the vocabulary at one position. It never looks "
                        "at another position.",
                        "output-softmax-mixes-words",
                    ),
                ],
            )
        ],
        hints=["Which part would still work, unchanged, on a sequence of one token?"],
        explain="""
        Attention moves information between positions, the feed-forward network works it over at
        each position. A block is these two in turn.
        """,
    ),
]
