"""A whole chain from its settings, in the order that the field is used to."""

from collections.abc import Callable

from course_lib.generation.chain import LogitsProcessor, Processor
from course_lib.generation.cutoffs import epsilon_cutoff, eta_cutoff
from course_lib.generation.penalties import (
    frequency_penalty,
    no_repeat_ngram,
    presence_penalty,
    repetition_penalty,
)
from course_lib.generation.processors import min_p, temperature, top_k, top_p, typical_p


def recipe(
    *,
    repetition: float | int | None = None,
    presence: float | int | None = None,
    frequency: float | int | None = None,
    ngram: int | None = None,
    t: float | int | None = None,
    k: int | None = None,
    p: float | int | None = None,
    minimum: float | int | None = None,
    typical: float | int | None = None,
    epsilon: float | None = None,
    eta: float | None = None,
) -> list[LogitsProcessor]:
    """Return the steps that are asked for, in the usual order; None leaves a step out.

    The order is that of the `transformers` library: penalties, then temperature, top-k, top-p,
    min-p, typical-p, epsilon, eta. The result is a plain list: build another order by writing it
    down.

    Args:
        repetition: See `repetition_penalty`.
        presence: See `presence_penalty`.
        frequency: See `frequency_penalty`.
        ngram: See `no_repeat_ngram`.
        t: See `temperature`.
        k: See `top_k`.
        p: See `top_p`.
        minimum: See `min_p`.
        typical: See `typical_p`.
        epsilon: See `epsilon_cutoff`.
        eta: See `eta_cutoff`.
    """
    wanted: list[tuple[Callable[..., Processor], float | int | None]] = [
        (repetition_penalty, repetition),
        (presence_penalty, presence),
        (frequency_penalty, frequency),
        (no_repeat_ngram, ngram),
        (temperature, t),
        (top_k, k),
        (top_p, p),
        (min_p, minimum),
        (typical_p, typical),
        (epsilon_cutoff, epsilon),
        (eta_cutoff, eta),
    ]
    return [make(value) for make, value in wanted if value is not None]
