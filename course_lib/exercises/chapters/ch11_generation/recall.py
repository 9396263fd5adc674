"""Chapter 11, warm-up: warm-up: adding to all logits; warm-up: what a model gives."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.chapters.ch11_generation.facts import LOGITS
from course_lib.exercises.chapters.ch11_generation.sampling import next_token

EXERCISES = [
    Spec(
        id="11.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: adding to all logits",
        prompt="From the page on softmax.",
        parts=[
            Choice(
                prompt="3 is added to every logit. What happens to the probabilities?",
                options=[
                    Option(
                        "nothing",
                        lambda: bool(
                            np.allclose(
                                next_token(LOGITS, 1.0, 6, 1.0, np.random.default_rng(0))[1],
                                next_token(LOGITS + 3, 1.0, 6, 1.0, np.random.default_rng(0))[1],
                            )
                        ),
                        "Every exp grows by the same factor, which the division takes out again. "
                        "Only differences of logits count.",
                    ),
                    Option(
                        "They all grow.",
                        False,
                        "They cannot all grow: they sum to 1.",
                        "logits-are-probabilities",
                    ),
                    Option(
                        "They become more even.",
                        False,
                        "Evenness depends on the differences between logits, and these are the "
                        "same.",
                        "shift-flattens",
                    ),
                ],
            )
        ],
        hints=["Take the common factor exp(3) out of the sum."],
        explain="Softmax sees differences only. That is why a maximum may be subtracted first.",
    ),
    Spec(
        id="11.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what a model gives",
        prompt="From the pages on the architecture.",
        parts=[
            Choice(
                prompt="What does a decoder-only model compute for the last position of a prompt?",
                options=[
                    Option(
                        "one logit for every token of the vocabulary",
                        True,
                        "The model gives a score to each token. Choosing one of them is the job of "
                        "the generation settings.",
                    ),
                    Option(
                        "the next token",
                        False,
                        "The model never chooses. It gives scores; greedy, top-k and top-p are "
                        "rules outside the model.",
                        "model-chooses",
                    ),
                    Option(
                        "a sentence, from which the first word is taken",
                        False,
                        "It scores one token at a time. A sentence comes from feeding each chosen "
                        "token back in.",
                        "model-plans-sentences",
                    ),
                ],
            )
        ],
        hints=["Where is randomness: inside the network or after it?"],
        explain="The network is a function: same prompt, same logits. Chance enters afterwards.",
    ),
]
