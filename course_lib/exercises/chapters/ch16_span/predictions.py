"""Chapter 16, predictions: what pre-training is worth where there are few pairs."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch16_span import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="16.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="What a few hundred pairs can teach",
        prompt="""
        Two models of the same shape learn to translate from the same few hundred pairs of
        sentences, with the same 200 updates. One begins from random weights. The other has read
        many sentences of both languages before, each spoiled and to be said whole, and never one
        with its translation. Write a guess before you look.
        """,
        parts=[
            Choice(
                prompt="What does the pre-training of the second one change?",
                options=[
                    Option(
                        "It translates many new sentences without a mistake, the first one hardly "
                        "any.",
                        True,
                        "It has learned to take words over from a source and to write both "
                        "languages. The pairs are left for what only they can teach.",
                    ),
                    Option(
                        "Nothing: it has never seen a pair.",
                        False,
                        "It has seen no pair, but both languages, and has learned to take words "
                        "over from a source.",
                        "pairs-only",
                    ),
                    Option(
                        "It translates worse: it has learned to say back what it reads.",
                        False,
                        "Saying words back is a part of translating, since most stems are shared. "
                        "The pairs change the rest.",
                        "copying-hurts",
                    ),
                    Option(
                        "It translates before it has seen a pair.",
                        False,
                        "Nothing has told it yet that a sentence of the other language is wanted.",
                        "translates-untaught",
                    ),
                ],
            )
        ],
        reveal=lambda: (
            "The experiment below trains both, for several numbers of pairs, and counts the new "
            "sentences that each of them translates without a mistake."
        ),
        hints=["Which parts of translating can be learned from one language at a time?"],
        explain="""
        The table below the experiment has the numbers for each number of pairs, from three starts
        and for twice the training.
        """,
    ),
]
