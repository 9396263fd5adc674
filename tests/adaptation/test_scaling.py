import math
from collections.abc import Callable

import numpy as np
import pytest

from course_lib.adaptation.published_laws import (
    BESIROGLU,
    CHINCHILLA,
    OPTIMAL_SIZES,
    kaplan_loss,
    kaplan_optimum,
)
from course_lib.adaptation.scaling import (
    ScalingLaw,
    ScalingRun,
    check_design,
    fit_scaling_law,
)
from course_lib.figures.recorded import recorded_table

TRUE = ScalingLaw(floor=0.565, a=30.0, b=80.0, alpha=0.6, beta=0.5)
SIZES = (1_000, 2_000, 4_000, 8_000, 16_000)
TOKENS = (30_000, 60_000, 120_000, 250_000, 500_000)
NOISE = 0.005


def made_runs(seed: int, law: ScalingLaw = TRUE, noise: float = NOISE) -> list[ScalingRun]:
    draws = np.random.default_rng(seed)
    return [
        ScalingRun(n, d, law.loss(n, d) * math.exp(noise * draws.standard_normal()))
        for n in SIZES
        for d in TOKENS
    ]


@pytest.mark.parametrize("law", [TRUE, ScalingLaw(1.7, 400.0, 400.0, 0.35, 0.3)])
def test_without_noise_the_law_comes_back(law: ScalingLaw) -> None:
    wide = [
        ScalingRun(n, d, law.loss(n, d)) for n in (1e3, 1e4, 1e5, 1e6) for d in (1e4, 1e5, 1e6, 1e7)
    ]
    found = fit_scaling_law(wide, generator=np.random.default_rng(0), n_draws=20).law
    for name in ScalingLaw.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(law, name), rel=1e-3), name


@pytest.mark.slow
def test_a_larger_run_lies_in_the_stated_interval() -> None:
    """Eight of ten is the least; a fit that is too sure of itself fails here."""
    held, widths, sure = 0, [], 0
    for seed in range(10):
        fit = fit_scaling_law(made_runs(seed), generator=np.random.default_rng(seed))
        larger = TRUE.loss(64_000, 2_000_000)
        larger *= math.exp(NOISE * np.random.default_rng(100 + seed).standard_normal())
        said = fit.predict(64_000, 2_000_000)
        held += said.low <= larger <= said.high
        sure += said.value - 1e-4 <= larger <= said.value + 1e-4
        widths.append(said.high - said.low)
        assert said.low < said.value < said.high
    assert held >= 8
    assert sure <= 5, "an interval of no width would not hold them"
    assert max(widths) < 0.2 * TRUE.loss(64_000, 2_000_000), "an interval of any width would"


def test_an_interval_is_of_a_run_with_its_noise_not_of_the_curve() -> None:
    """Between the sizes that were fitted the curve is well known, and a run is still noisy."""
    held = []
    for seed in range(4):
        fit = fit_scaling_law(made_runs(seed), generator=np.random.default_rng(seed))
        said = fit.predict(3_000, 100_000)
        noise = np.random.default_rng(100 + seed).standard_normal(100)
        runs = TRUE.loss(3_000, 100_000) * np.exp(NOISE * noise)
        held.append(float(((said.low <= runs) & (runs <= said.high)).mean()))
    assert 0.8 < sum(held) / len(held) < 0.98


@pytest.mark.slow
def test_intervals_hold_the_exponents_and_widen_with_the_noise() -> None:
    held = 0
    for seed in range(10):
        fit = fit_scaling_law(made_runs(seed), generator=np.random.default_rng(seed))
        for name in ("alpha", "beta"):
            said = fit.interval(name)
            held += said.low <= getattr(TRUE, name) <= said.high
    assert held >= 15
    quiet = fit_scaling_law(made_runs(0, noise=0.001), generator=np.random.default_rng(0))
    loud = fit_scaling_law(made_runs(0), generator=np.random.default_rng(0))
    width: Callable[..., float] = lambda fit: (lambda i: i.high - i.low)(fit.interval("alpha"))  # noqa: E731
    assert width(loud) > 2 * width(quiet)
    assert quiet.noise == pytest.approx(0.001, rel=0.5)
    assert fit.freedom == 20


def test_the_same_draws_give_the_same_fit() -> None:
    fits = [
        fit_scaling_law(made_runs(0), generator=np.random.default_rng(4), n_draws=30)
        for _ in range(2)
    ]
    assert fits[0] == fits[1]


GRID = made_runs(0)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (GRID[:7], "at least 8 .* got 7"),
        ([ScalingRun(2**k * 1000, 2**k * 20_000, 3.0 - 0.1 * k) for k in range(9)],
         "alpha and beta cannot be told apart"),
        ([ScalingRun(n, 1e9 / n, 2.0) for n in (2**k * 1000 for k in range(9))],
         "alpha and beta cannot be told apart"),
        ([run for run in GRID if run.n_tokens == 30_000] * 2, "beta cannot be found"),
        ([run for run in GRID if run.n_parameters in (1_000, 16_000)], "alpha cannot be found"),
        ([ScalingRun(1000 + k % 3, 10_000 * 2 ** (k // 3), 2.0) for k in range(12)],
         "alpha cannot be found: .* over a range of 4"),
        ([*GRID, ScalingRun(0, 1000, 2.0)], r"runs\[25\]\.n_parameters must be positive, got 0"),
        ([*GRID, ScalingRun(10, 1000, math.nan)], r"runs\[25\]\.loss must be positive, got nan"),
        ([*GRID, ScalingRun(10, -5, 2.0)], r"n_tokens must be positive, got -5"),
    ],
)  # fmt: skip
def test_designs_that_tell_nothing_are_refused(runs: list[ScalingRun], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_design(runs)
    with pytest.raises(ValueError, match=message):
        fit_scaling_law(runs, generator=np.random.default_rng(0))


def test_numbers_that_tell_nothing_are_refused_too() -> None:
    """The design is right, and the noise is larger than what there is to see."""
    with pytest.raises(ValueError, match="cannot be found from these runs"):
        fit_scaling_law(made_runs(1, noise=0.3), generator=np.random.default_rng(0))


def test_a_fit_is_asked_for_what_it_has() -> None:
    fit = fit_scaling_law(GRID, generator=np.random.default_rng(0), n_draws=20)
    for refused, message in (
        (lambda: fit.predict(0, 5), "must be positive"),
        (lambda: fit.predict(5, 5, confidence=1.0), "confidence"),
        (lambda: fit.interval("gamma"), "name must be one of"),
        (lambda: fit_scaling_law(GRID, generator=np.random.default_rng(0), n_draws=3), "n_draws"),
        (lambda: TRUE.optimum(0), "flops must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            refused()


def test_chinchilla_as_printed() -> None:
    n, d = CHINCHILLA.optimum(5.76e23)
    assert n == pytest.approx(32.2e9, rel=0.01) and d == pytest.approx(2.98e12, rel=0.01)
    assert 6 * n * d == pytest.approx(5.76e23)
    assert CHINCHILLA.loss(280e9, 300e9) == pytest.approx(1.9933, abs=1e-4)
    assert CHINCHILLA.loss(70e9, 1.4e12) == pytest.approx(1.9366, abs=1e-4)
    assert CHINCHILLA.loss(175e9, 300e9) == pytest.approx(2.0023, abs=1e-4)
    for factor in (0.8, 1.25):
        assert CHINCHILLA.loss(n * factor, d / factor) > CHINCHILLA.loss(n, d)


def test_the_refit_gives_more_to_parameters() -> None:
    """About 20 tokens a parameter at Chinchilla's budget, where the printed law wants 90."""
    n, d = BESIROGLU.optimum(5.76e23)
    assert 15 < d / n < 30
    printed = CHINCHILLA.optimum(5.76e23)
    assert printed[1] / printed[0] > 80


def test_one_row_of_the_tables_is_a_misprint() -> None:
    wrong = [
        (name, row.n_parameters, row.flops)
        for name, rows in OPTIMAL_SIZES.items()
        for row in rows
        if not row.is_consistent
    ]
    assert wrong == [("approach 3", 1.75e11, 1.26e24)]
    (name, n, flops) = wrong[0]
    row = next(row for row in OPTIMAL_SIZES[name] if row.n_parameters == n)
    assert row._replace(flops=10 * flops).is_consistent


def test_kaplan_as_printed() -> None:
    assert kaplan_loss(1.5e9) == pytest.approx(2.3036, abs=1e-4)
    assert kaplan_loss(n_tokens=22e9) == pytest.approx(2.0992, abs=1e-4)
    assert kaplan_loss(1e9, 22e9) == pytest.approx(2.3693, abs=1e-4)
    assert kaplan_loss(2e9) / kaplan_loss(1e9) == pytest.approx(0.949, abs=1e-3)
    n, _ = kaplan_optimum(8.64e19)
    assert n == pytest.approx(1.3e9)
    for refused in (
        lambda: kaplan_loss(),
        lambda: kaplan_loss(-1),
        lambda: kaplan_loss(1, 0),
        lambda: kaplan_optimum(-1),
    ):
        with pytest.raises(ValueError, match="positive|at least 1"):
            refused()


@pytest.mark.slow
def test_the_largest_of_recorded_runs_lies_in_the_interval_of_the_shorter_ones() -> None:
    """Real runs, whose noise is what it is: eight of ten starts is the least."""
    grids: dict[int, list[ScalingRun]] = {}
    for row in recorded_table("19_scaling")["rows"]:
        run = ScalingRun(row["n_parameters"], row["n_tokens"], row["loss"])
        grids.setdefault(row["seed"], []).append(run)
    held = 0
    for seed, runs in grids.items():
        largest = max(runs)
        shorter = [run for run in runs if run.n_tokens < largest.n_tokens]
        try:
            fit = fit_scaling_law(shorter, generator=np.random.default_rng(seed))
        except ValueError as told:
            assert "cannot be found from these runs" in str(told)
            continue
        said = fit.predict(largest.n_parameters, largest.n_tokens)
        held += said.low <= largest.loss <= said.high
        assert said.high - said.low < 0.08 * largest.loss, "an interval of any width would"
    assert len(grids) == 10
    assert held >= 8
