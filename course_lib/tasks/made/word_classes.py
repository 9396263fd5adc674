"""Word classes: sentences of invented nouns, verbs, adjectives and adverbs.

Nothing in a word's spelling tells its class. Some words are nouns in one sentence and verbs in
another, as `walk` is: after an article or an adjective such a word is a noun, after a noun a verb.
"""

from random import Random

import torch

from course_lib.tasks.items import TaggedWords
from course_lib.tasks.made.words import chance, invented, one_of, python_random

_START = 500
_BOTH = invented(_START, 30)
_WORDS = {
    "DET": ("the", "a", "every", "some"),
    "NOUN": _BOTH + invented(_START + 30, 90),
    "VERB": _BOTH + invented(_START + 120, 50),
    "ADJ": invented(_START + 170, 60),
    "ADV": invented(_START + 230, 30),
    "ADP": ("in", "of", "for", "with"),
    "PUNCT": (".",),
}
LABELS = tuple(_WORDS)
WORDS = tuple(dict.fromkeys(word for words in _WORDS.values() for word in words))


def items(n: int, generator: torch.Generator) -> list[TaggedWords]:
    """Draw sentences with the class of each word.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    drawn = []
    for _ in range(n):
        classes = _noun_phrase(rng)
        classes.append("VERB")
        if chance(0.6, rng):
            classes += _noun_phrase(rng)
        if chance(0.4, rng):
            classes.append("ADV")
        if chance(0.4, rng):
            classes += ["ADP", *_noun_phrase(rng)]
        classes.append("PUNCT")
        words = tuple(one_of(_WORDS[one], rng) for one in classes)
        drawn.append(TaggedWords(words, tuple(classes)))
    return drawn


def texts(n: int, generator: torch.Generator) -> list[str]:
    """Write sentences.

    Args:
        n: How many.
        generator: Draws them.
    """
    return [item.text for item in items(n, generator)]


def _noun_phrase(rng: Random) -> list[str]:
    adjectives = ["ADJ"] * (chance(0.5, rng) + chance(0.2, rng))
    return ["DET", *adjectives, "NOUN"]
