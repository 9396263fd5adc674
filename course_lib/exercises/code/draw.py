"""Draw the inputs of test cases from small whole numbers, so that a failing case can be made small.

A generator asks a `Draw` for sizes and arrays. Every decision is one whole number, and a list of
them replays the same case. To shrink a case is to lower its numbers while it still fails: sizes
get smaller, values get rounder, and the generator's own rules between arguments always hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")
Array = np.ndarray


class Draw:
    """Decide the inputs of one case.

    Args:
        seed: Where new decisions come from.
        choices: Decisions to replay first.
        growth: 0 to 1: how much of each size range is used. Early cases are small.
    """

    def __init__(self, seed: int, choices: Sequence[int] = (), growth: float = 1.0) -> None:
        self._random = np.random.default_rng(seed)
        self._replay = list(choices)
        self._growth = growth
        self.choices: list[int] = []
        self.lows: list[int] = []

    def _decide(self, low: int, high: int, top: int) -> int:
        value = int(self._random.integers(low, top + 1))
        if len(self.choices) < len(self._replay):
            value = min(max(self._replay[len(self.choices)], low), high)
        self.choices.append(value)
        self.lows.append(low)
        return value

    def size(self, low: int, high: int) -> int:
        """Draw a size; small in early cases."""
        return self._decide(low, high, low + round((high - low) * self._growth))

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return self._decide(low, high, high)

    def pick(self, options: Sequence[_T]) -> _T:
        """Draw one of some options; earlier ones count as simpler."""
        return options[self.integer(0, len(options) - 1)]

    def array(self, *shape: int, low: float = -3.0, high: float = 3.0) -> Array:
        """Draw an array of numbers: whole, with one decimal, or with all of them."""
        digits = self.integer(0, 2)
        values = np.random.default_rng(self.integer(0, 99)).uniform(low, high, shape)
        return np.round(values, digits) if digits < 2 else values

    def integers(self, *shape: int, low: int, high: int) -> Array:
        """Draw an array of whole numbers from low to high, both included."""
        return np.random.default_rng(self.integer(0, 99)).integers(low, high + 1, shape)

    def keep(self, *shape: int, share: float = 0.7) -> Array:
        """Draw an array of booleans, true with the given chance."""
        return np.random.default_rng(self.integer(0, 99)).random(shape) < share

    def rng(self) -> np.random.Generator:
        """Draw a random generator to hand to the answer."""
        return np.random.default_rng(self.integer(0, 9999))


def draw_case(
    generate: Callable[[Draw], dict[str, Any]],
    seed: int,
    choices: Sequence[int] = (),
    growth: float = 1.0,
) -> tuple[dict[str, Any], list[int], list[int]]:
    """Draw one case: its arguments, its decisions, and the lowest value of each decision."""
    draw = Draw(seed, choices, growth)
    arguments = generate(draw)
    return arguments, draw.choices, draw.lows


def shrink(
    choices: list[int],
    lows: list[int],
    fails: Callable[[list[int]], tuple[list[int], list[int]] | None],
    tries: int = 120,
) -> list[int]:
    """Lower the decisions of a failing case while it still fails in the same way.

    Args:
        choices: Decisions of the failing case.
        lows: Lowest allowed value of each.
        fails: Replays decisions; gives back those really made and their lowest values if the
            case still fails, None if it does not.
        tries: How many replays are allowed.

    Returns:
        The decisions of the smallest failing case found.
    """
    best, floor = list(choices), list(lows)
    improved = True
    while improved and tries > 0:
        improved = False
        index = 0
        while index < len(best) and tries > 0:
            value, low = best[index], floor[index]
            for candidate in dict.fromkeys((low, (low + value) // 2, value - 1)):
                if not low <= candidate < value or tries <= 0:
                    continue
                tries -= 1
                replayed = fails([*best[:index], candidate, *best[index + 1 :]])
                if replayed is not None:
                    best, floor = replayed
                    improved = True
                    break
            index += 1
    return best
