"""How the learning rate moves: functions of the step alone, so that a run can stop and go on.

Each returns a factor for the optimizer's own learning rate. Steps count from 0, and a warm-up of
n gives the n first updates less than the full rate, the very first one included but never 0.

Chapter: 01_relevance
"""

import math
from collections.abc import Callable

from course_lib.checks import check_numbers, check_whole

Schedule = Callable[[int], float]
"""A function from the step to the factor on the learning rate."""


def constant(*, warmup: int = 0) -> Schedule:
    """Rise in equal steps, then stay.

    Args:
        warmup: Updates before the full rate.

    Returns:
        The schedule.

    Raises:
        TypeError: If ``warmup`` is no whole number.
        ValueError: If ``warmup`` is negative.
    """
    _check(warmup=warmup, steps=None, final=1.0)
    return lambda step: _rise(step, warmup)


def linear(*, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Rise, then fall along a straight line, to reach ``final`` when the run is over.

    Args:
        steps: Updates of the whole run, warm-up included.
        warmup: Updates before the full rate.
        final: Factor at step ``steps`` and after.

    Returns:
        The schedule.

    Raises:
        TypeError: If a number of updates is no whole number, or ``final`` no number.
        ValueError: If the numbers contradict each other.

    Source: Devlin et al. 2019, "BERT", appendix A.2 (warm-up, then linear decay).
    """
    [steps] = check_whole(steps=steps)
    warmup, final = _check(warmup=warmup, steps=steps, final=final)
    return lambda step: (
        _rise(step, warmup) * _between(1.0, final, _progress(step, warmup, steps), lambda x: x)
    )


def warmup_cosine(*, steps: int, warmup: int, final: float = 0.1) -> Schedule:
    """Rise, then fall along half a cosine: slowly at first, fast in the middle, slowly at the end.

    Args:
        steps: Updates of the whole run, warm-up included.
        warmup: Updates before the full rate.
        final: Factor at step ``steps`` and after.

    Returns:
        The schedule.

    Raises:
        TypeError: If a number of updates is no whole number, or ``final`` no number.
        ValueError: If the numbers contradict each other.

    Source: Radford et al. 2018, section 4.1 (warm-up, then cosine to 0); Brown et al. 2020,
    appendix B (cosine to a tenth, our default).
    """
    [steps] = check_whole(steps=steps)
    warmup, final = _check(warmup=warmup, steps=steps, final=final)
    return lambda step: (
        _rise(step, warmup)
        * _between(
            1.0, final, _progress(step, warmup, steps), lambda x: (1 - math.cos(math.pi * x)) / 2
        )
    )


def warmup_stable_decay(*, steps: int, warmup: int, decay: int, final: float = 0.0) -> Schedule:
    """Rise, stay at the full rate, and fall only in the last ``decay`` updates.

    The long flat part makes a checkpoint from its middle a good start for a longer run: nothing
    before the decay depends on when the run will end.

    Args:
        steps: Updates of the whole run.
        warmup: Updates before the full rate.
        decay: Updates of the fall at the end.
        final: Factor at step ``steps`` and after.

    Returns:
        The schedule.

    Raises:
        TypeError: If a number of updates is no whole number, or ``final`` no number.
        ValueError: If the numbers contradict each other.

    Source: Hu et al. 2024, "MiniCPM", section 4.2, which decays exponentially; we fall along a
    straight line.
    """
    [steps, decay] = check_whole(steps=steps, decay=decay)
    warmup, final = _check(warmup=warmup, steps=steps, final=final)
    if decay < 0 or warmup + decay > steps:
        raise ValueError(f"warmup {warmup} and decay {decay} must fit into steps {steps}")
    return lambda step: (
        _rise(step, warmup)
        * _between(1.0, final, _progress(step, steps - decay, steps), lambda x: x)
    )


def _rise(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / (warmup + 1))


def _progress(step: int, start: int, end: int) -> float:
    """Place of a step between two others, held inside 0 and 1."""
    if end == start:
        return 0.0 if step < end else 1.0
    return min(1.0, max(0.0, (step - start) / (end - start)))


def _between(first: float, last: float, progress: float, shape: Callable[[float], float]) -> float:
    return first + (last - first) * shape(progress)


def _check(*, warmup: int, steps: int | None, final: float) -> tuple[int, float]:
    [warmup] = check_whole(warmup=warmup)
    [final] = check_numbers(final=final)
    if warmup < 0:
        raise ValueError(f"warmup must be 0 or more, got {warmup}")
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if steps is not None and warmup > steps:
        raise ValueError(f"warmup must not exceed steps {steps}, got {warmup}")
    if not 0 <= final <= 1:
        raise ValueError(f"final must be a factor from 0 to 1, got {final}")
    return warmup, final
