"""Questions: four persons, one fact about each, and a question about one of them."""

from random import Random

import torch

from course_lib.tasks.items import Continuation, Question
from course_lib.tasks.made.words import one_of, python_random

_PERSONS = ("anna", "ben", "clara", "david", "eva", "felix", "greta", "hugo")
_THINGS = (
    *("tea", "rice", "honey", "bread", "milk", "salt", "corn", "wine"),
    *("soup", "cake", "fish", "plums", "beans", "nuts", "cheese", "figs"),
)
N_FACTS = 4
WORDS = ("likes", "like", "so", "what", "does", "?", *_PERSONS, *_THINGS)


def _facts(rng: Random) -> list[tuple[str, str]]:
    people, things = rng.sample(_PERSONS, N_FACTS), rng.sample(_THINGS, N_FACTS)
    return list(zip(people, things, strict=True))


def items(n: int, generator: torch.Generator) -> list[Question]:
    """Draw questions. A guess among the things of the text is right once in four.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    drawn = []
    for _ in range(n):
        facts = _facts(rng)
        context = " ".join(f"{who} likes {what} ." for who, what in facts)
        who, what = facts[int(rng.random() * N_FACTS)]
        start = context.index(f"{who} likes {what} ") + len(f"{who} likes ")
        drawn.append(Question(context, f"what does {who} like ?", what, start))
    return drawn


def continuations(n: int, generator: torch.Generator) -> list[Continuation]:
    """Draw texts that end before their last word, which repeats a fact.

    Args:
        n: How many.
        generator: Draws them.
    """
    drawn = []
    for text in texts(n, generator):
        words = text.split()
        drawn.append(Continuation(" ".join(words[:-2]), " ".join(words[-2:])))
    return drawn


def texts(n: int, generator: torch.Generator) -> list[str]:
    """Write facts, and at the end one of them again: as in `so ben likes tea`.

    Args:
        n: How many.
        generator: Draws them.
    """
    rng = python_random(n, generator)
    written = []
    for _ in range(n):
        sentences = [f"{who} likes {what} ." for who, what in _facts(rng)]
        written.append(" ".join([*sentences, "so", one_of(sentences, rng)]))
    return written
