"""Scaling laws: how the loss falls with parameters and tokens, fitted, with intervals.

Chapter: 19_domain_adaptation
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from course_lib.checks import check_lists, check_numbers, check_whole
from course_lib.shapes import Float

HUBER = 1e-3
"""Residual of a log loss from which an error counts in proportion, no longer by its square."""
_FEWEST_RUNS, _FEWEST_SIZES, _LEAST_RANGE, _MOST_ALIKE, _WORST_ERROR = 8, 3, 4.0, 0.95, 0.5
_STARTS = (0.3, 0.7), (0.2, 0.5), (0.3, 0.7), (0.3, 0.7)  # floor, share of A, alpha, beta
_STEPS = 200


class ScalingRun(NamedTuple):
    """One training run: parameters, tokens, and its loss in nats a token."""

    n_parameters: float | int
    n_tokens: float | int
    loss: float


class Interval(NamedTuple):
    """A number, and where it lies with the confidence that was asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ScalingLaw:
    """Loss = E + A / N^alpha + B / D^beta, of N parameters and D tokens.

    E is what no model can learn. The law says nothing outside the sizes that it was fitted on but
    by hope, and nothing at all of another text, tokenizer or schedule.

    Attributes:
        floor: E, in nats a token.
        a: A.
        b: B.
        alpha: Of parameters.
        beta: Of tokens.

    Source: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", equation 2.
    """

    floor: float
    a: float
    b: float
    alpha: float
    beta: float

    def loss(self, n_parameters: float | int, n_tokens: float | int) -> float:
        """Return the loss that the law expects, in nats a token.

        Args:
            n_parameters: N.
            n_tokens: D.
        """
        return self.floor + self.a / n_parameters**self.alpha + self.b / n_tokens**self.beta

    def optimum(self, flops: float | int) -> tuple[float, float]:
        """Divide a budget among parameters and tokens so that the loss is least.

        Args:
            flops: C, taken as 6 N D.

        Returns:
            N and D.

        Raises:
            TypeError: If it is no number.
            ValueError: If the budget is not positive.

        Source: Hoffmann et al. 2022, equation 4.
        """
        [flops] = check_numbers(flops=flops)
        if not flops > 0:
            raise ValueError(f"flops must be positive, got {flops}")
        total = self.alpha + self.beta
        ratio = (self.alpha * self.a / (self.beta * self.b)) ** (1 / total)
        n = ratio * (flops / 6) ** (self.beta / total)
        return n, flops / 6 / n


@dataclass(frozen=True)
class ScalingFit:
    """A law fitted to runs, with what the runs leave open.

    Attributes:
        law: The fit.
        noise: Spread of a run's log loss around it.
        runs: What it was fitted to.
        draws: Laws fitted to made runs, each as likely as the fit.
        freedom: Runs minus the five numbers fitted.
    """

    law: ScalingLaw
    noise: float
    runs: tuple[ScalingRun, ...]
    draws: tuple[ScalingLaw, ...] = field(repr=False)
    freedom: int
    _errors: tuple[float, ...] = field(repr=False)

    def predict(
        self, n_parameters: float | int, n_tokens: float | int, *, confidence: float = 0.9
    ) -> Interval:
        """Say where the loss of a run that was not made would lie.

        The interval is of one *run*, with its own noise, not of the curve.

        Args:
            n_parameters: N.
            n_tokens: D.
            confidence: Above 0 and below 1.

        Returns:
            The law's value and the interval, in nats a token.

        Raises:
            TypeError: If one of them is no number.
            ValueError: If a size is not positive, or the confidence out of range.
        """
        [n_parameters, n_tokens, confidence] = check_numbers(
            n_parameters=n_parameters, n_tokens=n_tokens, confidence=confidence
        )
        if not (n_parameters > 0 and n_tokens > 0):
            raise ValueError(
                f"n_parameters and n_tokens must be positive, got {n_parameters}, {n_tokens}"
            )
        said = [
            law.loss(n_parameters, n_tokens) * math.exp(error)
            for law, error in zip(self.draws, self._errors, strict=True)
        ]
        return _interval(self.law.loss(n_parameters, n_tokens), said, confidence)

    def interval(self, name: str, *, confidence: float = 0.9) -> Interval:
        """Say where one of the law's numbers lies.

        Args:
            name: `floor`, `a`, `b`, `alpha` or `beta`.
            confidence: Above 0 and below 1.

        Raises:
            TypeError: If the confidence is no number.
            ValueError: If there is no such number, or the confidence is out of range.
        """
        [confidence] = check_numbers(confidence=confidence)
        if name not in ScalingLaw.__dataclass_fields__:
            raise ValueError(
                f"name must be one of {list(ScalingLaw.__dataclass_fields__)}, got {name!r}"
            )
        return _interval(
            getattr(self.law, name), [getattr(law, name) for law in self.draws], confidence
        )


def check_design(runs: Sequence[ScalingRun]) -> None:
    """Refuse runs from which the two exponents cannot be told apart, before anything is fitted.

    Where models grow together with their text, as in a ladder of one run a size, any falling loss
    can be laid to either. What is needed is a grid: several sizes on several lengths of text.

    Args:
        runs: All of them.

    Raises:
        TypeError: If runs are no list, or one of them is none.
        ValueError: Saying what is missing.

    Source: Besiroglu et al. 2024, "Chinchilla Scaling: A replication attempt", on how little wide
    intervals say.
    """
    check_lists(runs=runs)
    if len(runs) < _FEWEST_RUNS:
        raise ValueError(
            f"runs must be at least {_FEWEST_RUNS} for the five numbers of the law and their "
            f"spread, got {len(runs)}"
        )
    for index, run in enumerate(runs):
        if not isinstance(run, ScalingRun):
            raise TypeError(f"runs[{index}] must be a ScalingRun, got {run!r:.60}")
        for name, value in run._asdict().items():
            check_numbers(**{f"runs[{index}].{name}": value})
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"runs[{index}].{name} must be positive, got {value}")
    names = {"n_parameters": "alpha", "n_tokens": "beta"}
    for name, exponent in names.items():
        sizes = sorted({getattr(run, name) for run in runs})
        if len(sizes) < _FEWEST_SIZES or sizes[-1] < _LEAST_RANGE * sizes[0]:
            raise ValueError(
                f"{exponent} cannot be found: {name} has {len(sizes)} values from {sizes[0]:g} to "
                f"{sizes[-1]:g}, wanted at least {_FEWEST_SIZES} over a range of {_LEAST_RANGE:g}"
            )
    n, d = (np.log([getattr(run, name) for run in runs]) for name in names)
    alike = float(np.corrcoef(n, d)[0, 1])
    if abs(alike) > _MOST_ALIKE:
        raise ValueError(
            f"alpha and beta cannot be told apart: n_parameters and n_tokens go together "
            f"(correlation of their logarithms {alike:.3f}, at most {_MOST_ALIKE}); make runs of "
            "one size on several lengths of text, and of several sizes on one"
        )


def fit_scaling_law(
    runs: Sequence[ScalingRun], *, generator: np.random.Generator, n_draws: int = 200
) -> ScalingFit:
    """Fit a law to runs, and find how sure it is by fitting it again to runs made from it.

    The error of a run is that of its *logarithm*, and large ones count less (Huber). The fit starts
    from a grid of guesses, since the surface has several valleys.

    Args:
        runs: A grid of them; see `check_design`.
        generator: Draws the made runs.
        n_draws: How many times it is fitted again.

    Returns:
        The law with its intervals.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the runs do not tell the exponents apart, by their design or, as the error of
            an exponent shows after the fit, by their numbers.

    Source: Hoffmann et al. 2022, section 3.3 and appendix D.2 (loss, Huber, grid of starts); Efron
    and Tibshirani 1993, chapter 6 (the made runs); noise is drawn as Student's t, since its spread
    is an estimate, too.
    """
    check_design(runs)
    [n_draws] = check_whole(n_draws=n_draws)
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator must be a numpy.random.Generator, got {generator!r:.60}")
    runs = tuple(runs)
    if n_draws < 20:
        raise ValueError(f"n_draws must be at least 20, got {n_draws}")
    n, d, loss = (np.array(column, float) for column in zip(*runs, strict=True))
    points = np.stack([np.log(n), np.log(d)])
    starts = _starts(points, loss)
    ends, costs = _descend(points, np.tile(np.log(loss), (len(starts), 1)), starts)
    best = ends[[costs.argmin()]]  # (1, 5)
    freedom = len(runs) - best.size
    expected = _log_loss(best, points)[0]
    off = np.log(loss) - expected
    noise = math.sqrt(float(off @ off) / freedom)
    # How large the noise is, is known as badly as `freedom` allows: each draw has its own spread.
    spreads = noise * np.sqrt(freedom / generator.chisquare(freedom, size=n_draws))
    made = expected + spreads[:, None] * generator.standard_normal((n_draws, len(runs)))
    found, _ = _descend(points, made, np.tile(best, (n_draws, 1)))
    errors = spreads * generator.standard_normal(n_draws)
    fit = ScalingFit(
        law=_law(best[0]),
        noise=noise,
        runs=runs,
        draws=tuple(map(_law, found)),
        freedom=freedom,
        _errors=tuple(errors.tolist()),
    )
    for name in ("alpha", "beta"):
        value, low, high = fit.interval(name, confidence=0.68)
        if not (high - low) / 2 <= _WORST_ERROR * value:
            raise ValueError(
                f"{name} cannot be found from these runs: {value:.3g}, but as well {low:.3g} to "
                f"{high:.3g}; make runs over a wider range, or with less noise"
            )
    return fit


def _interval(value: float, draws: Sequence[float], confidence: float) -> Interval:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence}")
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high))


def _law(theta: Float[ndarray, " 5"]) -> ScalingLaw:
    floor, a, b, alpha, beta = (float(value) for value in theta)
    return ScalingLaw(math.exp(floor), math.exp(a), math.exp(b), alpha, beta)


def _terms(theta: Float[ndarray, "R 5"], points: Float[ndarray, "2 N"]) -> Float[ndarray, "3 R N"]:
    """Return the three terms of the law for R guesses of log E, log A, log B, alpha and beta."""
    floor, a, b, alpha, beta = theta.T[:, :, None]
    n, d = points
    exponents = np.stack([floor + 0 * n, a - alpha * n, b - beta * d])
    return np.exp(np.clip(exponents, -60.0, 60.0))


def _log_loss(theta: Float[ndarray, "R 5"], points: Float[ndarray, "2 N"]) -> Float[ndarray, "R N"]:
    return np.log(_terms(theta, points).sum(0))


def _starts(points: Float[ndarray, "2 N"], loss: Float[ndarray, " N"]) -> Float[ndarray, "R 5"]:
    """Guess a floor below the least loss, and how the rest is shared out at the middle sizes."""
    middle = points.mean(1)
    starts = []
    for floor, share, alpha, beta in itertools.product(*_STARTS):
        low = floor * loss.min()
        rest = loss.mean() - low
        a, b = np.log(share * rest), np.log((1 - share) * rest)
        starts.append([np.log(low), a + alpha * middle[0], b + beta * middle[1], alpha, beta])
    return np.array(starts)


def _descend(
    points: Float[ndarray, "2 N"], targets: Float[ndarray, "R N"], theta: Float[ndarray, "R 5"]
) -> tuple[Float[ndarray, "R 5"], Float[ndarray, " R"]]:
    """Find least Huber losses of log losses, R at once, by damped steps of Gauss and Newton."""

    def price(off: Float[ndarray, "R N"]) -> Float[ndarray, " R"]:
        size = np.abs(off)
        inside = np.minimum(size, HUBER)
        return (inside**2 / 2 + HUBER * (size - inside)).sum(1)

    damping = np.full(len(theta), 1e-2)
    off = targets - _log_loss(theta, points)
    cost = price(off)
    for _ in range(_STEPS):
        shares = _terms(theta, points)
        shares = shares / shares.sum(0)
        slopes = np.stack([*shares, -shares[1] * points[0], -shares[2] * points[1]], 1)  # (R, 5, N)
        weighted = slopes * (HUBER / np.maximum(np.abs(off), HUBER))[:, None]
        square = weighted @ slopes.transpose(0, 2, 1)  # (R, 5, 5)
        pull = (weighted @ off[:, :, None])[:, :, 0]
        own = np.einsum("rii->ri", square) + 1e-12
        damped = square + (damping[:, None] * own)[:, :, None] * np.eye(5)
        step = np.linalg.solve(damped + 1e-14 * np.eye(5), pull[:, :, None])[:, :, 0]
        new = theta + np.clip(step, -3.0, 3.0)
        new_off = targets - _log_loss(new, points)
        new_cost = price(new_off)
        better = new_cost < cost
        gain = np.where(better, cost - new_cost, 0.0) / np.maximum(cost, 1e-300)
        theta = np.where(better[:, None], new, theta)
        off = np.where(better[:, None], new_off, off)
        cost = np.where(better, new_cost, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-9, 1e9)
        if bool(((gain < 1e-10) & (better | (damping >= 1e9))).all()):
            break
    return theta, cost
