"""Chapter 11, ideas, warm-up and numbers: what temperature, top-k and top-p do."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.chapter_11_sampling import next_token
from course_lib.exercises.spec import Choice, Near, Number, Option, Spec

CHAPTER = "11_generative_configuration"
SECTION = "Generative configuration: greedy or random sampling, top-k, top-p, temperature"
LOGITS = np.array([2.0, 1.4, 1.0, 0.3, -0.5, -1.0])


def always_greedy(temperature: float, k: int, p: float) -> bool:
    """Tell whether these settings leave only the most probable word."""
    rng = np.random.default_rng(0)
    _, probabilities = next_token(LOGITS, temperature, k, p, rng)
    return bool(probabilities[int(LOGITS.argmax())] > 1 - 1e-9)


def odds(gap: float, temperature: float) -> float:
    """Compute how many times likelier the better of two words is."""
    rng = np.random.default_rng(0)
    _, pair = next_token(np.array([gap, 0.0]), temperature, 2, 1.0, rng)
    return float(pair[0] / pair[1])


def _odds(temperature: float, near: list[Near]) -> Number:
    return Number(
        id=f"t{temperature:g}".replace(".", "_"),
        prompt=f"Odds at temperature {temperature:g}",
        key=lambda: odds(2.0, temperature),
        tolerance=0.02,
        near=near,
        units={"": 1.0, "to 1": 1.0, ": 1": 1.0, ":1": 1.0},
        unit_hint="a number, such as 12.5",
        key_format="{:.3g}",
        feedback=f"exp(2 / {temperature:g}) = {odds(2.0, temperature):.3g}.",
    )


def _linear(temperature: float) -> Near:
    return Near(
        lambda: 2.0 / temperature,
        "You divided the gap and stopped. Odds are the ratio of two probabilities, and softmax "
        "takes exp of the logits: exp(gap / T).",
        "odds-are-linear",
    )


def _multiplied(temperature: float) -> Near:
    return Near(
        lambda: odds(2.0, 1.0 / temperature),
        "You multiplied the gap by the temperature. Logits are divided by it, so a higher "
        "temperature brings the odds closer to 1.",
        "temperature-multiplies",
    )


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
    Spec(
        id="11.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Odds and temperature",
        prompt="""
        Two words differ by 2 in their logits. How many times likelier is the better one?
        """,
        parts=[
            _odds(0.5, [_multiplied(0.5), _linear(0.5)]),
            _odds(
                1.0,
                [
                    _linear(1.0),
                    Near(
                        lambda: float(np.exp(1)),
                        "That is exp(1). The gap is 2, so the odds are exp(2).",
                        "gap-of-one",
                    ),
                ],
            ),
            _odds(2.0, [_multiplied(2.0), _linear(2.0)]),
        ],
        hints=["Odds are exp of the difference of the logits.", "Divide the gap by T first."],
        explain="""
        odds = exp(gap / T). Half the temperature squares the odds, twice the temperature takes
        their root. The order of the words never changes.
        """,
    ),
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
