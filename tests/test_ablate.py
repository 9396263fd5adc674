"""One change, paired seeds, an interval: the verdicts on experiments whose truth is known."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.ablate import (
    ablate,
    judge,
    mean_and_standard_error,
    student_quantile,
    student_share,
)

pytestmark = pytest.mark.usefixtures("as_installed")


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


def test_results_that_are_there_are_judged_as_those_of_runs_of_our_own() -> None:
    seeds = [3, 1, 7, 4]

    def run(seed: int, lr: float) -> float:
        return experiment(seed, -0.3, 0.2, lr)

    made = ablate(run, {"lr": 1.0}, {"lr": 2.0}, seeds=seeds, confidence=0.9)
    again = judge(
        [run(seed, 1.0) for seed in seeds],
        [run(seed, 2.0) for seed in seeds],
        seeds=seeds,
        change=("lr", 1.0, 2.0),
        confidence=0.9,
    )
    assert made == again


def test_two_standard_errors_of_three_seeds() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, so a standard error of 3 ** -0.5."""
    got = judge([0.0] * 3, [1.0, 2.0, 3.0], standard_errors=2.0, lower_is_better=False)
    assert got.seeds == (0, 1, 2) and got.difference == 2
    assert got.standard_error == pytest.approx(3**-0.5)
    assert got.interval == pytest.approx((2 - 2 / 3**0.5, 2 + 2 / 3**0.5))
    assert got.confidence == pytest.approx(student_share(2.0, 2)) == pytest.approx(0.8165, abs=1e-4)
    assert got.verdict == "better"
    # Of the same numbers, 95 in 100 want 4.3 standard errors, which is more than there is.
    wider = judge([0.0] * 3, [1.0, 2.0, 3.0], lower_is_better=False)
    assert wider.interval[0] == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)
    assert wider.verdict == "no effect"


def test_a_longer_run_can_only_take_a_verdict_away() -> None:
    def said(*longer: tuple[float, float], after: tuple[float, ...] = (1.0, 1.1, 1.2)) -> str:
        return judge([0.0] * 3, after, lower_is_better=False, longer=longer).verdict

    assert said() == said((0.0, 0.1)) == said((0.0, 0.1), (0.2, 0.3)) == "better"
    assert said((0.1, 0.0)) == said((0.0, 0.1), (0.1, 0.0)) == said((0.5, 0.5)) == "no effect"
    assert said((0.0, 9.0), after=(0.0, 1.0, -1.0)) == "no effect"
    shown = str(judge([0.0] * 3, [1.0, 1.1, 1.2], longer=[(0.25, 0.5)]))
    assert shown.endswith("3 seeds, longer +0.25): worse")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": [1.0]}, "seeds must be at least 2 for a conclusion, got 1"),
        ({"with_change": [1.0, 2.0]}, "with_change must hold a result for each of 3 seeds, got 2"),
        ({"seeds": [0, 1]}, "without must hold a result for each of 2 seeds, got 3"),
        ({"seeds": [0, 1, 1]}, "seeds must differ"),
        ({"without": [1.0, 2.0, float("inf")]}, "without must be finite"),
        ({"longer": [(1.0, float("nan"))]}, "longer must be finite"),
        ({"standard_errors": 0.0}, "standard_errors must be positive and finite, got 0.0"),
        ({"standard_errors": float("inf")}, "standard_errors must be positive and finite"),
        ({"confidence": 0.0}, "confidence must be above 0 and below 1"),
        ({"seeds": [torch.tensor(1), torch.tensor(1), torch.tensor(2)]}, "seeds must differ"),
        ({"seeds": torch.tensor([1, 1, 2])}, "seeds must differ"),
        ({"without": [1e200, -1e200, 0.0]}, "without must be finite, below 1e"),
        ({"longer": [(1.0, 2.0, 3.0)]}, r"longer must hold pairs \(before, after\), got one of 3"),
        ({"change": ("rate", 1)}, "change must be a name, a value before and one after"),
        ({"change": "abc"}, "change must be a name, a value before and one after"),
    ],
)
def test_results_that_say_nothing_are_refused(changes: dict[str, Any], message: str) -> None:
    options: dict[str, Any] = {"without": [1.0, 2.0, 3.0], "with_change": [2.0, 3.0, 4.0]}
    options |= changes
    with pytest.raises(ValueError, match=message):
        judge(options.pop("without"), options.pop("with_change"), **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": ["1.0", "2.0"]}, r"without\[0\] must be a number, got '1.0'"),
        ({"with_change": [[1.0], [2.0]]}, r"with_change\[0\] must be a number"),
        ({"longer": (1.0, 2.0)}, r"longer\[0\] must be a list, got 1.0"),
        ({"longer": ["12"]}, r"longer\[0\] must be a list, got '12'"),
        ({"lower_is_better": "no"}, "lower_is_better must be true or false, got 'no'"),
        ({"lower_is_better": None}, "lower_is_better must be true or false, got None"),
    ],
)
def test_results_of_another_kind_are_refused(changes: dict[str, Any], message: str) -> None:
    options: dict[str, Any] = {"without": [1.0, 2.0], "with_change": [2.0, 3.0]} | changes
    with pytest.raises(TypeError, match=message):
        judge(options.pop("without"), options.pop("with_change"), **options)


def test_rounding_is_no_effect() -> None:
    same = judge([0.1 + 0.2] * 3, [0.3] * 3)  # 0.30000000000000004 and 0.3
    assert same.difference == 0 and same.verdict == "no effect"
    better = judge([1.1, 1.2, 1.3], [1.0, 1.1, 1.2])  # ... and equal differences are still one
    assert better.verdict == "better"
    longer = [(0.1 + 0.2, 0.3)]
    assert judge([1.1, 1.2, 1.3], [1.0, 1.1, 1.2], longer=longer).verdict == "no effect"


def test_high_confidence_is_not_shown_as_certainty() -> None:
    assert "(99.9% interval" in str(judge([1.0, 2.0], [2.0, 3.1], confidence=0.999))
    assert "(95% interval" in str(judge([1.0, 2.0], [2.0, 3.1]))


def test_runs_get_plain_seeds_and_give_numbers() -> None:
    seen: list[Any] = []

    def run(seed: int, rate: Any) -> Any:
        seen.append(seed)
        torch.Generator().manual_seed(seed)  # takes no integer of NumPy
        return torch.tensor([float(seed)])

    seeds: Any = np.arange(2)
    assert ablate(run, {"rate": np.ones(2)}, {"rate": np.zeros(2)}, seeds=seeds).seeds == (0, 1)
    assert [type(seed) for seed in seen] == [int] * 4
    with pytest.raises(ValueError, match="change must change something"):
        ablate(run, {"rate": np.ones(2)}, {"rate": np.ones(2)}, seeds=[0, 1])
    with pytest.raises(ValueError, match="base must not hold seed"):
        ablate(run, {"rate": 1, "seed": 3}, {"rate": 2}, seeds=[0, 1])
    wrong: Any
    for wrong in ("0.5", None):
        with pytest.raises(TypeError, match="the result of run must be a number"):
            ablate(lambda one=wrong, **_: one, {"rate": 1}, {"rate": 2}, seeds=[0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_and_standard_error([1.0]), "values must be at least 2"),
        (lambda: student_quantile(float("nan"), 2), "confidence must be from 0"),
        (lambda: student_quantile(1.0, 2), "confidence must be from 0"),
        (lambda: student_share(-2.0, 2), "t must be 0 or more, got -2"),
        (lambda: student_share(2.0, 0), "freedom must be at least 1, got 0"),
    ],
)
def test_numbers_without_a_share_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
