"""Chapter 11, ideas: the same as greedy."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.chapters.ch11_generation.facts import LOGITS
from course_lib.exercises.chapters.ch11_generation.sampling import next_token


def always_greedy(temperature: float, k: int, p: float) -> bool:
    """Tell whether these settings leave only the most probable word."""
    rng = np.random.default_rng(0)
    _, probabilities = next_token(LOGITS, temperature, k, p, rng)
    return bool(probabilities[int(LOGITS.argmax())] > 1 - 1e-9)


EXERCISES = [
    Spec(
        id="11.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="The same as greedy",
        prompt="Greedy decoding always takes the most probable word. No two words are tied.",
        parts=[
            Choice(
                multiple=True,
                prompt="Which settings of random sampling give the same text?",
                options=[
                    Option(
                        "top-k with k = 1",
                        lambda: always_greedy(1.0, 1, 1.0),
                        "Only the most probable word is left to draw.",
                    ),
                    Option(
                        "a temperature that goes to 0",
                        lambda: always_greedy(1e-3, 6, 1.0),
                        "Dividing by almost 0 makes every gap huge, so softmax puts everything on "
                        "the first.",
                    ),
                    Option(
                        "top-p with a p just above 0",
                        lambda: always_greedy(1.0, 6, 1e-6),
                        "The most probable word alone already reaches so small a p, and at least "
                        "one word is kept.",
                    ),
                    Option(
                        "a temperature of 1",
                        lambda: always_greedy(1.0, 6, 1.0),
                        "Temperature 1 leaves the model's probabilities as they are, and they are "
                        "still drawn from. Greedy is the limit at 0.",
                        "temperature-one-is-greedy",
                    ),
                    Option(
                        "top-p with p = 1",
                        lambda: always_greedy(1.0, 6, 1.0),
                        "p = 1 keeps every word: nothing is filtered. The smaller p, the fewer "
                        "words stay.",
                        "p-one-is-greedy",
                    ),
                    Option(
                        "top-k with k equal to the vocabulary size",
                        lambda: always_greedy(1.0, 6, 1.0),
                        "That keeps every word, so it is no filter at all.",
                        "large-k-is-greedy",
                    ),
                ],
            )
        ],
        hints=["Which settings leave exactly one word to draw from?"],
        explain="""
        Greedy is the corner of all three settings: one word kept, or a temperature of 0. At the
        other corner, T = 1, k = V, p = 1, you draw from the model's own distribution.
        """,
    ),
]
