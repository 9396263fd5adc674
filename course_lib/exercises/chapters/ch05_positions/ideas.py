"""Chapter 05, ideas: the dog and the man."""

from __future__ import annotations

import math

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch05_positions import CHAPTER, SECTION
from course_lib.exercises.chapters.common import softmax


def order_shows() -> bool:
    """Tell whether attention without mask and positions gives a word another result elsewhere."""
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 3, 4))
    turned = [2, 1, 0]
    return not np.allclose(_open(q, k, v)[turned], _open(q[turned], k[turned], v[turned]))


def _open(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Attend with no mask: every word sees every word."""
    return softmax(q @ k.T / math.sqrt(q.shape[1])) @ v


EXERCISES = [
    Spec(
        id="05.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="The dog and the man",
        prompt="""
        An encoder without any positions reads “dog bites man” and then “man bites dog”. No word is
        masked.
        """,
        parts=[
            Choice(
                prompt="What happens to the vectors that come out?",
                options=[
                    Option(
                        "The same three vectors come out, in another order.",
                        lambda: not order_shows(),
                        "Scores compare words, not places. *dog* meets the same keys in both "
                        "texts. (A causal mask is another matter: it hides what comes later, "
                        "which gives some order away.)",
                    ),
                    Option(
                        "Other vectors, because attention reads from left to right.",
                        order_shows,
                        "Attention compares all pairs at once. Nothing in a dot product says which "
                        "word stood first.",
                        "attention-knows-order",
                    ),
                    Option(
                        "Only *bites* changes, since its neighbours have changed places.",
                        False,
                        "*bites* takes a mean of values, and a mean does not care in which order "
                        "they come.",
                        "neighbours-count",
                    ),
                    Option(
                        "Other vectors, because the feed-forward network counts.",
                        False,
                        "The feed-forward network sees one token at a time and knows nothing of "
                        "its place.",
                        "feed-forward-counts",
                    ),
                ],
            )
        ],
        hints=["Which step of attention would change if rows and columns were shuffled alike?"],
        explain="""
        Shuffle the input of an encoder without positions, and the output is shuffled in the same
        way. To it, a sentence is a bag of words.
        """,
    ),
]
