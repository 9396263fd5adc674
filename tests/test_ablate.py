"""One change, paired seeds, an interval: the verdicts on experiments whose truth is known."""

import random
from typing import Any

import pytest

from course_lib.ablate import ablate, student_quantile, student_share


@pytest.mark.parametrize(
    ("confidence", "freedom", "table"),
    [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 3, 3.182), (0.95, 4, 2.776), (0.95, 9, 2.262),
     (0.95, 30, 2.042), (0.99, 2, 9.925), (0.99, 5, 4.032), (0.9, 10, 1.812), (0.95, 1000, 1.962)],
)  # fmt: skip
def test_quantiles_are_those_of_the_tables(confidence: float, freedom: int, table: float) -> None:
    got = student_quantile(confidence, freedom)
    assert got == pytest.approx(table, abs=6e-4)
    assert student_share(got, freedom) == pytest.approx(confidence)


def experiment(seed: int, effect: float = 0.0, noise: float = 0.1, lr: float = 1.0) -> float:
    """A loss that depends much on the seed, and on the setting by ``effect``."""
    of_seed = random.Random(seed).gauss(3, 1)
    of_run = random.Random(seed * 1000 + round(lr * 10)).gauss(0, noise)
    return of_seed + of_run + (effect if lr != 1.0 else 0.0)


def verdict(effect: float, seeds: range, **options: Any) -> str:
    def run(seed: int, lr: float) -> float:
        return experiment(seed, effect, lr=lr)

    return ablate(run, {"lr": 1.0}, {"lr": 2.0}, seeds=seeds, **options).verdict


def test_verdicts_on_known_effects() -> None:
    assert verdict(-1.0, range(5)) == "better"
    assert verdict(1.0, range(5)) == "worse"
    assert verdict(1.0, range(5), lower_is_better=False) == "better"
    assert verdict(0.0, range(5)) == "no effect"
    wrong = sum(verdict(0.0, range(n, n + 4)) != "no effect" for n in range(0, 4000, 4))
    assert 25 <= wrong <= 75  # 5 % of the intervals miss the truth, no more and no less


def test_pairs_see_what_single_runs_do_not() -> None:
    """The seeds differ by 1, the change makes 0.3: only on the same seed can it be seen."""

    def run(seed: int, lr: float) -> float:
        return experiment(seed, -0.3, 0.02, lr)

    got = ablate(run, {"lr": 1.0}, {"lr": 2.0}, seeds=range(4))
    assert got.verdict == "better" and got.difference == pytest.approx(-0.3, abs=0.05)
    assert max(got.without) - min(got.without) > 0.3
    assert str(got).startswith("lr 1.0 -> 2.0: -0.") and str(got).endswith("4 seeds): better")
    assert got.interval[0] < got.difference < got.interval[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": [0]}, "seeds must be at least 2 for a conclusion, got 1"),
        ({"seeds": []}, "seeds must be at least 2"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"change": {}}, "change must name exactly 1 setting"),
        ({"change": {"lr": 2.0, "noise": 1.0}}, "change must name exactly 1 setting"),
        ({"change": {"lrr": 2.0}}, "change names 'lrr', which is none of the settings"),
        ({"change": {"lr": 1.0}}, "change must change something: lr is 1.0 already"),
        ({"confidence": 1.0}, "confidence must be above 0 and below 1"),
        ({"run": lambda seed, **_: float("nan")}, "run gave nan with seed 0 and lr=1.0"),
    ],
)
def test_no_conclusion_is_drawn_from_too_little(changes: dict[str, Any], message: str) -> None:
    options: dict[str, Any] = {"run": experiment, "base": {"lr": 1.0, "noise": 0.1},
                               "change": {"lr": 2.0}, "seeds": [0, 1]}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        ablate(**(options | changes))
