"""The page's small random generator, bit for bit, so that both sides draw the same tokens."""

from collections.abc import Sequence

_MASK = 0xFFFFFFFF


def random_numbers(seed: int, n: int) -> list[float]:
    """Returns `n` numbers in [0, 1) from a 32-bit counter and two multiplications.

    The same as `makeRandom` in `kit/math/sampling.js`. Good enough for a demonstration; a model
    draws with `torch.Generator`.

    Args:
        seed: A whole number; only its low 32 bits count.
        n: How many numbers, at least 0.

    Returns:
        The numbers, each a multiple of 2**-32.

    Raises:
        ValueError: If `n` is negative.

    Source: the mixing constants are those of the two-round hash "lowbias32" (Wellons 2018).
    """
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}")
    state = seed & _MASK
    numbers = []
    for _ in range(n):
        state = (state + 0x9E3779B9) & _MASK
        z = ((state ^ (state >> 16)) * 0x21F0AAAD) & _MASK
        z = ((z ^ (z >> 15)) * 0x735A2D97) & _MASK
        numbers.append((z ^ (z >> 15)) / 2**32)
    return numbers


def draw_counts(chances: Sequence[float], n: int, seed: int) -> list[int]:
    """Counts how often each index is drawn in `n` draws, as the page counts it.

    Args:
        chances: Probabilities that sum to 1.
        n: Number of draws.
        seed: Seed of the generator.

    Returns:
        One count per index.

    Raises:
        ValueError: If no chance is above 0.
    """
    last = max((i for i, chance in enumerate(chances) if chance > 0), default=-1)
    if last < 0:
        raise ValueError("chances must have one value above 0, got none")
    counts = [0] * len(chances)
    for target in random_numbers(seed, n):
        total, pick = 0.0, last
        for i, chance in enumerate(chances):
            total += chance
            if target < total:
                pick = i
                break
        counts[pick] += 1
    return counts
