"""Summaries: stories about two, of whom the headline names one, and the last thing it did."""

import torch

from course_lib.tasks.items import TextPair
from course_lib.tasks.made.translation import ADJECTIVES, NOUNS, VERBS
from course_lib.tasks.made.words import chance, one_of, python_random

N_SENTENCES = 4
HEADLINE = "headline :"
_HEROES, _THINGS = NOUNS[:8], NOUNS[8:]
WORDS = ("headline", "story", ":", "the", "then", "a")


def items(n: int, generator: torch.Generator) -> list[TextPair]:
    """Draw stories with their headline: the hero, who comes first, and its last deed.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    drawn = []
    for _ in range(n):
        hero = one_of(_HEROES, rng)
        other = one_of([one for one in _HEROES if one != hero], rng)
        sentences, headline = [], ""
        for number in range(N_SENTENCES):
            who = hero if number == 0 or chance(0.5, rng) else other
            verb, thing = one_of(VERBS, rng), one_of(_THINGS, rng)
            colour = [one_of(ADJECTIVES, rng)] if chance(0.3, rng) else []
            sentences.append(" ".join(["the", who, f"{verb}ed", "the", *colour, thing, "."]))
            if who == hero:
                headline = f"{HEADLINE} {hero} {verb}ed {thing} ."
        drawn.append(TextPair(f"story : {' '.join(sentences)}", headline))
    return drawn


def texts(n: int, generator: torch.Generator) -> list[str]:
    """Write stories, without their headline.

    Args:
        n: How many.
        generator: Draws them.
    """
    return [item.source for item in items(n, generator)]
