"""Remembering the ids of words: in real text a few thousand words are nearly all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

CACHED_WORDS = 1 << 16
LONG_WORD = 64


class WordCache(dict[str, tuple[int, ...]]):
    """Word -> ids, computed when first asked for; emptied when full, so that it stays bounded.

    A dictionary's own look-up calls `__missing__`, so a word that is known costs nothing more than
    the look-up.

    Args:
        encode: computes the ids of a word.
        limit: words kept.
    """

    def __init__(self, encode: Callable[[str], Iterable[int]], limit: int = CACHED_WORDS) -> None:
        super().__init__()
        self._encode, self._limit = encode, limit

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = tuple(self._encode(word))
        if len(word) <= LONG_WORD:  # a longer one hardly ever comes back
            if len(self) >= self._limit:
                self.clear()
            self[word] = ids
        return ids
