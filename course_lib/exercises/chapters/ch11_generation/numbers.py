"""Chapter 11, numbers: odds and temperature."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import factors
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.chapters.ch11_generation.sampling import next_token


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
        units={"": 1.0, "to 1": 1.0, ": 1": 1.0, ":1": 1.0, "to one": 1.0, **factors()},
        low=0.0,
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
]
