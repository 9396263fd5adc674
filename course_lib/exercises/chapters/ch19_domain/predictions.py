"""Chapter 19, predictions: what more finance text does to a loss, what a little replay saves."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch19_domain import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="19.b",
        version=2,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="The shape of the curve",
        prompt="""
        Models of one size read equally many tokens. Of these 0, 25, 51, 75 or 100 % are finance,
        the rest is everyday text. Each is asked for its loss on finance text that it has not read.
        Write a guess before you look.
        """,
        parts=[
            Choice(
                prompt="How does that loss change with the share of finance?",
                options=[
                    Option(
                        "It falls steeply with the first quarter, and then hardly any more.",
                        True,
                        "What is missing is learned from the first tokens of a kind. More of the "
                        "same teaches less and less.",
                    ),
                    Option(
                        "It falls in a straight line: each quarter buys as much.",
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
                        "The last quarter buys little for finance, and costs all that was known of "
                        "the rest.",
                        "only-domain",
                    ),
                ],
            )
        ],
        reveal=lambda: "The mixtures below have the numbers, from three starts each.",
        hints=[
            "How much does the loss fall from no text of a kind to some, and from much to more?"
        ],
        explain="""
        This is why a mixture is worth its price: half of the tokens buy most of what all of them
        would, on both sides.
        """,
    ),
    Spec(
        id="19.f",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="One token in a hundred",
        prompt="""
        The everyday model goes on with finance text. One token in a hundred is everyday text
        again. Then it is asked for its loss on everyday text, for everyday facts, and for everyday
        verdicts on the events whose news is good in one domain and bad in the other. Without
        replay, all of this is lost. Write a guess before you look.
        """,
        parts=[
            Choice(
                prompt="What does so little of the old text save?",
                options=[
                    Option(
                        "Most of the loss and of the facts, and hardly a verdict.",
                        True,
                        "Of the facts finance says nothing. The verdicts it says the other way "
                        "round, ninety-nine times for once.",
                    ),
                    Option(
                        "About a hundredth of each, as it is a hundredth of the text.",
                        False,
                        "A loss does not fall in proportion to the text: the first tokens of a "
                        "kind teach the most.",
                        "linear-in-share",
                    ),
                    Option(
                        "Most of all three: what was known once comes back at once.",
                        False,
                        "Look at the verdicts by themselves. They are one token of a sentence, "
                        "and a loss over all tokens can be good without them.",
                        "loss-is-skill",
                    ),
                    Option(
                        "Nothing: so little is lost among the rest.",
                        False,
                        "So few tokens are still thousands, and all that is asked of them is "
                        "what was known before.",
                        "little-is-nothing",
                    ),
                ],
            )
        ],
        reveal=lambda: "The tables below have the numbers, from three starts each.",
        hints=["Which of the three does the new text speak against?"],
        explain="""
        How much replay is enough depends on what has to be kept. A mean over all tokens says
        little about a skill that shows in few of them.
        """,
    ),
]
