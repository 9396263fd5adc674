"""Chapter 17, code: how far the best model is ahead of the second, in standard errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch17_summary import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference

Array = Any


def lead(scores: Array) -> tuple[int, float]:
    """Return the best model's number, and its lead over the second in standard errors."""
    # All models have as many starts, so the highest sum is the highest mean.
    order = sorted(range(len(scores)), key=lambda model: -sum(scores[model]))
    best, second = order[0], order[1]
    gains = [float(gain) for gain in scores[best] - scores[second]]
    n = len(gains)
    mean = sum(gains) / n
    variance = sum((gain - mean) ** 2 for gain in gains) / (n - 1)
    return best, mean / math.sqrt(variance / n)


def _vectorised(scores: Array) -> tuple[int, float]:
    order = np.argsort(-scores.mean(axis=1))
    gains = scores[order[0]] - scores[order[1]]
    error = gains.std(ddof=1) / np.sqrt(gains.size)
    return int(order[0]), float(gains.mean() / error)


def _one_against_all(scores: Array) -> tuple[int, float]:
    best = int(scores.mean(axis=1).argmax())
    others = np.delete(scores, best, axis=0)
    second = others[others.mean(axis=1).argmax()]
    gains = scores[best] - second
    squares = (gains**2).sum() - gains.sum() ** 2 / len(gains)
    return best, float(gains.mean() * np.sqrt(len(gains) * (len(gains) - 1) / squares))


def _unpaired(scores: Array) -> tuple[int, float]:
    order = np.argsort(-scores.mean(axis=1))
    a, b = scores[order[0]], scores[order[1]]
    error = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return int(order[0]), float((a.mean() - b.mean()) / error)


def _best_run(scores: Array) -> tuple[int, float]:
    order = np.argsort(-scores.max(axis=1))
    gains = scores[order[0]] - scores[order[1]]
    return int(order[0]), float(gains.mean() / (gains.std(ddof=1) / np.sqrt(len(gains))))


def _own_spread(scores: Array) -> tuple[int, float]:
    order = np.argsort(-scores.mean(axis=1))
    a, b = scores[order[0]], scores[order[1]]
    return int(order[0]), float((a - b).mean() / (a.std(ddof=1) / np.sqrt(len(a))))


def _from_the_mean(scores: Array) -> tuple[int, float]:
    best = int(scores.mean(axis=1).argmax())
    gains = scores[best] - scores.mean(axis=0)
    return best, float(gains.mean() / (gains.std(ddof=1) / np.sqrt(len(gains))))


def scores_case(draw: Draw) -> dict[str, Any]:
    """Draw scores of a few models from the same starts; no two means, no two gains alike."""
    while True:
        n_models, n_starts = draw.size(0, 2) + 3, draw.size(0, 3) + 3
        scores = draw.integers(n_models, n_starts, low=10, high=99) / 100
        means = np.sort(scores.mean(axis=1))
        tops = np.sort(scores.max(axis=1))
        best, second = scores.mean(axis=1).argsort()[::-1][:2]
        gains = scores[best] - scores[second]
        apart = min(np.diff(means).min(), np.diff(tops)[-2:].min(), gains.std())
        if apart > 0.004:
            return {"scores": scores}


CODE = Code(
    reference=lead,
    starters=[
        (
            "three parts blank",
            '''
            import numpy as np

            def lead(scores):
                """Return the best model's number, and its lead in standard errors."""
                order = np.argsort(-scores.mean(axis=1))  # best first
                best, second = order[0], order[1]
                gains = ...  # start by start
                error = ...  # standard error of their mean
                return int(best), ...
            ''',
        ),
        (
            "only the docstring",
            '''
            import numpy as np

            def lead(scores):
                """Return the best model's number, and its lead in standard errors."""
                ...
            ''',
        ),
    ],
    also_correct=[_vectorised, _one_against_all],
    wrong={
        "unpaired": Wrong(
            _unpaired,
            "You add the spreads of the two models. They ran from the same starts, so take the "
            "difference start by start, and the spread of these differences.",
        ),
        "no-root-n": Wrong(
            edit(lead, ("math.sqrt(variance / n)", "math.sqrt(variance)")),
            "You divide by the standard deviation of the gains. The error of their *mean* is "
            "smaller: divide the deviation by the root of the number of starts.",
        ),
        "divides-by-n": Wrong(
            edit(lead, ("/ (n - 1)", "/ n")),
            "Your variance divides by n. The mean was taken from the same gains, so divide by "
            "n - 1 (in NumPy `ddof=1`). With three starts that is much.",
        ),
        "spread-for-error": Wrong(
            edit(lead, ("/ (n - 1)", "/ n"), ("math.sqrt(variance / n)", "math.sqrt(variance)")),
            "You divide by `gains.std()`. That is the spread of one gain, with n below it. The "
            "error of the mean is `gains.std(ddof=1)` over the root of n.",
        ),
        "first-two-rows": Wrong(
            edit(lead, ("order[0], order[1]", "0, 1")),
            "You compare the first two rows. The models are in no order: find the two with the "
            "highest means.",
        ),
        "against-the-worst": Wrong(
            edit(lead, ("order[0], order[1]", "order[0], order[-1]")),
            "You compare the best with the worst. To be ahead means to be ahead of the second.",
        ),
        "against-the-mean": Wrong(
            _from_the_mean,
            "You compare the best with the mean of all models, itself among them. Compare it with "
            "the second best.",
        ),
        "best-run": Wrong(
            _best_run,
            "You order the models by their best start. One lucky start says little: order them by "
            "their mean.",
        ),
        "own-spread": Wrong(
            _own_spread,
            "You divide by the spread of the best model's scores. What counts is how much the gain "
            "over the second changes from start to start.",
        ),
        "lowest-first": Wrong(
            edit(lead, ("-sum(scores", "sum(scores")),
            "You take the lowest score as the best. Scores are better the higher they are: sort "
            "from the highest down.",
        ),
        "difference-only": Wrong(
            edit(lead, ("mean / math.sqrt(variance / n)", "mean")),
            "You return the lead itself. Divide it by its standard error, to say whether it could "
            "be chance.",
        ),
        "error-only": Wrong(
            edit(lead, ("mean / math.sqrt(variance / n)", "math.sqrt(variance / n)")),
            "You return the standard error alone. What is asked for is how many of them the lead "
            "is.",
        ),
        "starts-for-models": Wrong(
            edit(_vectorised, ("order = np", "scores = scores.T\n    order = np")),
            "You compare starts instead of models: rows are models, columns are starts. Take means "
            "along a row.",
        ),
        "second-not-best": Wrong(
            edit(lead, ("return best, mean", "return second, mean")),
            "You return the number of the second. The first result is the number of the best.",
        ),
    },
    generate=scores_case,
    properties=[equals_reference(2e-5)],
)

EXERCISES = [
    Spec(
        id="17.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="When a number may be bold",
        prompt="""
        `scores` is an array with a row for each model and a column for each start; all models ran
        from the same starts. Write `lead(scores)`. It returns the number of the model with the
        highest mean, and how far it is ahead of the second: the mean of the differences start by
        start, divided by the standard error of that mean (the standard deviation with n - 1, over
        the root of n).
        """,
        code=CODE,
        hints=[
            "`np.argsort(-scores.mean(axis=1))` lists the models, best first.",
            "Subtract two rows: one difference for each start.",
            "`gains.std(ddof=1) / np.sqrt(len(gains))` is the standard error of their mean.",
        ],
        explain="""
        In the table of this page a number is bold if this lead is more than 2 and the longer run
        agrees. From three starts that is a rule of thumb, not a test: a 95 % interval from three
        differences is 4.3 standard errors wide to either side.
        """,
    ),
]
