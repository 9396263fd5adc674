"""Chapter 01, ideas: read one row of the map; is a weight an explanation?"""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch01_relevance import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="01.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Read one row of the map",
        prompt="""
        In a relevance map the row of `are` holds 0.61 under `keys` and 0.09 under `cabinet`.
        """,
        parts=[
            Choice(
                prompt="What do these two numbers say?",
                options=[
                    Option(
                        "To build its new meaning, `are` takes 61 % from `keys` and 9 % from "
                        "`cabinet`.",
                        True,
                        "A row belongs to the word that looks. It shares out a total of 1 among "
                        "the words it may look at, so the other words of the row get the "
                        "remaining 30 %.",
                    ),
                    Option(
                        "`keys` takes 61 % of its meaning from `are`.",
                        False,
                        "You read a column. The row names the word that looks, the column the "
                        "word it looks at. What `keys` takes from `are` stands in the row of "
                        "`keys`.",
                        "reads-columns",
                    ),
                    Option(
                        "`keys` and `are` are 61 % similar, in both directions.",
                        False,
                        "Relevance has a direction. A verb needs its subject to choose its form; "
                        "the subject may hardly need the verb. The two cells of a pair usually "
                        "differ.",
                        "attention-is-symmetric",
                    ),
                    Option(
                        "The next word is `keys` with a probability of 61 %.",
                        False,
                        "These are weights for mixing words that are already there. The "
                        "probability of the next word is computed later, over the whole "
                        "vocabulary.",
                        "weights-are-the-output",
                    ),
                ],
            )
        ],
        hints=[
            "Which numbers sum to 1: those of a row or those of a column?",
            "The row is the word that asks; the columns are the words that answer.",
        ],
        explain="""
        One row, one word that looks; its weights are positive and sum to 1. Nothing forces the map
        to be symmetric, and none of its numbers is a prediction.
        """,
    ),
    Spec(
        id="01.a2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Is a weight an explanation?",
        prompt="""
        One head of one layer puts 90 % of its weight on the word `not`, and the model calls the
        review negative.
        """,
        parts=[
            Choice(
                prompt="What may we say?",
                options=[
                    Option(
                        "In this head, most of what is mixed in here comes from `not`; what the "
                        "prediction depends on needs a test, such as removing the word.",
                        True,
                        "The weight describes one mixing step. Other heads, other layers and the "
                        "path around attention carry information too, so only an intervention "
                        "shows what the prediction depends on.",
                    ),
                    Option(
                        "The model calls the review negative because of `not`.",
                        False,
                        "A high weight says what one head mixes, not what the result depends on. "
                        "The mixed content may be ignored later, and the same content may arrive "
                        "by another way. Test it: change the word.",
                        "weight-is-explanation",
                    ),
                    Option(
                        "90 % of the prediction comes from `not`.",
                        False,
                        "The 90 % is a share of one head's mixture. The prediction is computed by "
                        "all heads, all layers and the feed-forward blocks together; it has no "
                        "such shares.",
                        "weight-is-contribution",
                    ),
                    Option(
                        "Nothing at all: weights are random.",
                        False,
                        "Weights are computed from the words and do describe what this head "
                        "mixes. They are evidence about one step, which is less than an "
                        "explanation and more than nothing.",
                        "weights-mean-nothing",
                    ),
                ],
            )
        ],
        hints=["How many other ways can a word's content take to the output?"],
        explain="""
        A weight is a fact about one mixing step. Whether the prediction depends on that step is
        another question, and an experiment answers it: change the word, or switch the head off.
        """,
    ),
]
