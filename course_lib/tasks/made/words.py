"""The words of the made tasks: English ones, and invented ones that mean nothing beforehand."""

from collections.abc import Sequence
from random import Random

import torch

from course_lib.checks import check_generator, check_sizes

_CONSONANTS = "bdfgklmnprtvz"
_VOWELS = "aeiou"
_SYLLABLES = [c + v for c in _CONSONANTS for v in _VOWELS]
_STRIDE = 1009  # shares no factor with the number of words, so every word comes once


def invented(start: int, n: int) -> tuple[str, ...]:
    """List some of the 4,225 words of two syllables, in a fixed order that looks like none.

    Args:
        start: Number of the first word.
        n: How many words.
    """
    n_all = len(_SYLLABLES) ** 2
    places = [(number * _STRIDE) % n_all for number in range(start, start + n)]
    n_first = len(_SYLLABLES)
    return tuple(_SYLLABLES[place // n_first] + _SYLLABLES[place % n_first] for place in places)


def python_random(n: int, generator: torch.Generator) -> Random:
    """Make Python's source of random numbers from torch's: it draws single numbers much faster.

    Args:
        n: How many texts or items are wanted.
        generator: Draws the seed.

    Raises:
        TypeError: If ``n`` is no whole number, or ``generator`` no torch.Generator.
        ValueError: If none is wanted.
    """
    check_sizes(n=n)
    check_generator(generator)
    return Random(int(torch.randint(2**62, (1,), generator=generator)))


def one_of(options: Sequence[str], rng: Random) -> str:
    """Draw one of some words, each as likely as any other."""
    return options[int(rng.random() * len(options))]


def chance(probability: float, rng: Random) -> bool:
    """Draw yes with a probability."""
    return rng.random() < probability
