"""Chapter 11: a sampler that is right, two others, the cases and the laws that hold for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.laws import Case

DRAWS_OF_ALL, DRAWS_OF_SOME = 500, 100  # where all words are kept, and where some are dropped


def next_token(
    logits: Array, temperature: float, k: int, p: float, rng: np.random.Generator
) -> tuple[int, Array]:
    """Draw a token: temperature, then top-k, then top-p; return it and its distribution."""
    if temperature == 0:
        certain = np.zeros(len(logits))
        certain[np.argmax(logits)] = 1.0
        return int(np.argmax(logits)), certain
    scaled = logits / temperature
    order = np.argsort(-scaled, kind="stable")
    powers = np.exp(scaled - scaled.max())
    powers[scaled < scaled[order[k - 1]]] = 0.0
    probabilities = powers / powers.sum()
    reached = np.cumsum(probabilities[order])
    count = np.searchsorted(reached, p) + 1
    probabilities[order[count:]] = 0.0
    probabilities = probabilities / probabilities.sum()
    return int(rng.choice(len(logits), p=probabilities)), probabilities


def _shares(scores: Array) -> Array:
    """Take the softmax, for the wrong programs that are edits of the right one."""
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


def with_loops(
    logits: Array, temperature: float, k: int, p: float, rng: np.random.Generator
) -> tuple[int, Array]:
    """Do it word by word."""
    words = sorted(range(len(logits)), key=lambda word: (-logits[word], word))
    result = np.zeros(len(logits))
    if temperature == 0:
        result[words[0]] = 1.0
        return words[0], result
    kept = [word for word in words if logits[word] >= logits[words[k - 1]]]
    weight = {w: float(np.exp((logits[w] - logits[words[0]]) / temperature)) for w in kept}
    total, mass = sum(weight.values()), 0.0
    for word in kept:
        if mass >= p:
            break
        result[word] = weight[word] / total
        mass += result[word]
    result /= result.sum()
    draw, running = rng.random(), 0.0
    for word, share in enumerate(result):
        running += share
        if draw < running:
            return word, result
    return words[0], result


def with_gumbel(
    logits: Array, temperature: float, k: int, p: float, rng: np.random.Generator
) -> tuple[int, Array]:
    """Draw by adding Gumbel noise: the largest noisy score wins."""
    _, probabilities = next_token(logits, temperature, k, p, np.random.default_rng(0))
    with np.errstate(divide="ignore"):
        noisy = np.log(probabilities) + rng.gumbel(size=len(logits))
    return int(np.argmax(noisy)), probabilities


def sampling_case(draw: Draw) -> dict[str, Any]:
    """Draw logits and settings; no cumulated probability is close to p unless both are exact.

    Some cases have uneven words, which show how tokens are drawn, and some have equal ones at k.
    """
    family = draw.integer(0, 8)
    n = draw.size(2, 9)
    if family >= 7:  # uneven, none of them nearly certain
        even = np.random.default_rng(draw.integer(0, 99)).permutation(n)
        uneven = np.round(np.log(0.45 ** np.minimum(even, 4.0)), 3) + draw.pick([0.0, 3.0])
        rest: dict[str, Any] = {"temperature": 1.0, "k": n, "p": 1.0, "rng": draw.rng()}
        return {"logits": uneven, **rest}
    if family == 6:  # equal words on both sides of k
        ties = draw.integers(n, low=0, high=2).astype(float)
        ordered = np.sort(ties)[::-1]
        places = [place for place in range(1, n) if ordered[place] == ordered[place - 1]]
        k = draw.pick(places or [1])
        return {"logits": ties, "temperature": 1.0, "k": k, "p": 1.0, "rng": draw.rng()}
    if family == 5:  # equal words: sums that meet p exactly, and ties
        n = draw.pick([2, 4, 8])
        p = draw.integer(1, n) / n
        exact: dict[str, Any] = {"logits": np.zeros(n), "temperature": 1.0, "k": n, "p": p}
        return {**exact, "rng": draw.rng()}
    logits = draw.array(n) * draw.pick([1.0, 1.0, 1.0, 300.0])
    temperature = draw.pick([1.0, 2.0, 0.5, 2.0, 0.5, 0.0])
    k = draw.pick([n, n // 2 + 1, n - 1, 1])
    p = draw.pick([1.0, 0.95, 0.8, 0.6, 0.3])
    if family == 4:  # nearly even words cut by k: top-p must work on what is left
        logits, temperature, k, p = draw.array(8) / 10, 1.0, 5, 0.65
    elif family == 2:  # words close to the one at k
        logits, temperature, k, p = draw.array(8) / 100, 1.0, 5, 1.0
    elif family == 3:  # where the order of temperature and top-p shows
        logits, temperature, k, p = draw.array(8), draw.pick([2.0, 0.5]), 8, 0.8
    powers = np.sort(np.exp((logits - logits.max()) / (temperature or 1.0)))[::-1]
    powers = powers[powers >= powers[k - 1]]
    while p < 1 and np.min(np.abs(np.cumsum(powers) / powers.sum() - p)) < 1e-3:
        p += 0.0037
    return {"logits": logits, "temperature": temperature, "k": k, "p": p, "rng": draw.rng()}


def _n_draws(case: Case) -> int:
    return DRAWS_OF_ALL if case.expected[1].all() else DRAWS_OF_SOME


def _draws(case: Case) -> Array:
    """Count how often each word comes in many draws, each from a generator of its own."""
    n_draws = _n_draws(case)
    found = case.repeat(rng=[np.random.default_rng(seed) for seed in range(n_draws)])
    tokens = np.array([int(token) for token, _ in found])
    words = len(case["logits"])
    return np.bincount(tokens[(tokens >= 0) & (tokens < words)], minlength=words)


def _as_expected(case: Case) -> bool:
    """Tell whether the probabilities are right, so that draws can be held to them."""
    got, want = np.asarray(case.got[1]), case.expected[1]
    return got.shape == want.shape and bool(np.abs(got - want).max() < 1e-3)


def _stray(case: Case) -> str | None:
    """Say so where the token is the number of no word, or of one that was dropped."""
    token, words = case.got[0], len(case["logits"])
    if not 0 <= token < words:
        return f"The token {token} is the number of no word: there are {words}"
    if _as_expected(case) and case.expected[1][token] == 0:
        return f"The token {token} was dropped: its probability is 0"
    return None


def follow(case: Case) -> str | None:
    """Hold the token to the words kept, and the counts of many draws to the probabilities.

    Counts may be six spreads off: right answers draw in different ways.
    """
    stray = _stray(case)
    if stray is not None:
        return stray
    probabilities = case.expected[1]
    if not 0.02 < probabilities.max() < 0.8 or not _as_expected(case):
        return None
    counts = case.once(_draws)
    n_draws = _n_draws(case)
    spread = np.sqrt(n_draws * probabilities * (1 - probabilities))
    far = np.abs(counts - n_draws * probabilities) - 6 * spread
    word = int(far.argmax())
    if far[word] <= 1:
        return None
    return (
        f"Of {n_draws} draws, word {word} came {counts[word]} times; its probability "
        f"{probabilities[word]:.3g} asks for about {n_draws * probabilities[word]:.0f}"
    )


def varied(case: Case) -> str | None:
    """Look for an answer that gives one word every time, though several may come."""
    if not _as_expected(case) or case.expected[1].max() > 0.8:
        return None
    counts = case.once(_draws)
    same = counts.max() == _n_draws(case)
    return f"All {counts.sum()} draws gave word {counts.argmax()}" if same else None


def dropped(case: Case) -> str | None:
    """Look for draws of words that were dropped."""
    if not _as_expected(case):
        return None
    counts = case.once(_draws)[np.asarray(case.expected[1]) == 0]
    return f"{counts.sum()} draws gave a word that was dropped" if counts.sum() else None


def total(case: Case) -> str | None:
    """Look at the sum of the probabilities."""
    total = float(np.sum(case.got[1]))
    return None if abs(total - 1) < 1e-6 else f"They sum to {total:.4g}"
