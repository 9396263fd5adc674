"""Finding the likeliest way to cut a word into pieces with known probabilities.

Source: Kudo 2018, "Subword Regularization", section 3.2.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping

Arc = tuple[int, int, float]  # a piece as (start, end, log-probability)
UNKNOWN_PENALTY = 10.0


class Segmenter:
    """Cuts words into pieces by their log-probabilities.

    A character that is no piece is an unknown piece of its own, ten nats less likely than the least
    likely piece, so that it is used where nothing else is left and no word is impossible.

    Args:
        log_probability: piece -> natural logarithm of its probability.
        lowest: log-probability from which the penalty of an unknown character counts.
    """

    def __init__(self, log_probability: Mapping[str, float], lowest: float) -> None:
        self._log_p = dict(log_probability)
        self._longest = max(map(len, self._log_p), default=1)
        self._unknown = lowest - UNKNOWN_PENALTY

    def _from(self, word: str, start: int) -> Iterator[Arc]:
        """All pieces that begin at `start`, the shortest first."""
        log_p = self._log_p
        single = log_p.get(word[start], self._unknown)
        yield start, start + 1, single
        for end in range(start + 2, min(len(word), start + self._longest) + 1):
            if (score := log_p.get(word[start:end])) is not None:
                yield start, end, score

    def best(self, word: str) -> list[tuple[int, int]]:
        """The likeliest segmentation, by Viterbi's algorithm.

        Of equally likely ones, the one whose last piece is the longest wins.

        Returns:
            `(start, end)` of each piece in the word.
        """
        n = len(word)
        best = [0.0] + [-math.inf] * n
        back = [0] * (n + 1)
        log_p, longest, unknown = self._log_p, self._longest, self._unknown
        for start in range(n):
            here = best[start]
            for end in range(start + 1, min(n, start + longest) + 1):
                score = log_p.get(word[start:end])
                if score is None:
                    if end > start + 1:
                        continue
                    score = unknown
                if here + score > best[end]:
                    best[end], back[end] = here + score, start
        spans, end = [], n
        while end > 0:
            spans.append((back[end], end))
            end = back[end]
        return spans[::-1]

    def n_best(self, word: str, n: int) -> list[tuple[float, list[tuple[int, int]]]]:
        """The `n` likeliest segmentations, the best first, as (log-probability, spans)."""
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        found: list[list[tuple[float, list[tuple[int, int]]]]] = [[] for _ in range(len(word) + 1)]
        found[0] = [(0.0, [])]
        for start in range(len(word)):
            # Every way to reach `start` is known: no piece runs backwards.
            found[start] = heapq.nlargest(n, found[start], key=lambda way: way[0])
            for _, end, score in self._from(word, start):
                found[end] += [(total + score, [*way, (start, end)]) for total, way in found[start]]
        return heapq.nlargest(n, found[-1], key=lambda way: way[0])

    def sample(
        self, word: str, alpha: float, uniform: Callable[[], float]
    ) -> list[tuple[int, int]]:
        """One segmentation drawn in proportion to its probability to the power `alpha`.

        Args:
            word: the word.
            alpha: 0 draws evenly, large values draw the best.
            uniform: draws a number from [0, 1).
        """
        n = len(word)
        into: list[list[Arc]] = [[] for _ in range(n + 1)]
        for start in range(n):
            for step in self._from(word, start):
                into[step[1]].append(step)
        total = [0.0] * (n + 1)  # log of the summed weight of all ways to reach a place
        for end in range(1, n + 1):
            total[end] = _log_sum([total[s] + alpha * score for s, _, score in into[end]])
        spans, end = [], n
        while end > 0:  # backwards: each way in has its exact share
            left = uniform()
            for start, _, score in into[end]:
                left -= math.exp(total[start] + alpha * score - total[end])
                if left < 0:
                    break
            spans.append((start, end))
            end = start
        return spans[::-1]


def _log_sum(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))
