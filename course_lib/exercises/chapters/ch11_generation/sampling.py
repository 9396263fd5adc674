"""Chapter 11: a sampler that is right, two others, the cases and the laws that hold for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.laws import Case

DRAWS = 100


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
    powers[order[k:]] = 0.0
    probabilities = powers / powers.sum()
    reached = np.cumsum(probabilities[order])
    count = np.searchsorted(reached, p) + 1
    probabilities[order[count:]] = 0.0
    probabilities = probabilities / probabilities.sum()
    return int(rng.choice(len(logits), p=probabilities)), probabilities


def with_loops(
    logits: Array, temperature: float, k: int, p: float, rng: np.random.Generator
) -> tuple[int, Array]:
    """Do it word by word."""
    words = sorted(range(len(logits)), key=lambda word: (-logits[word], word))
    result = np.zeros(len(logits))
    if temperature == 0:
        result[words[0]] = 1.0
        return words[0], result
    weight = {w: float(np.exp((logits[w] - logits[words[0]]) / temperature)) for w in words[:k]}
    total, mass = sum(weight.values()), 0.0
    for word in words[:k]:
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
    """Draw logits and settings; no cumulated probability is close to p unless both are exact."""
    family = draw.integer(0, 5)
    n = draw.size(2, 9)
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
    elif family == 3:  # where the order of temperature and top-p shows
        logits, temperature, k, p = draw.array(8), draw.pick([2.0, 0.5]), 8, 0.8
    powers = np.sort(np.exp((logits - logits.max()) / (temperature or 1.0)))[::-1][:k]
    while p < 1 and np.min(np.abs(np.cumsum(powers) / powers.sum() - p)) < 1e-3:
        p += 0.0037
    return {"logits": logits, "temperature": temperature, "k": k, "p": p, "rng": draw.rng()}


def _draws(case: Case) -> Array:
    found = case.repeat(rng=[np.random.default_rng(seed) for seed in range(DRAWS)])
    return np.bincount([int(token) for token, _ in found], minlength=len(case["logits"]))


def follow(case: Case) -> str | None:
    """Hold the counts of many draws to the probabilities, within five spreads."""
    probabilities = case.expected[1]
    if len(probabilities) > 4:
        return None
    counts = _draws(case)
    spread = np.sqrt(DRAWS * probabilities * (1 - probabilities))
    far = np.abs(counts - DRAWS * probabilities) - 5 * spread
    word = int(far.argmax())
    if far[word] <= 3:
        return None
    return (
        f"Of {DRAWS} draws, word {word} came {counts[word]} times; its probability "
        f"{probabilities[word]:.3g} asks for about {DRAWS * probabilities[word]:.0f}"
    )


def dropped(case: Case) -> str | None:
    """Look for draws of words that were dropped."""
    counts = _draws(case)[np.asarray(case.expected[1]) == 0]
    return f"{counts.sum()} of {DRAWS} draws gave a word that was dropped" if counts.sum() else None


def total(case: Case) -> str | None:
    """Look at the sum of the probabilities."""
    total = float(np.sum(case.got[1]))
    return None if abs(total - 1) < 1e-6 else f"They sum to {total:.4g}"
