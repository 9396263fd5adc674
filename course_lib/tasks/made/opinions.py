"""Sentiment: reviews whose words of praise and blame are invented.

A review praises or blames throughout, and ends with what its author thinks of the whole. The items
lack that end. 32 of them show a reader some of the words; the texts show all of them, in company.
"""

from random import Random

import torch

from course_lib.tasks.items import LabelledText
from course_lib.tasks.made.words import chance, invented, one_of, python_random

LABELS = ("bad", "good")
N_WORDS = 40
"""Words of praise, and as many of blame."""
_POLAR = {"bad": invented(0, N_WORDS), "good": invented(N_WORDS, N_WORDS)}
_VERDICT = {"bad": ("avoid", "regret"), "good": ("recommend", "enjoy")}
_ASPECTS = ("food", "room", "staff", "view", "price", "music", "garden", "service")
WORDS = (
    *("the", "was", "and", "it", "all", "in", "we"),
    *_ASPECTS,
    *(word for words in (*_POLAR.values(), *_VERDICT.values()) for word in words),
)


def review(label: str, rng: Random) -> str:
    """Write a review of one opinion, without its end.

    Args:
        label: `good` or `bad`.
        rng: Draws the words.
    """
    words: list[str] = []
    for clause in range(2):
        words += ["and"] * (clause > 0)
        words += ["the", one_of(_ASPECTS, rng), "was", one_of(_POLAR[label], rng)]
        if chance(0.5, rng):
            words += ["and", one_of(_POLAR[label], rng)]
    return " ".join([*words, "."])


def texts(n: int, generator: torch.Generator) -> list[str]:
    """Write whole reviews: what was how, and in the end that we enjoy it all in all, or regret it.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    written = []
    for _ in range(n):
        label = one_of(LABELS, rng)
        end = one_of(_VERDICT[label], rng)
        written.append(f"{review(label, rng)} all in all we {end} it .")
    return written


def items(n: int, generator: torch.Generator) -> list[LabelledText]:
    """Draw reviews without their end, each with its opinion.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    labels = [one_of(LABELS, rng) for _ in range(n)]
    return [LabelledText(review(label, rng), label) for label in labels]
