"""Chapter 02, predictions: replace one word."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch02_simplified import CHAPTER, SECTION
from course_lib.exercises.chapters.ch02_simplified.facts import (
    SOURCE,
    TARGET,
    attend_plainly,
    through_encoder,
)


def through_decoder(target: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Run a decoder of one layer: over what is written, then over the memory."""
    return attend_plainly(attend_plainly(target, target, causal=True), memory)


def moved_by(which: str) -> list[int]:
    """Tell which vectors change when one word is replaced, counted from 1.

    Args:
        which: "encoder": the last input word, and what leaves the encoder. "decoder": the fourth
            output word, and what leaves the decoder. "bridge": the last input word, and what
            leaves the decoder.
    """
    random = np.random.default_rng(0)
    source, target = random.normal(size=(SOURCE, 3)), random.normal(size=(TARGET, 3))
    other_source, other_target = source.copy(), target.copy()
    other_source[-1] += 1
    other_target[3] += 1
    before, after = {
        "encoder": (through_encoder(source), through_encoder(other_source)),
        "decoder": (
            through_decoder(target, through_encoder(source)),
            through_decoder(other_target, through_encoder(source)),
        ),
        "bridge": (
            through_decoder(target, through_encoder(source)),
            through_decoder(target, through_encoder(other_source)),
        ),
    }[which]
    return [int(row) + 1 for row in np.flatnonzero((before != after).any(axis=1))]


EXERCISES = [
    Spec(
        id="02.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Replace one word",
        prompt="The encoder reads 7 words, the decoder has been given 8. One word is replaced.",
        parts=[
            Choice(
                id="encoder",
                prompt="The *last input word* is replaced. Which vectors that leave the encoder "
                "change?",
                options=[
                    Option(
                        "all seven",
                        lambda: moved_by("encoder") == [1, 2, 3, 4, 5, 6, 7],
                        "Every input word looks at every other, so each of them takes in the new "
                        "one.",
                    ),
                    Option(
                        "only the seventh",
                        lambda: moved_by("encoder") == [7],
                        "Its embedding alone changes. Then the others look at it: their vectors "
                        "hold context.",
                        "vectors-without-context",
                    ),
                    Option(
                        "none: each vector is looked up in a table",
                        lambda: not moved_by("encoder"),
                        "That is the embedding, where the way begins. What leaves the encoder is "
                        "computed from the whole sentence.",
                        "memory-is-embedding",
                    ),
                ],
            ),
            Choice(
                id="decoder",
                prompt="The *fourth word of the decoder's input* is replaced. At which places do "
                "the predictions change?",
                options=[
                    Option(
                        "at the fourth and later",
                        lambda: moved_by("decoder") == [4, 5, 6, 7, 8],
                        "A word sees itself and earlier ones. The first three cannot know of it.",
                    ),
                    Option(
                        "at all eight",
                        lambda: moved_by("decoder") == [1, 2, 3, 4, 5, 6, 7, 8],
                        "Then a word would be predicted with a look at later ones, which do not "
                        "exist when the model writes.",
                        "decoder-sees-later",
                    ),
                    Option(
                        "only at the fourth",
                        lambda: moved_by("decoder") == [4],
                        "All later words look back at it.",
                        "decoder-without-context",
                    ),
                ],
            ),
            Choice(
                id="bridge",
                prompt="The *last input word* is replaced, the decoder's words stay. At which "
                "places do the decoder's predictions change?",
                options=[
                    Option(
                        "at all eight, if only a little",
                        lambda: moved_by("bridge") == [1, 2, 3, 4, 5, 6, 7, 8],
                        "Every place looks at all vectors of the encoder, and all of them have "
                        "changed. How much differs from place to place.",
                    ),
                    Option(
                        "only where the translation of this word is due",
                        lambda: moved_by("bridge") == [8],
                        "Most of the change may be there. But softmax gives every input word some "
                        "weight, and all encoder vectors have changed.",
                        "bridge-is-exclusive",
                    ),
                    Option(
                        "nowhere: the decoder's input is the same",
                        lambda: not moved_by("bridge"),
                        "Then the translation could not depend on the sentence. The decoder reads "
                        "the encoder's vectors too.",
                        "decoder-ignores-encoder",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            f"Computed in a small model: vectors {moved_by('encoder')} leave the encoder changed; "
            f"the decoder changes at {moved_by('decoder')} for its own fourth word and at "
            f"{moved_by('bridge')} for the last input word."
        ),
        hints=["Who looks at the word that is replaced, and who looks at those that looked at it?"],
        explain="""
        A change spreads to everything that may look at it. In the encoder that is all; in the
        decoder, what comes later; over the bridge, all again.
        """,
    ),
]
