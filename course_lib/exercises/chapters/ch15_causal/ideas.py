"""Chapter 15, ideas: a loss that is too good; what emerges, and by which measure."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch15_causal import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="15.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="A loss that is too good",
        prompt="""
        A text was made by a process whose least possible loss is 0.47 nats a token. A model reports
        0.05 nats on held-out text.
        """,
        parts=[
            Choice(
                prompt="What can be the reason? Choose every one that can.",
                multiple=True,
                options=[
                    Option(
                        "There is no causal mask: a place sees the token it is asked for.",
                        True,
                        "Then the answer only has to be copied from the next place, and it cannot "
                        "be when the model writes by itself.",
                    ),
                    Option(
                        "The targets were not moved: each place is asked for its own token.",
                        True,
                        "Then the answer stands in the input. The model learns to repeat what it "
                        "reads.",
                    ),
                    Option(
                        "The model is very large, and was trained for very long.",
                        False,
                        "No honest model gets below the floor on new text: what is left is chance, "
                        "which nobody can foretell.",
                        "size-beats-chance",
                    ),
                    Option(
                        "The targets were moved by two places.",
                        False,
                        "That is a harder question, with a higher loss, and useless for writing. "
                        "It does not take the loss under the floor.",
                        "two-places-leak",
                    ),
                    Option(
                        "The dropout was left on.",
                        False,
                        "That makes the loss worse, not better.",
                        "dropout-helps",
                    ),
                ],
            )
        ],
        hints=["Who knows the answer before it is asked?"],
        explain="""
        A floor is the best fault finder there is. On real text it is not known, but a loss far
        below that of others on the same tokens deserves the same suspicion.
        """,
    ),
    Spec(
        id="15.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What emerges",
        prompt="""
        Imagine models of five sizes, asked to end a story with the right five words. Counted by
        whole answers, the score is 0 for the small ones and near 1 for the largest.
        """,
        parts=[
            Choice(
                prompt="Which statement holds?",
                options=[
                    Option(
                        "The log-likelihood of the right answer may well rise at every size.",
                        True,
                        "A whole answer is a product of its tokens. The product can stay near 0 "
                        "while every factor grows.",
                    ),
                    Option(
                        "The small models have learned nothing about the task.",
                        False,
                        "Exact match cannot see it: an answer with four right words of five counts "
                        "as nothing.",
                        "zero-means-nothing",
                    ),
                    Option(
                        "A jump proves that the largest model works in another way.",
                        False,
                        "The measure alone can make the jump. To show another way of working one "
                        "has to look inside.",
                        "jump-proves-mechanism",
                    ),
                    Option(
                        "Exact match is the wrong measure.",
                        False,
                        "Whoever needs whole answers needs that number. It is a poor one to "
                        "foretell the next size from.",
                        "exact-match-is-wrong",
                    ),
                ],
            )
        ],
        hints=["What does exact match say about an answer with one wrong word?"],
        explain="Show both: the measure that users feel, and one that moves before it does.",
    ),
]
