"""Chapter 01, ideas and warm-up: relevance of each word to each other word."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.spec import Choice, Option, Spec

CHAPTER = "01_relevance"
SECTION = "What a transformer learns: relevance of each word to each other word"

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
    Spec(
        id="01.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: shares",
        prompt="Before you begin: three friends share a bill in the ratio 2 : 1 : 1.",
        parts=[
            Choice(
                prompt="Which weights describe the same shares and sum to 1?",
                options=[
                    Option(
                        "0.5, 0.25, 0.25",
                        lambda: bool(np.allclose(np.array([2, 1, 1]) / 4, [0.5, 0.25, 0.25])),
                        "Divide each share by their sum, 4. This step is called normalising; it "
                        "turns any positive numbers into weights.",
                    ),
                    Option(
                        "2, 1, 1",
                        False,
                        "These have the right ratio, but they sum to 4. Divide by the sum.",
                        "ratio-is-weight",
                    ),
                    Option(
                        "1, 0.5, 0.5",
                        False,
                        "You divided by the largest share, so they sum to 2. Divide by the sum.",
                        "divide-by-maximum",
                    ),
                ],
            )
        ],
        hints=["What do the three numbers of an answer add up to?"],
        explain="Weights are shares of one whole: positive, with a sum of 1.",
    ),
    Spec(
        id="01.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: exp",
        prompt="Before you begin: `exp` turns any number into a positive one.",
        parts=[
            Choice(
                prompt="Two scores differ by 1. What is fixed about `exp` of them?",
                options=[
                    Option(
                        "their ratio",
                        lambda: bool(np.isclose(np.exp(5) / np.exp(4), np.exp(-2) / np.exp(-3))),
                        "exp(a + 1) is always e, about 2.72, times exp(a). So equal steps of "
                        "score are equal factors of weight.",
                    ),
                    Option(
                        "their difference",
                        False,
                        "exp(1) - exp(0) is 1.72, but exp(3) - exp(2) is 12.7. It is the ratio "
                        "that stays.",
                        "exp-keeps-differences",
                    ),
                    Option(
                        "their sum",
                        False,
                        "The sum grows with the scores. It is the ratio that stays, always e.",
                        "exp-keeps-sums",
                    ),
                ],
            )
        ],
        hints=["Try the scores 0 and 1, then 2 and 3."],
        explain="exp turns sums into products: a step of 1 in the score is a factor of e.",
    ),
]
