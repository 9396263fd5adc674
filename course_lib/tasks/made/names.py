"""Named entities: news whose persons, places and companies have invented names.

A name is one word or two. Some words name persons as well as places, so that a list of names is
not enough: what stands beside a name tells what it names.
"""

import torch

from course_lib.tasks.items import TaggedWords
from course_lib.tasks.made.words import chance, invented, one_of, python_random

N_NAMES = 120
"""Names of each kind, those that two kinds share included."""
N_SHARED = 40
_START = 100
_OWN = N_NAMES - N_SHARED
_SHARED = invented(_START, N_SHARED)
_PERSONS = _SHARED + invented(_START + N_SHARED, _OWN)
_PLACES = _SHARED + invented(_START + N_SHARED + _OWN, _OWN)
_COMPANIES = invented(_START + N_SHARED + 2 * _OWN, N_NAMES)
_NAMES = {"PER": _PERSONS, "LOC": _PLACES, "ORG": _COMPANIES}
LABELS = ("O", *(f"{mark}-{kind}" for kind in _NAMES for mark in "BI"))
_SENTENCES = (
    "PER lives in LOC .",
    "PER works for ORG .",
    "ORG opened an office in LOC .",
    "PER and PER met in LOC .",
    "the mayor of LOC thanked PER .",
    "ORG hired PER last week .",
    "shares of ORG rose again .",
    "trains to LOC were late .",
    "PER said that ORG will leave LOC .",
    "last week PER sold ORG .",
    "the lawyer of PER was late .",
    "the office of ORG was sold last week .",
    "trains and shares were late again .",
)
WORDS = (
    *dict.fromkeys(w for one in _SENTENCES for w in one.split() if w not in _NAMES),
    *dict.fromkeys(name for names in _NAMES.values() for name in names),
)


def items(n: int, generator: torch.Generator) -> list[TaggedWords]:
    """Draw sentences with the label of each word: `B-PER`, `I-PER`, ..., or `O`.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    drawn = []
    for _ in range(n):
        words: list[str] = []
        labels: list[str] = []
        for word in one_of(_SENTENCES, rng).split():
            if word not in _NAMES:
                words.append(word)
                labels.append("O")
                continue
            for mark in "BI" if chance(0.5, rng) else "B":
                words.append(one_of(_NAMES[word], rng))
                labels.append(f"{mark}-{word}")
        drawn.append(TaggedWords(tuple(words), tuple(labels)))
    return drawn


def texts(n: int, generator: torch.Generator) -> list[str]:
    """Write sentences.

    Args:
        n: How many.
        generator: Draws them.
    """
    return [item.text for item in items(n, generator)]
