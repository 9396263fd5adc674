"""How often one of several answers is right."""

import math


def pass_at_k(n_answers: int, n_right: int, k: int) -> float:
    """Estimate how likely at least one of k answers is right, from n of them.

    One minus the share of all choices of k answers that hold none of the right ones: the mean over
    choices, which one draw of k would only hit on average.

    Args:
        n_answers: Answers that were drawn, at least k.
        n_right: How many of them are right.
        k: Answers one may give.

    Returns:
        A probability.

    Raises:
        ValueError: If the numbers contradict each other.

    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", equation 1.
    """
    if not 1 <= k <= n_answers:
        raise ValueError(f"k must be 1 to n_answers={n_answers}, got {k}")
    if not 0 <= n_right <= n_answers:
        raise ValueError(f"n_right must be 0 to n_answers={n_answers}, got {n_right}")
    return 1 - math.comb(n_answers - n_right, k) / math.comb(n_answers, k)
