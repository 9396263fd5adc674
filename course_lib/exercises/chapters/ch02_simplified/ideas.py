"""Chapter 02, ideas: three kinds of attention."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch02_simplified import CHAPTER, SECTION
from course_lib.exercises.chapters.ch02_simplified.facts import (
    SOURCE,
    through_encoder,
)

INPUT = "input words look at all input words"
WRITTEN = "output words look at themselves and earlier output words"
BRIDGE = "output words look at all input words"
BACK = "input words look at the output words"

EXERCISES = [
    Spec(
        id="02.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Three kinds of attention",
        prompt="A model with an encoder and a decoder translates a sentence of 7 words.",
        parts=[
            Match(
                id="sees",
                prompt="Who looks at whom?",
                options=[INPUT, WRITTEN, BRIDGE, BACK],
                rows=[
                    Row(
                        "self-attention of the encoder",
                        [INPUT],
                        {
                            INPUT: "The whole input is there from the start, so every word may "
                            "look at every other, before and after.",
                            WRITTEN: "That limit is the decoder's, whose later words do not exist "
                            "yet. The input is complete.",
                            BRIDGE: "The encoder knows nothing of the output. It has done its work "
                            "before the first output word.",
                            BACK: "The encoder never sees the output: data flows from it to the "
                            "decoder and not back.",
                        },
                        {
                            WRITTEN: "encoder-is-causal",
                            BRIDGE: "encoder-sees-output",
                            BACK: "encoder-sees-output",
                        },
                    ),
                    Row(
                        "self-attention of the decoder",
                        [WRITTEN],
                        {
                            INPUT: "Those words are read by the encoder. *Self* means: the "
                            "decoder's own words.",
                            WRITTEN: "Later words are still to be written, so none may look at "
                            "them, in training neither.",
                            BRIDGE: "That is the decoder's other attention, the one over the "
                            "encoder's output.",
                            BACK: "No word of the input looks at anything in the decoder.",
                        },
                        {
                            INPUT: "self-is-input",
                            BRIDGE: "self-is-cross",
                            BACK: "encoder-sees-output",
                        },
                    ),
                    Row(
                        "attention over the encoder's output",
                        [BRIDGE],
                        {
                            INPUT: "Input words looking at input words is the encoder's own "
                            "attention. Here the decoder asks.",
                            WRITTEN: "That is the decoder's self-attention. This one leaves the "
                            "output and looks at what was read.",
                            BRIDGE: "Each word being written may fetch from every input word: "
                            "nothing of the input is hidden.",
                            BACK: "The other way around: the decoder asks, the encoder's vectors "
                            "are looked at.",
                        },
                        {
                            INPUT: "cross-is-self",
                            WRITTEN: "cross-is-self",
                            BACK: "cross-turned",
                        },
                    ),
                ],
            ),
            Choice(
                id="leaves",
                prompt="What does the encoder hand over to the decoder?",
                options=[
                    Option(
                        "7 vectors",
                        lambda: through_encoder(np.ones((SOURCE, 3))).shape[0] == 7,
                        "One for each input token, whatever their number.",
                    ),
                    Option(
                        "one vector that sums the sentence up",
                        False,
                        "Translation models before attention did that, and long sentences did "
                        "not fit. Here there is one vector for each token.",
                        "fixed-size-memory",
                    ),
                    Option(
                        "the first word of the translation",
                        False,
                        "The encoder writes nothing. Words are chosen by the decoder's loop.",
                        "encoder-writes",
                    ),
                    Option(
                        "a table of 7 × 7 weights",
                        False,
                        "Those stay inside the encoder's attention. What leaves are vectors, "
                        "mixed by these weights.",
                        "weights-are-output",
                    ),
                ],
            ),
            Choice(
                id="runs",
                prompt="How often does the decoder run on one sentence of 8 words in *training*?",
                options=[
                    Option(
                        "once",
                        True,
                        "The true words are all known. One run predicts every word from those "
                        "before it, since later ones are hidden.",
                    ),
                    Option(
                        "8 times, once for each word",
                        False,
                        "That is writing, where each word must be chosen before the next can be "
                        "asked for. In training the true sentence is given.",
                        "training-loops",
                    ),
                    Option(
                        "never: training concerns the encoder",
                        False,
                        "Both halves are trained together, by the loss on the decoder's "
                        "predictions.",
                        "encoder-trained-alone",
                    ),
                ],
            ),
        ],
        hints=[
            "What exists already when the encoder begins, and what when the decoder does?",
            "In which of the two, training or writing, is the next word known?",
        ],
        explain="""
        The input is complete, so nothing in it is hidden. The output grows, so later words are
        hidden. The bridge goes one way: from the vectors of the input to the words being written.
        """,
    ),
]
