"""Chapter 16, warm-up: where the decoder looks; what a masked model is asked for."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch16_span import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="16.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: how the two halves meet",
        prompt="An encoder-decoder translates. The decoder is about to write its third word.",
        parts=[
            Choice(
                prompt="What can it look at?",
                options=[
                    Option(
                        "every word of the source, and the two words it has written",
                        True,
                        "Cross-attention opens the whole source, one vector a token. "
                        "Self-attention sees what has been written.",
                    ),
                    Option(
                        "one vector that sums up the source, and the two words it has written",
                        False,
                        "That was so before attention. The encoder gives one vector for each "
                        "token, and the decoder looks at all of them, at each word anew.",
                        "one-vector-memory",
                    ),
                    Option(
                        "the first three words of the source, and the two words it has written",
                        False,
                        "Only the decoder's own side is causal. The source has been read whole "
                        "before the first word is written.",
                        "causal-source",
                    ),
                    Option(
                        "every word of the source, and nothing it has written",
                        False,
                        "Then it could not know which words are done. It reads its own words back "
                        "in.",
                        "no-own-words",
                    ),
                ],
            )
        ],
        hints=["Two kinds of attention stand in a decoder's block that also reads a source."],
        explain="This is why such a model can copy: the word to write may stand in the source.",
    ),
    Spec(
        id="16.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what training shows a decoder",
        prompt="In training, all places of a target are predicted at once.",
        parts=[
            Choice(
                prompt="What does the decoder read at the place where it is asked for word 3?",
                options=[
                    Option(
                        "the true words 1 and 2",
                        True,
                        "Its input is the target one place late, behind a start token. Whatever "
                        "it would have said itself is not read.",
                    ),
                    Option(
                        "the words 1 and 2 that it predicted itself",
                        False,
                        "That happens when it generates. In training the true words are read, so "
                        "all places can be computed in one pass.",
                        "reads-own-predictions",
                    ),
                    Option(
                        "the true words 1, 2 and 3",
                        False,
                        "Then word 3 would be copied, and nothing learned. The shift by one place "
                        "is there to prevent this.",
                        "no-shift",
                    ),
                ],
            )
        ],
        hints=["Between the target and what the decoder reads lies one place."],
        explain="""
        A decoder whose input is not shifted reaches a loss of nearly 0, and writes nothing of use.
        This page tries it.
        """,
    ),
]
