"""Chapter 14, warm-up: who sees whom in an encoder; where targets come from."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch14_masked import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="14.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: who sees whom",
        prompt="An encoder reads a sentence of eight words.",
        parts=[
            Choice(
                prompt="What does the fourth word see?",
                options=[
                    Option(
                        "all eight words, itself included",
                        True,
                        "No mask hides a word from another in an encoder. That is why it cannot be "
                        "trained to predict the next word: it sees it.",
                    ),
                    Option(
                        "the words before it, and itself",
                        False,
                        "That is a decoder's mask. In an encoder each word sees both sides.",
                        "encoder-is-causal",
                    ),
                    Option(
                        "all words but itself",
                        False,
                        "A word sees itself too. If words were always shown as they are when they "
                        "are asked for, they would be copied.",
                        "not-itself",
                    ),
                ],
            )
        ],
        hints=["Think of the table of who may see whom in chapter 2."],
        explain="An encoder sees both sides, so its question has to be made by hiding words.",
    ),
    Spec(
        id="14.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: targets that cost nothing",
        prompt="A page of the web survived all filters of the last chapter.",
        parts=[
            Choice(
                prompt="What does it take to make it a training example?",
                options=[
                    Option(
                        "hide a part of it and ask for what was hidden",
                        True,
                        "The text holds the question and the answer. Nobody writes either.",
                    ),
                    Option(
                        "someone who says what it is about",
                        False,
                        "That would be a label, and it would train a classifier. Pre-training "
                        "needs none.",
                        "people-label",
                    ),
                    Option(
                        "a second text that answers it",
                        False,
                        "Pairs of texts serve translation or questions. Pre-training cuts question "
                        "and answer out of one text.",
                        "pairs-needed",
                    ),
                ],
            )
        ],
        hints=["What made the last chapter's training *self*-supervised?"],
        explain="This chapter is about what to hide, how much, and what to show in its place.",
    ),
]
