"""Chapter 07, predictions: three changes of the logits."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Near, Number, Option, Spec
from course_lib.exercises.author.units import factors
from course_lib.exercises.chapters.ch07_feed_forward import CHAPTER, SECTION
from course_lib.exercises.chapters.ch07_feed_forward.facts import LOGITS
from course_lib.exercises.chapters.common import softmax

ONE_UP = LOGITS + np.array([0.0, 3.0, 0.0, 0.0])


def _unchanged(logits: np.ndarray) -> bool:
    return bool(np.allclose(softmax(logits), softmax(LOGITS)))


def odds_factor(step: float) -> float:
    """Compute by which factor the odds of a word grow when only its logit grows by a step."""
    before, after = softmax(LOGITS), softmax(LOGITS + np.array([0, step, 0, 0]))
    return float((after[1] / after[0]) / (before[1] / before[0]))


def _bars(logits: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in softmax(logits))


EXERCISES = [
    Spec(
        id="07.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Three changes of the logits",
        prompt="Four words have the logits 2, 1, 0.5 and -1.",
        parts=[
            Choice(
                id="shift",
                prompt="3 is added to *all* logits. The probabilities …",
                options=[
                    Option(
                        "stay the same.",
                        lambda: _unchanged(LOGITS + 3),
                        "exp(3) is a common factor, and the division takes it out.",
                    ),
                    Option(
                        "all grow.",
                        False,
                        "They sum to 1 before and after, so they cannot all grow. Logits are not "
                        "probabilities.",
                        "logits-are-probabilities",
                    ),
                    Option(
                        "become more even.",
                        False,
                        "Evenness depends on the differences of the logits, which are the same.",
                        "shift-flattens",
                    ),
                ],
            ),
            Choice(
                id="double",
                prompt="All logits are *doubled*. The distribution becomes …",
                options=[
                    Option(
                        "sharper.",
                        lambda: softmax(2 * LOGITS).max() > softmax(LOGITS).max() + 0.01,
                        "Doubling all gaps squares the ratio of any two probabilities.",
                    ),
                    Option(
                        "no different: the ratios of the logits are the same.",
                        lambda: _unchanged(2 * LOGITS),
                        "Softmax looks at differences, not ratios. The differences are doubled.",
                        "ratios-count",
                    ),
                    Option(
                        "more even.",
                        lambda: softmax(2 * LOGITS).max() < softmax(LOGITS).max() - 0.01,
                        "More even would need smaller gaps, which is what dividing does.",
                        "doubling-flattens",
                    ),
                ],
            ),
            Number(
                id="one",
                prompt="3 is added to the second logit only. By which factor do its odds against "
                "the first word grow?",
                key=lambda: odds_factor(3.0),
                tolerance=0.03,
                near=[
                    Near(
                        lambda: 3.0,
                        "A step of 3 in the logit is not a factor of 3. exp turns the step into a "
                        "factor: exp(3).",
                        "logit-steps-are-factors",
                    ),
                    Near(
                        lambda: float(np.exp(4 - 2)),
                        "That is the odds afterwards, exp(4 - 2). They were exp(1 - 2) before; the "
                        "factor between them is asked.",
                        "odds-are-factor",
                    ),
                    Near(
                        lambda: float(softmax(ONE_UP)[1] / softmax(LOGITS)[1]),
                        "That is how much its probability grows, which is less, because the sum "
                        "below grows too. The odds against another word grow by exp(3).",
                        "odds-are-probabilities",
                    ),
                ],
                units=factors(),
                low=0.0,
                unit_hint="a factor, such as 5",
                key_format="{:.3g}",
                feedback="exp(3) = 20.1, whatever the other logits are.",
            ),
        ],
        reveal=lambda: (
            f"Before: {_bars(LOGITS)}. After +3 on all: {_bars(LOGITS + 3)}. After doubling: "
            f"{_bars(2 * LOGITS)}. After +3 on the second: {_bars(ONE_UP)}."
        ),
        hints=["The ratio of two probabilities is exp of the difference of their logits."],
        explain="""
        Only differences of logits count. A common shift does nothing, a common factor sharpens or
        flattens, and a step on one logit multiplies its odds by exp of the step.
        """,
    ),
]
