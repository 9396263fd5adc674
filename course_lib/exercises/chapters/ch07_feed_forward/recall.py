"""Chapter 07, warm-up: warm-up: the result of attention; warm-up: why divide by √d."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch07_feed_forward import CHAPTER, SECTION
from course_lib.exercises.chapters.ch07_feed_forward.facts import LOGITS
from course_lib.exercises.chapters.common import softmax

EXERCISES = [
    Spec(
        id="07.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: the result of attention",
        prompt="From the page on attention.",
        parts=[
            Choice(
                prompt="What is the result of attention for one word?",
                options=[
                    Option(
                        "a weighted mixture of values",
                        True,
                        "Queries and keys decide the weights, values are what is mixed.",
                    ),
                    Option(
                        "a row of weights",
                        False,
                        "The weights are a step on the way. They are used to mix the values.",
                        "weights-are-result",
                    ),
                    Option(
                        "the value of the word that fits best",
                        False,
                        "Softmax shares the weight out. The best word counts most, not alone.",
                        "hard-choice",
                    ),
                ],
            )
        ],
        hints=["What is multiplied by the weights at the end?"],
        explain="Score, mask, normalise, mix: the last step mixes values.",
    ),
    Spec(
        id="07.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: why divide by √d",
        prompt="From the page on attention.",
        parts=[
            Choice(
                prompt="What would happen in wide models without dividing scores by √d?",
                options=[
                    Option(
                        "Softmax would put nearly everything on one word.",
                        lambda: softmax(4 * LOGITS).max() > 0.95,
                        "The scores spread by √d. Wide gaps make softmax almost a maximum, with "
                        "hardly any gradient.",
                    ),
                    Option(
                        "The weights would no longer sum to 1.",
                        False,
                        "Softmax normalises whatever comes in. It is the shape of a row that "
                        "suffers, not its sum.",
                        "scale-normalises",
                    ),
                    Option(
                        "Nothing: it only saves computing time.",
                        False,
                        "It costs a division and saves none. It keeps the spread of the scores at "
                        "1, so that training can move.",
                        "scale-is-cosmetic",
                    ),
                ],
            )
        ],
        hints=["What does softmax do when all gaps grow by a factor?"],
        explain="Dividing by √d keeps the scores' spread, and so the sharpness, independent of d.",
    ),
]
