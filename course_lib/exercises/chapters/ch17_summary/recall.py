"""Chapter 17, warm-up: why each family has its own objective; when a difference is shown."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch17_summary import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="17.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: the next token, asked of an encoder",
        prompt="""
        An encoder sees all tokens of a text, on both sides of each place. Somebody trains it to say
        at each place the token that comes next.
        """,
        parts=[
            Choice(
                prompt="What comes of it?",
                options=[
                    Option(
                        "The loss falls to almost nothing, and nothing about language is learned.",
                        True,
                        "The next token stands in the input, one place further, and every place "
                        "may look there. Copying answers the question.",
                    ),
                    Option(
                        "The same as with a decoder, but slower.",
                        False,
                        "A decoder cannot look at the token it is asked for. An encoder can, so it "
                        "copies it and learns nothing else.",
                        "encoder-can-do-clm",
                    ),
                    Option(
                        "The loss stays high, since an encoder cannot write.",
                        False,
                        "It can say a token at each place, as in masked language modelling. Here "
                        "the right one is in plain sight.",
                        "encoder-has-no-words",
                    ),
                    Option(
                        "It learns more than a decoder, since it knows both sides.",
                        False,
                        "Knowing both sides means knowing the answer. This is why an encoder is "
                        "asked for tokens that are hidden.",
                        "more-context-more-learned",
                    ),
                ],
            )
        ],
        hints=["Where does the token stand that it is asked for?"],
        explain="An objective has to fit what the model can see: the question must not be answered "
        "in the input.",
    ),
    Spec(
        id="17.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: when a difference is shown",
        prompt="""
        Two models are tuned from the same three starts. One scores 0.90, 0.80 and 0.70, the other
        0.92, 0.83 and 0.74.
        """,
        parts=[
            Choice(
                prompt="What follows for these runs?",
                options=[
                    Option(
                        "The second is better: its gains 0.02, 0.03 and 0.04 are far beyond two "
                        "standard errors of their mean.",
                        True,
                        "The pairs share their start, so their differences count. Their mean is "
                        "0.03, and its standard error less than 0.01.",
                    ),
                    Option(
                        "Nothing: the scores of either model spread much more than 0.03.",
                        False,
                        "The spread is that of the starts, and both models share it. Compare the "
                        "two scores of each start.",
                        "unpaired",
                    ),
                    Option(
                        "Nothing: three starts are too few for any statement.",
                        False,
                        "They are few. But the three gains agree so well that even three tell them "
                        "from 0.",
                        "three-say-nothing",
                    ),
                    Option(
                        "The second is better, since its best score is the highest of all.",
                        False,
                        "The best of some runs says most about luck. Look at what changed from "
                        "start to start.",
                        "best-run-wins",
                    ),
                ],
            )
        ],
        hints=["Take the difference of each pair first."],
        explain="This page compares four models on six tasks. Only differences like this one are "
        "printed as a win.",
    ),
]
