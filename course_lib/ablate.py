"""Whether one change makes a difference: the same seeds with and without it, and an interval.

Two runs differ already by their seeds. So a change is measured against the run of the same seed
without it, over several seeds, and the differences say how sure one may be.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm


@dataclass(frozen=True)
class Ablation:
    """What one change did.

    Attributes:
        change: Name of the setting, its value before, and its value after.
        seeds: Of the pairs.
        without: Result of each seed before the change.
        with_change: Result of each seed after it.
        difference: Mean of after minus before.
        interval: Where the true mean difference lies, with the confidence asked for.
        confidence: From 0 to 1.
        lower_is_better: Whether results are losses.
    """

    change: tuple[str, Any, Any]
    seeds: tuple[int, ...]
    without: tuple[float, ...]
    with_change: tuple[float, ...]
    difference: float
    interval: tuple[float, float]
    confidence: float
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """``"better"``, ``"worse"``, or ``"no effect"`` where the interval holds 0.

        No effect was *shown*: with more seeds the interval narrows, and one may appear.
        """
        low, high = self.interval
        if low <= 0 <= high:
            return "no effect"
        return "better" if (self.difference < 0) == self.lower_is_better else "worse"

    def __str__(self) -> str:
        """Say all of it in a line."""
        name, before, after = self.change
        low, high = self.interval
        return (
            f"{name} {before!r} -> {after!r}: {self.difference:+.4g} "
            f"({self.confidence:.0%} interval {low:+.4g} to {high:+.4g}, {len(self.seeds)} seeds): "
            f"{self.verdict}"
        )


def ablate(
    run: Callable[..., float],
    base: Mapping[str, Any],
    change: Mapping[str, Any],
    *,
    seeds: Sequence[int],
    confidence: float = 0.95,
    lower_is_better: bool = True,
    progress: bool = False,
) -> Ablation:
    """Run an experiment with and without one change, on the same seeds.

    Args:
        run: Called as ``run(seed=seed, **settings)``; returns one number, such as a held-out loss.
        base: Settings.
        change: The one setting that is changed, with its other value.
        seeds: At least two, each once: from one seed nothing follows.
        confidence: Share of such intervals that hold the true difference, above 0 and below 1.
        lower_is_better: Whether results are losses.
        progress: Whether to show a bar over the runs.

    Returns:
        The results, their mean difference with its interval, and a verdict.

    Raises:
        ValueError: If there is less than two seeds or one twice, not exactly one change, a
            confidence out of range, or a result that is not finite.

    Source: Student 1908, "The Probable Error of a Mean": the interval of paired differences.
    """
    seeds = tuple(seeds)
    if len(seeds) < 2:
        raise ValueError(f"seeds must be at least 2 for a conclusion, got {len(seeds)}")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, got {list(seeds)}")
    if len(change) != 1:
        raise ValueError(f"change must name exactly 1 setting, got {sorted(change)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence}")
    (name, after), *_ = change.items()
    if name not in base:
        raise ValueError(f"change names {name!r}, which is none of the settings {sorted(base)}")
    if bool(base[name] == after):
        raise ValueError(f"change must change something: {name} is {after!r} already")
    results: list[list[float]] = [[], []]
    with tqdm(total=2 * len(seeds), desc="runs", unit="run", disable=not progress) as bar:
        for seed in seeds:
            for side, settings in enumerate((base, {**base, name: after})):
                value = float(run(seed=seed, **settings))
                if not math.isfinite(value):
                    raise ValueError(
                        f"run gave {value} with seed {seed} and {name}={settings[name]!r}"
                    )
                results[side].append(value)
                bar.update()
    without, with_change = map(tuple, results)
    pairs = [b - a for a, b in zip(without, with_change, strict=True)]
    mean, half = mean_and_half_width(pairs, confidence)
    return Ablation(
        (name, base[name], after),
        seeds,
        without,
        with_change,
        mean,
        (mean - half, mean + half),
        confidence,
        lower_is_better,
    )


def mean_and_half_width(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return the mean of some measurements, and how far its interval reaches to either side.

    Args:
        values: At least two.
        confidence: From 0 to 1.
    """
    n = len(values)
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return mean, student_quantile(confidence, n - 1) * math.sqrt(variance / n)


def student_quantile(confidence: float, freedom: int) -> float:
    """Return the t with ``P(|T| < t) = confidence`` for Student's distribution.

    Args:
        confidence: From 0 to 1.
        freedom: Degrees of freedom, 1 or more.
    """
    low, high = 0.0, 1.0
    while student_share(high, freedom) < confidence:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_share(middle, freedom) < confidence else (low, middle)
    return high


def student_share(t: float, freedom: int) -> float:
    """Return ``P(|T| < t)`` for Student's distribution.

    Args:
        t: Not negative.
        freedom: Degrees of freedom, 1 or more.

    Source: Abramowitz and Stegun 1964, equations 26.7.3 and 26.7.4, exact for whole degrees.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    term = cosine if freedom % 2 else 1.0
    total = 0.0
    for k in range(3 if freedom % 2 else 2, freedom + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    if freedom % 2:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
