"""Translation: simple English, and a made language with other rules.

The made language puts the verb last and the adjective behind its noun, marks subject and object by
endings, and has no articles. Stems are shared, as they are between related languages cut into
pieces. An adjective agrees with the class of its noun, and no English sentence shows that class:
only text of the made language does.
"""

from dataclasses import dataclass
from random import Random

import torch

from course_lib.tasks.items import TextPair
from course_lib.tasks.made.words import chance, one_of, python_random

NOUNS = (
    *("dog", "cat", "bird", "king", "queen", "farmer", "doctor", "girl"),
    *("boat", "book", "lamp", "tree", "ball", "stone", "cart", "drum"),
)
VERBS = ("paint", "clean", "visit", "pull", "warn", "follow", "guard", "help")
ADJECTIVES = ("small", "red", "old", "green", "quick", "sad", "proud", "dark")
_CLASS = {noun: "am" if number % 2 else "ul" for number, noun in enumerate(NOUNS)}
ENGLISH, MADE_LANGUAGE = "english :", "velan :"
_ENDINGS = ("s", "ed", "ri", "ko", "ti", "am", "ul", "ex", "em")
WORDS = (
    *("english", "velan", ":", "the", "a", "did", "does", "do", "not", "ne"),
    *NOUNS,
    *VERBS,
    *ADJECTIVES,
    *(f"##{ending}" for ending in _ENDINGS),
)


@dataclass(frozen=True)
class _Thing:
    noun: str
    plural: bool
    definite: bool
    adjective: str | None

    @classmethod
    def draw(cls, rng: Random) -> "_Thing":
        plural, definite = chance(0.4, rng), chance(0.5, rng)
        adjective = one_of(ADJECTIVES, rng) if chance(0.5, rng) else None
        return cls(one_of(NOUNS, rng), plural, definite or plural, adjective)

    def english(self) -> str:
        words = ["the" if self.definite else "a", self.adjective or ""]
        return " ".join([*filter(None, words), self.noun + "s" * self.plural])

    def velan(self, case: str) -> str:
        noun = self.noun + "ri" * self.plural + case
        if self.adjective is None:
            return noun
        return f"{noun} {self.adjective}{_CLASS[self.noun]}"


def items(n: int, generator: torch.Generator) -> list[TextPair]:
    """Draw English sentences with their one translation.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    drawn = []
    for _ in range(n):
        subject, thing = _Thing.draw(rng), _Thing.draw(rng)
        verb, past = one_of(VERBS, rng), chance(0.5, rng)
        if chance(0.25, rng):
            helper = "did" if past else "do" if subject.plural else "does"
            action, marker = f"{helper} not {verb}", "ne "
        else:
            action, marker = verb + ("ed" if past else "" if subject.plural else "s"), ""
        english = f"{subject.english()} {action} {thing.english()} ."
        ending = "ex" if past else "em"
        velan = f"{subject.velan('ko')} {thing.velan('ti')} {marker}{verb}{ending} ."
        drawn.append(TextPair(f"{ENGLISH} {english}", f"{MADE_LANGUAGE} {velan}"))
    return drawn


def texts(n: int, generator: torch.Generator) -> list[str]:
    """Write sentences of either language, never one with its translation.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    pairs = items(n, generator)
    return [pair.source if chance(0.5, rng) else pair.target for pair in pairs]
