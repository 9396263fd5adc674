"""Scaling laws as they were published, and where their own tables contradict them.

Chapter: 19_domain_adaptation
"""

from typing import NamedTuple

from course_lib.adaptation.scaling import ScalingLaw

CHINCHILLA = ScalingLaw(floor=1.69, a=406.4, b=410.7, alpha=0.34, beta=0.28)
"""Hoffmann et al. 2022, equation 10; the printed digits do not give the paper's own optimum."""

BESIROGLU = ScalingLaw(floor=1.8172, a=482.01, b=2085.43, alpha=0.3478, beta=0.3658)
"""Besiroglu et al. 2024, fitted anew to the runs of Hoffmann et al., read off their figure."""

PETAFLOP_DAY = 1e15 * 24 * 3600
"""Operations."""


class OptimalSize(NamedTuple):
    """A row of Hoffmann et al.'s tables: a size, and what its best training takes.

    Attributes:
        n_parameters: N.
        flops: C.
        n_tokens: D.
    """

    n_parameters: float
    flops: float
    n_tokens: float

    @property
    def is_consistent(self) -> bool:
        """Whether 6 N D is the budget, to 6 percent: tokens are printed to two digits."""
        return abs(6 * self.n_parameters * self.n_tokens / self.flops - 1) < 0.06


_SIZES = (4e8, 1e9, 1e10, 6.7e10, 1.75e11, 2.8e11, 5.2e11, 1e12, 1e13)
_TABLES = {
    "approach 1": (
        (1.92e19, 1.21e20, 1.23e22, 5.76e23, 3.85e24, 9.90e24, 3.43e25, 1.27e26, 1.30e28),
        (8.0e9, 20.2e9, 205.1e9, 1.5e12, 3.7e12, 5.9e12, 11.0e12, 21.2e12, 216.2e12),
    ),
    "approach 2": (
        (1.84e19, 1.20e20, 1.32e22, 6.88e23, 4.54e24, 1.18e25, 4.19e25, 1.59e26, 1.75e28),
        (7.7e9, 20.0e9, 219.5e9, 1.7e12, 4.3e12, 7.1e12, 13.4e12, 26.5e12, 292.0e12),
    ),
    "approach 3": (
        (2.21e19, 1.62e20, 2.46e22, 1.71e24, 1.26e24, 3.52e25, 1.36e26, 5.65e26, 8.55e28),
        (9.2e9, 27.1e9, 410.1e9, 4.1e12, 12.0e12, 20.1e12, 43.5e12, 94.1e12, 1425.5e12),
    ),
}
OPTIMAL_SIZES = {
    name: tuple(map(OptimalSize, _SIZES, flops, tokens))
    for name, (flops, tokens) in _TABLES.items()
}
"""Tables 3 and A3 of Hoffmann et al. 2022, as printed: one row says 1.26e24 for 1.26e25."""


def kaplan_loss(
    n_parameters: float | int | None = None, n_tokens: float | int | None = None
) -> float:
    """Return the loss of Kaplan et al.: of a size, of a length of text, or of both.

    They count parameters without embeddings. Their laws have no floor: they end at 0.

    Args:
        n_parameters: N, or None for as many as one likes.
        n_tokens: D, or None for as many as one likes.

    Returns:
        Nats a token.

    Raises:
        ValueError: If neither is given, or one is not positive.

    Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", equations 1.1, 1.2, 1.5.
    """
    given = {"n_parameters": n_parameters, "n_tokens": n_tokens}
    for name, value in given.items():
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    if n_parameters is not None and n_tokens is not None:
        return ((6.4e13 / n_parameters) ** (0.076 / 0.103) + 1.8e13 / n_tokens) ** 0.103
    if n_parameters is not None:
        return (8.8e13 / n_parameters) ** 0.076
    if n_tokens is not None:
        return (5.4e13 / n_tokens) ** 0.095
    raise ValueError("n_parameters and n_tokens are both None: give at least 1")


def kaplan_optimum(flops: float | int) -> tuple[float, float]:
    """Divide a budget as Kaplan et al. did: most of it into parameters.

    Args:
        flops: C.

    Returns:
        N without embeddings, and D.

    Raises:
        ValueError: If the budget is not positive.

    Source: Kaplan et al. 2020, table 6.
    """
    if not flops > 0:
        raise ValueError(f"flops must be positive, got {flops}")
    days = flops / PETAFLOP_DAY
    return 1.3e9 * days**0.73, 2e10 * days**0.27
