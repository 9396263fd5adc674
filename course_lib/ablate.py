"""Whether one change makes a difference: the same seeds with and without it, and an interval.

Two runs differ already by their seeds. So a change is measured against the run of the same seed
without it, over several seeds, and the differences say how sure one may be.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from course_lib.checks import (
    check_flags,
    check_id_lists,
    check_lists,
    check_mappings,
    check_numbers,
    check_whole,
)

_LARGEST = 1e150  # of a result: its square must be a number
_ROUNDING = 1e-12  # share of a result by which another order of the same sums may move it


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
        standard_error: Of the mean difference.
        longer: Pairs (before, after) of longer runs, which must not speak against the others.
    """

    change: tuple[str, Any, Any]
    seeds: tuple[int, ...]
    without: tuple[float, ...]
    with_change: tuple[float, ...]
    difference: float
    interval: tuple[float, float]
    confidence: float
    lower_is_better: bool
    standard_error: float
    longer: tuple[tuple[float, float], ...] = ()

    @property
    def verdict(self) -> str:
        """``"better"``, ``"worse"``, or ``"no effect"`` where the interval holds 0.

        No effect was *shown*: with more seeds the interval narrows, and one may appear. None is
        shown either where a longer run has no difference, or one of the other sign.
        """
        low, high = self.interval
        if low <= 0 <= high:
            return "no effect"
        if any(_difference(*pair) * self.difference <= 0 for pair in self.longer):
            return "no effect"
        return "better" if (self.difference < 0) == self.lower_is_better else "worse"

    def __str__(self) -> str:
        """Say all of it in a line."""
        name, before, after = self.change
        low, high = self.interval
        longer = "".join(f", longer {after - before:+.4g}" for before, after in self.longer)
        return (
            f"{name} {before!r} -> {after!r}: {self.difference:+.4g} "
            f"({_percent(self.confidence)} interval {low:+.4g} to {high:+.4g}, {len(self.seeds)} "
            f"seeds{longer}): {self.verdict}"
        )


def ablate(
    run: Callable[..., float],
    base: Mapping[str, Any],
    change: Mapping[str, Any],
    *,
    seeds: Sequence[int],
    confidence: float = 0.95,
    standard_errors: float | None = None,
    lower_is_better: bool = True,
    progress: bool = False,
) -> Ablation:
    """Run an experiment with and without one change, on the same seeds.

    Args:
        run: Called as ``run(seed=seed, **settings)``; returns one number, such as a held-out loss.
        base: Settings.
        change: The one setting that is changed, with its other value.
        seeds: At least two, each once: from one seed nothing follows.
        confidence: As in `judge`.
        standard_errors: As in `judge`.
        lower_is_better: Whether results are losses.
        progress: Whether to show a bar over the runs.

    Returns:
        The results, their mean difference with its interval, and a verdict.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there is less than two seeds or one twice, not exactly one change, a
            confidence or a number of standard errors out of range, a seed among the settings, or a
            result that is not finite.
    """
    seeds, confidence, standard_errors = _checked(seeds, confidence, standard_errors)
    [lower_is_better] = check_flags(lower_is_better=lower_is_better)
    check_mappings(base=base, change=change)
    if not callable(run):
        raise TypeError(f"run must be a function of seed and settings, got {run!r:.60}")
    if len(change) != 1:
        raise ValueError(f"change must name exactly 1 setting, got {list(change)}")
    (name, after), *_ = change.items()
    if name not in base:
        raise ValueError(f"change names {name!r}, which is none of the settings {list(base)}")
    if "seed" in base:
        raise ValueError("base must not hold seed, which comes from seeds")
    if _same(base[name], after):
        raise ValueError(f"change must change something: {name} is {after!r} already")
    results: list[list[float]] = [[], []]
    with tqdm(total=2 * len(seeds), desc="runs", unit="run", disable=not progress) as bar:
        for seed in seeds:
            for side, settings in enumerate((base, {**base, name: after})):
                value = _result("the result of run", run(seed=seed, **settings))
                if not math.isfinite(value):
                    raise ValueError(
                        f"run gave {value} with seed {seed} and {name}={settings[name]!r}"
                    )
                results[side].append(value)
                bar.update()
    return judge(
        results[0],
        results[1],
        seeds=seeds,
        change=(name, base[name], after),
        confidence=confidence,
        standard_errors=standard_errors,
        lower_is_better=lower_is_better,
    )


def judge(
    without: Sequence[float],
    with_change: Sequence[float],
    *,
    seeds: Sequence[int] | None = None,
    change: tuple[str, Any, Any] = ("change", "without", "with"),
    confidence: float = 0.95,
    standard_errors: float | None = None,
    lower_is_better: bool = True,
    longer: Sequence[tuple[float, float]] = (),
) -> Ablation:
    """Judge a change whose runs have been made already.

    Of few seeds "two standard errors" say less than one may think: of three, an interval of that
    width holds the true difference 82 times in 100, and one that holds it 95 times is over twice
    as wide.

    Args:
        without: Result of each seed before the change.
        with_change: Result of each seed after it, in the same order.
        seeds: At least two, each once; None numbers them.
        change: Name of the setting, its value before, and its value after.
        confidence: Share of such intervals that hold the true difference, above 0 and below 1.
        standard_errors: Half the width of the interval, in standard errors of the mean difference;
            the confidence then follows from it.
        lower_is_better: Whether results are losses.
        longer: Pairs (before, after) of runs with a larger budget, in the same unit. A difference
            counts only if each of them has its sign.

    Returns:
        The results, their mean difference with its interval, and a verdict.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there is less than two seeds or one twice, not a result for each, one that is
            not finite or too large to be squared, a confidence or a number of standard errors out
            of range, or a change or a longer run of another form.

    Source: Student 1908, "The Probable Error of a Mean": the interval of paired differences.
    """
    check_lists(without=without, with_change=with_change, longer=longer)
    seeds = range(len(without)) if seeds is None else seeds
    seeds, confidence, standard_errors = _checked(seeds, confidence, standard_errors)
    [lower_is_better] = check_flags(lower_is_better=lower_is_better)
    if not isinstance(change, tuple | list) or len(change) != 3:
        raise ValueError(f"change must be a name, a value before and one after, got {change!r:.60}")
    check_lists(**{f"longer[{place}]": pair for place, pair in enumerate(longer)})
    if wrong := [len(pair) for pair in longer if len(pair) != 2]:
        raise ValueError(f"longer must hold pairs (before, after), got one of {wrong[0]}")
    n = len(seeds)
    before, after = _results("without", without), _results("with_change", with_change)
    pairs = [_results(f"longer[{place}]", pair) for place, pair in enumerate(longer)]
    more = tuple((one, other) for one, other in pairs)
    for side, values in (("without", before), ("with_change", after)):
        if len(values) != n:
            raise ValueError(f"{side} must hold a result for each of {n} seeds, got {len(values)}")
    for side, values in (
        ("without", before),
        ("with_change", after),
        ("longer", tuple(value for pair in more for value in pair)),
    ):
        if not all(abs(value) < _LARGEST for value in values):
            raise ValueError(f"{side} must be finite, below {_LARGEST}, got {list(values)}")
    if standard_errors is not None:
        confidence = student_share(standard_errors, n - 1)
    mean, error = mean_and_standard_error(list(map(_difference, before, after)))
    width = student_quantile(confidence, n - 1) if standard_errors is None else standard_errors
    return Ablation(
        change=(change[0], change[1], change[2]),
        seeds=tuple(seeds),
        without=before,
        with_change=after,
        difference=mean,
        interval=(mean - width * error, mean + width * error),
        confidence=confidence,
        lower_is_better=lower_is_better,
        standard_error=error,
        longer=more,
    )


def _checked(
    seeds: Sequence[int], confidence: float, standard_errors: float | None
) -> tuple[tuple[int, ...], float, float | None]:
    [seeds] = check_id_lists(seeds=seeds)
    [confidence] = check_numbers(confidence=confidence)
    [standard_errors] = check_numbers(None, standard_errors=standard_errors)
    if len(seeds) < 2:
        raise ValueError(f"seeds must be at least 2 for a conclusion, got {len(seeds)}")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, got {list(seeds)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1, got {confidence}")
    if standard_errors is not None and not 0 < standard_errors < math.inf:
        raise ValueError(f"standard_errors must be positive and finite, got {standard_errors}")
    return tuple(seeds), confidence, standard_errors


def _results(name: str, values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(_result(f"{name}[{place}]", value) for place, value in enumerate(values))


def _result(name: str, value: Any) -> float:
    """A result as a float; also one of a tensor with one element, or of a test that passed.

    Raises:
        TypeError: If it is no number, such as a text that looks like one.
    """
    try:
        if isinstance(value, str | bytes | bytearray):
            raise TypeError("a text")
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number, got {value!r:.60}") from error


def _difference(before: float, after: float) -> float:
    """What a change did: 0 where two results differ by no more than rounding does."""
    return 0.0 if math.isclose(before, after, rel_tol=_ROUNDING) else after - before


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a setting are one; arrays answer with an array of answers."""
    equal: Any = one is other or one == other
    return bool(equal.all() if hasattr(equal, "all") else equal)


def _percent(share: float) -> str:
    """A share in whole percents; with decimals where it would look like certainty."""
    return f"{share:.0%}" if share < 0.995 else f"{100 * share:.6g}%"


def mean_and_standard_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of some measurements, and its standard error.

    Args:
        values: At least two.

    Raises:
        TypeError: If they are no list.
        ValueError: If there are fewer.
    """
    check_lists(values=values)
    n = len(values)
    if n < 2:
        raise ValueError(f"values must be at least 2 for a standard error, got {n}")
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return mean, math.sqrt(variance / n)


def student_quantile(confidence: float, freedom: int) -> float:
    """Return the t with ``P(|T| < t) = confidence`` for Student's distribution.

    Args:
        confidence: From 0 to less than 1.
        freedom: Degrees of freedom, 1 or more.

    Raises:
        TypeError: If the one is no number, or the other no whole number.
        ValueError: If one is out of range.
    """
    [confidence] = check_numbers(confidence=confidence)
    if not 0 <= confidence < 1:
        raise ValueError(f"confidence must be from 0 to less than 1, got {confidence}")
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

    Raises:
        TypeError: If the one is no number, or the other no whole number.
        ValueError: If one is out of range.

    Source: Abramowitz and Stegun 1964, equations 26.7.3 and 26.7.4, exact for whole degrees.
    """
    [t], [freedom] = check_numbers(t=t), check_whole(freedom=freedom)
    if not t >= 0:
        raise ValueError(f"t must be 0 or more, got {t}")
    if freedom < 1:
        raise ValueError(f"freedom must be at least 1, got {freedom}")
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
