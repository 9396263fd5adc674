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
        version=2,
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
                        [ENCODER, DECODER, BOTH],
                        {
                            ENCODER: "It reads both ways and gives vectors: features, without "
                            "writing anything.",
                            DECODER: "Defensible: the vector of the last word has seen the whole "
                            "sentence. Trained further for it, large decoders do this well.",
                            BOTH: "Defensible: its encoder does it; the decoder is then half a "
                            "model that is never used.",
                        },
                    ),
                    Row(
                        "a story that goes on from its first line",
                        [DECODER, BOTH],
                        {
                            ENCODER: "It can fill in one `[MASK]` at the end after the other, as "
                            "on this page, but reads the whole text again for each: no tool "
                            "for long texts.",
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
                        "the word class of each word, all in one pass, nothing written",
                        [ENCODER, BOTH],
                        {
                            ENCODER: "A label for each word, from a vector that has seen both "
                            "sides.",
                            DECODER: "Its vector for “book” in “book a flight” was made before the "
                            "flight came into sight. It could write the labels afterwards, which "
                            "is not one pass.",
                            BOTH: "Defensible: its encoder gives them; the decoder has nothing to "
                            "do.",
                        },
                        {DECODER: BLIND},
                    ),
                    Row(
                        "the word missing in the middle of a sentence",
                        [ENCODER, DECODER, BOTH],
                        {
                            ENCODER: "That is BERT's training: both sides help.",
                            DECODER: "Defensible: the rest of the sentence is put before the gap, "
                            "as models are trained to do for code, or it is simply asked.",
                            BOTH: "Defensible: T5 is trained to write what was cut out.",
                        },
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
                        "BERT continues a story better than GPT does, since it sees more.",
                        False,
                        "It sees more of a text that is there. Where a story is to go on, nothing "
                        "is there yet: on this page it writes about as well, at a higher price.",
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
