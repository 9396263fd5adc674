"""Chapter 09, ideas: which family for which task, and what the causal mask is for."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.spec import Choice, Match, Near, Number, Option, Row, Spec

CHAPTER = "09_transformer_models"
SECTION = "Transformer models"
ENCODER, DECODER, BOTH = "encoder-only", "decoder-only", "encoder-decoder"
WRITES = "encoder-writes-stories"
BLIND = "decoder-sees-what-follows"


def toy_losses() -> tuple[float, float, float]:
    """Train two counting models on words of which each has two successors, both equally likely.

    One counts what follows a word. The other may also look at the place of the next word, as a
    decoder without its mask. When it writes, that place is empty, which it has never met.

    Returns:
        Loss of the first; of the second in training; of the second when it writes. In nats a word.
    """
    words, empty = 8, 8
    follows = np.zeros((words, words))
    peeks = np.zeros((words, words + 1, words))
    for word in range(words):
        for following in ((word + 1) % words, (word + 3) % words):
            follows[word, following] += 1
            peeks[word, following, following] += 1

    def loss(counts: np.ndarray, following: int) -> float:
        total = counts.sum()
        return float(-np.log(counts[following] / total if total else 1 / words))

    pairs = [(int(word), int(following)) for word, following in np.argwhere(follows)]
    masked = np.mean([loss(follows[word], following) for word, following in pairs])
    training = np.mean([loss(peeks[word, following], following) for word, following in pairs])
    writing = np.mean([loss(peeks[word, empty], following) for word, following in pairs])
    return float(masked), float(training), float(writing)


def _toy_reveal() -> str:
    masked, training, writing = toy_losses()
    return (
        f"Measured on the toy: with the mask {masked:.2f} nats a word; without it {training:.2f} "
        f"in training and {writing:.2f} when it writes. Guessing blindly costs "
        f"{np.log(8):.2f}."
    )


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
    Spec(
        id="09.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Train a decoder without its mask",
        prompt=r"""
        In a language of 8 words two can follow each word, equally often. A decoder with
        its mask can at best reach ln 2 = 0.69 nats a word. Now the mask is removed *in training*:
        at each place the model may see all words, the one to be predicted included.
        """,
        parts=[
            Number(
                id="loss",
                prompt="Which training loss does it reach, in nats a word?",
                key=lambda: toy_losses()[1],
                tolerance=0.1,
                relative=False,
                near=[
                    Near(
                        lambda: toy_losses()[0],
                        "That is the best *without* seeing the next word. Here it can be copied: "
                        "nothing is left to chance.",
                        "mask-changes-nothing",
                    ),
                    Near(
                        lambda: float(np.log(8)),
                        "That is guessing blindly. The answer stands there to be copied: the loss "
                        "falls, and it falls to nothing.",
                        "no-mask-no-learning",
                    ),
                    Near(
                        lambda: toy_losses()[0] / 2,
                        "Half is too careful. The word to be predicted is always in sight, so it "
                        "is always right.",
                        "sees-half",
                    ),
                ],
                units={"": 1.0, "nats": 1.0, "nat": 1.0},
                unit_hint="a number of nats",
                key_format="{:.2f}",
                feedback="None at all: the answer is in sight and is copied.",
                too_small="A loss in nats cannot be below 0.",
                too_large="Too large. What does it cost to predict a word that you can see?",
            ),
            Choice(
                id="use",
                prompt="And when it then writes, where the next word is not there yet?",
                options=[
                    Option(
                        "It is as bad as blind guessing.",
                        lambda: abs(toy_losses()[2] - np.log(8)) < 1e-9,
                        "It has learned to copy the next word, and nothing about which word comes "
                        "next. Now there is nothing to copy.",
                    ),
                    Option(
                        "It is as good as in training.",
                        lambda: abs(toy_losses()[2] - toy_losses()[1]) < 1e-9,
                        "In training the next word was in sight. When writing it does not exist "
                        "yet.",
                        "training-loss-is-skill",
                    ),
                    Option(
                        "It is better than the one with the mask, since it has seen more.",
                        lambda: toy_losses()[2] < toy_losses()[0],
                        "It has seen more and learned less: whatever can be copied need not be "
                        "understood.",
                        "seeing-more-is-better",
                    ),
                ],
            ),
        ],
        reveal=_toy_reveal,
        hints=["What is the easiest way to predict a word that you can see?"],
        explain="""
        A loss counts as skill only where the model has in training what it will have in use. The
        mask is what makes the two alike.
        """,
    ),
]
