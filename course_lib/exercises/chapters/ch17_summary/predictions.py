"""Chapter 17, predictions: whom the same text helps with labels for words."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch17_summary import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="17.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Who gains in labels for words",
        prompt="""
        Three small models read the same texts: an encoder that is trained by masking, a decoder
        that is trained on next tokens, and an encoder-decoder that says what was cut. Each is then
        tuned for named entities on 32 labelled sentences, and compared with itself from random
        weights. The lecture gives this task to the encoder. Write a guess before you look.
        """,
        parts=[
            Choice(
                prompt="For which of them will pre-training pay there?",
                options=[
                    Option(
                        "For all three.",
                        True,
                        "Whoever predicts words learns which of them are used alike, and 32 "
                        "sentences hold few of the names. That helps every family.",
                    ),
                    Option(
                        "For the encoder only.",
                        False,
                        "That it is good at labels does not mean that the others learn nothing "
                        "about words. They predict the same words.",
                        "only-the-named-family",
                    ),
                    Option(
                        "For the encoder and the encoder-decoder; a decoder sees one side only.",
                        False,
                        "One side is less than two. It is still much more than nothing, which is "
                        "what it is compared with.",
                        "one-side-is-nothing",
                    ),
                    Option(
                        "For none: no label was seen in pre-training.",
                        False,
                        "The labels come from the 32 sentences. What the other names are like "
                        "comes from text without labels.",
                        "labels-needed",
                    ),
                ],
            )
        ],
        reveal=lambda: (
            "The experiment below has the numbers: each model from scratch and after pre-training, "
            "from three starts."
        ),
        hints=["Pre-training pays if a model is better than the same model without it."],
        explain="""
        Two questions are easily mixed up: whether pre-training pays for a family, and which family
        is best. The figure answers both, task by task.
        """,
    ),
]
