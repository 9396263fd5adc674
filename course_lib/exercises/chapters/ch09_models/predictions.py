"""Chapter 09, predictions: train a decoder without its mask."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Near, Number, Option, Spec
from course_lib.exercises.author.units import nats
from course_lib.exercises.chapters.ch09_models import CHAPTER, SECTION


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
        f"{np.log(8):.2f}. The toy counts, and knows when it has never seen a case; a network does "
        "not know, is sure of something wrong, and does worse: this page measures it."
    )


EXERCISES = [
    Spec(
        id="09.b",
        version=2,
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
                units=nats(),
                low=0.0,
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
                        "It is no better than blind guessing, and may be worse.",
                        lambda: toy_losses()[2] > np.log(8) - 1e-9,
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
