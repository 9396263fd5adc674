"""Repetition inside a page: lines, paragraphs and runs of words that come again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from course_lib.checks import check_lists, whole_number
from course_lib.data.curation.page import Page, Reason, check_page

MAX_DUPLICATE_LINES = 0.30
MAX_CHARACTERS_IN_DUPLICATE_LINES = 0.20
MAX_IN_TOP_NGRAM = {2: 0.20, 3: 0.18, 4: 0.16}
MAX_IN_DUPLICATE_NGRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
# Any odd number does; wrapping round 2**64 is what mixes.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def word_numbers(words: Sequence[str]) -> NDArray[np.uint64]:
    """Number the different words of one page, in order of first use, from 1.

    Args:
        words: The words.

    Returns:
        One number a word; equal words have equal numbers.

    Raises:
        TypeError: If the words are no list.
    """
    check_lists(words=words)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(w, len(numbers) + 1) for w in words], dtype=np.uint64)


def ngram_hashes(numbers: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Hash every run of n numbers to 64 bits.

    Two different runs meet with a chance of about one in 2**64, so an equal hash is taken for an
    equal run.

    Args:
        numbers: One number a word.
        n: Length of a run, in words.

    Returns:
        ``len(numbers) - n + 1`` hashes; none if the page is shorter than a run.

    Raises:
        TypeError: If ``n`` is no whole number.
        ValueError: If it is less than 1.
    """
    n = whole_number(n, "n", 1)
    count = len(numbers) - n + 1
    if count < 1:
        return np.zeros(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(n):
        hashes = (hashes + numbers[place : place + count]) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _share_in_top_ngram(hashes: NDArray[np.uint64], lengths: NDArray[np.int64], n: int) -> float:
    """Characters in the most common n-gram, over all characters of the words."""
    if not len(hashes):
        return 0.0
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    most = counts.max()
    if most == 1:
        return 0.0
    # among equally common ones the longest counts, so that the order of words decides nothing
    longest = max(int(lengths[at : at + n].sum()) for at in first[counts == most])
    return longest * int(most) / int(lengths.sum())


def _share_in_duplicates(hashes: NDArray[np.uint64], lengths: NDArray[np.int64], n: int) -> float:
    """Characters in n-grams that stood on the page before, each character counted once."""
    if not len(hashes):
        return 0.0
    first = np.unique(hashes, return_index=True)[1]
    if len(first) == len(hashes):
        return 0.0
    again = np.ones(len(hashes), dtype=bool)
    again[first] = False
    covered = np.zeros(len(lengths), dtype=bool)
    for place in range(n):
        covered[place : place + len(hashes)] |= again
    return int(lengths[covered].sum()) / int(lengths.sum())


def _duplicates(pieces: Sequence[str]) -> tuple[float, int]:
    """Share of pieces that stood before, and their characters."""
    seen: set[str] = set()
    n_again, characters = 0, 0
    for piece in pieces:
        if piece in seen:
            n_again, characters = n_again + 1, characters + len(piece)
        seen.add(piece)
    return (n_again / len(pieces) if pieces else 0.0), characters


def gopher_repetition(page: Page) -> list[Reason]:
    """Ask whether a page says the same thing again and again.

    A text made from a few templates fails these rules as surely as spam does: repetition is
    measured, not its cause.

    Args:
        page: The page.

    Returns:
        The rules it breaks; none means keep.

    Source: Rae et al. 2021 (Gopher), appendix A.1 and table A1. Where the most common n-gram is
    shared by several, the paper does not say which counts; here the longest does.
    """
    check_page(page)
    reasons = []
    characters = max(1, len(page.text))

    def hold(rule: str, value: float, limit: float) -> None:
        if value > limit:
            reasons.append(Reason(f"repetition: {rule}", value, f"at most {limit:g}"))

    for name, pieces in (("lines", page.lines), ("paragraphs", page.paragraphs)):
        share, again = _duplicates(pieces)
        hold(f"duplicate {name}", share, MAX_DUPLICATE_LINES)
        hold(
            f"characters in duplicate {name}",
            again / characters,
            MAX_CHARACTERS_IN_DUPLICATE_LINES,
        )
    words = page.lower_words
    if not words:
        return reasons
    numbers = word_numbers(words)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    # where no run of n words comes again, no longer run does
    for n, limit in MAX_IN_TOP_NGRAM.items():
        share = _share_in_top_ngram(ngram_hashes(numbers, n), lengths, n)
        hold(f"characters in the most common {n}-gram", share, limit)
        if not share:
            return reasons
    for n, limit in MAX_IN_DUPLICATE_NGRAMS.items():
        share = _share_in_duplicates(ngram_hashes(numbers, n), lengths, n)
        hold(f"characters in duplicate {n}-grams", share, limit)
        if not share:
            return reasons
    return reasons
