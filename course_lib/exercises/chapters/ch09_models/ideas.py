"""Chapter 09, ideas: A family for each task."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch09_models import CHAPTER, SECTION

ENCODER, DECODER, BOTH = "encoder-only", "decoder-only", "encoder-decoder"
WRITES = "encoder-writes-stories"
BLIND = "decoder-sees-what-follows"

EXERCISES = [
    Spec(
        id="09.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="A family for each task",
        prompt="""
        Choose a family for each task. More than one is defensible for most of them: any choice that
        can be defended is accepted, and the answer says why.
        """,
        parts=[
            Match(
                id="tasks",
                options=[ENCODER, DECODER, BOTH],
                rows=[
                    Row(
                        "a vector for each sentence, to find similar sentences",
                        [ENCODER],
                        {
                            ENCODER: "It reads both ways and gives vectors: features, without "
                            "writing anything.",
                            DECODER: "Its vectors know only what stands before them, and it is "
                            "trained to write. It can be done; an encoder is made for it.",
                            BOTH: "Its encoder would do, and then the decoder is half a model "
                            "that is never used.",
                        },
                        {DECODER: BLIND, BOTH: "decoder-always-needed"},
                    ),
                    Row(
                        "a story that goes on from its first line",
                        [DECODER, BOTH],
                        {
                            ENCODER: "An encoder gives a vector for each word that is there. It "
                            "has never learned to go on where the text ends.",
                            DECODER: "That is its training, word for word: go on.",
                            BOTH: "Defensible: read the line, write the story. A decoder alone "
                            "does it with half of the machinery.",
                        },
                        {ENCODER: WRITES},
                    ),
                    Row(
                        "a sentence in another language",
                        [BOTH, DECODER],
                        {
                            ENCODER: "One vector for each input word is no sentence: number and "
                            "order of the words differ. Something must write.",
                            DECODER: "Defensible: source and translation become one text to go on "
                            "with. Large models of this family translate well.",
                            BOTH: "What it was invented for: read the whole source both ways, "
                            "then write.",
                        },
                        {ENCODER: WRITES},
                    ),
                    Row(
                        "the word class of each word",
                        [ENCODER, BOTH],
                        {
                            ENCODER: "A label for each word, from a vector that has seen both "
                            "sides.",
                            DECODER: "Its vector for “book” in “book a flight” was made before the "
                            "flight came into sight.",
                            BOTH: "Defensible: it can write the labels out one after another. An "
                            "encoder gives them all at once.",
                        },
                        {DECODER: BLIND},
                    ),
                    Row(
                        "the word missing in the middle of a sentence",
                        [ENCODER, BOTH],
                        {
                            ENCODER: "That is BERT's training: both sides help.",
                            DECODER: "It goes on at the end of a text. What stands after the gap "
                            "is out of its sight.",
                            BOTH: "Defensible: T5 is trained to write what was cut out.",
                        },
                        {DECODER: BLIND},
                    ),
                    Row(
                        "a short version of a long text",
                        [BOTH, DECODER],
                        {
                            ENCODER: "It can point at important sentences, and it writes none.",
                            DECODER: "Defensible: the text, then “in short:”, and it goes on. The "
                            "lecture lists summarization for GPT.",
                            BOTH: "Read all, then write less: BART and T5.",
                        },
                        {ENCODER: WRITES},
                    ),
                ],
            ),
            Choice(
                id="true",
                multiple=True,
                prompt="Which statements hold?",
                options=[
                    Option(
                        "A decoder-only model can classify: it writes the name of the class.",
                        True,
                        "It holds. The probabilities of the classes' names are read from its "
                        "logits; no other head is needed.",
                    ),
                    Option(
                        "What a family *may see* follows from its masks; what it *can do* also "
                        "depends on what it was trained to do.",
                        True,
                        "It holds. The blocks are the same. Masks and training set them apart.",
                    ),
                    Option(
                        "BERT continues a story as well as GPT does, since it sees more.",
                        False,
                        "It sees more of a text that is there. It was never trained to go on where "
                        "nothing is.",
                        WRITES,
                    ),
                    Option(
                        "Every task belongs to exactly one family.",
                        False,
                        "Most tasks can be put as a continuation, as a fill-in or as a "
                        "transformation. Families differ in what comes easily.",
                        "families-exclusive",
                    ),
                ],
            ),
        ],
        hints=[
            "Is something to be written, or is what stands there to be understood?",
            "Does the answer need words that stand to the right?",
        ],
        explain="""
        Understanding what is there: an encoder. Going on: a decoder. One text into another: both
        together, or a decoder that treats the two as one text.
        """,
    ),
]
