"""Chapter 19, predictions: what more and more finance text does to the loss on finance."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch19_domain import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="19.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="The shape of the curve",
        prompt="""
        Models of one size read equally many tokens. Of these 0, 51 or 100 % are finance, the rest
        is everyday text. Each is asked for its loss on finance text that it has not read.
        Write a guess before you look.
        """,
        parts=[
            Choice(
                prompt="How does that loss change with the share of finance?",
                options=[
                    Option(
                        "It falls steeply with the first half, and then hardly any more.",
                        True,
                        "What is missing is learned from the first tokens of a kind. More of the "
                        "same teaches less and less.",
                    ),
                    Option(
                        "It falls in a straight line: each half buys as much.",
                        False,
                        "A loss falls with the tokens like a power of them: steeply first, then "
                        "ever more slowly.",
                        "linear-in-share",
                    ),
                    Option(
                        "It stays high and falls near 100 %: other text confuses the model.",
                        False,
                        "A model keeps two kinds of text apart as easily as two subjects. What it "
                        "has read of one, it knows.",
                        "mixing-confuses",
                    ),
                    Option(
                        "Only 100 % is of use: to be good at finance, read nothing else.",
                        False,
                        "The last half buys little for finance, and costs all that was known of "
                        "the rest.",
                        "only-domain",
                    ),
                ],
            )
        ],
        reveal=lambda: "The curve below has the numbers, from three starts each.",
        hints=[
            "How much does the loss fall from no text of a kind to some, and from much to more?"
        ],
        explain="""
        This is why a mixture is worth its price: half of the tokens buy most of what all of them
        would, on both sides.
        """,
    ),
]
