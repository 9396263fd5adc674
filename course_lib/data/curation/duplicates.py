"""Pages that were seen before: the same text, or nearly the same by MinHash and banding."""

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from course_lib.checks import check_lists, check_numbers, check_sizes, whole_number
from course_lib.data.curation.page import Page, Reason, check_page
from course_lib.data.curation.repetition import ngram_hashes

_AT_ONCE = 4096
_BLANKS = re.compile(r"\s+")


class ExactDuplicates:
    """Remembers every text it has seen by 8 bytes of its digest; the first copy is kept.

    Blanks and case do not count. With a billion texts the chance that one is dropped for another's
    digest is about 3 %.

    Source: Wenzek et al. 2020, "CCNet", section 3.2, does the same to paragraphs.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what was seen, as arrays."""
        return {"seen": np.fromiter(self._seen, dtype=np.uint64, count=len(self._seen))}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over what another run had seen."""
        self._seen = set(state["seen"].tolist())

    n_keys = 1

    def keys(self, page: Page) -> NDArray[np.uint64]:
        """The text's one key: 8 bytes of its digest."""
        check_page(page)
        text = _BLANKS.sub(" ", unicodedata.normalize("NFC", page.text)).strip().lower()
        data = text.encode("utf-8", "surrogatepass")
        return np.frombuffer(hashlib.blake2b(data, digest_size=8).digest(), dtype="<u8")

    def reason(self, earlier: int) -> Reason:
        """Why a text whose key is that of an earlier page is dropped."""
        return Reason("duplicates: same text", "seen before", "once")

    def __call__(self, page: Page) -> list[Reason]:
        """Say whether the text was seen before, and remember it."""
        key = int(self.keys(page)[0])
        if key in self._seen:
            return [self.reason(0)]
        self._seen.add(key)
        return []


def shingles(words: Sequence[str], n: int = 5) -> NDArray[np.uint64]:
    """Hash every run of n words of a page; each different run once.

    A page shorter than n words has one shingle: all of it.

    Args:
        words: The page's words, lower case.
        n: Words a shingle.

    Returns:
        Different 64-bit hashes; none for a page without words.

    Raises:
        TypeError: If the words are no list, or ``n`` is no whole number.
        ValueError: If ``n`` is not positive.
    """
    check_lists(words=words)
    [n] = check_sizes(n=n)
    if not len(words):
        return np.zeros(0, dtype=np.uint64)
    numbers = np.empty(len(words), dtype=np.uint64)
    known: dict[str, int] = {}
    for place, word in enumerate(words):
        number = known.get(word)
        if number is None:
            data = word.encode("utf-8", "surrogatepass")
            number = known[word] = zlib.crc32(data) << 32 | zlib.crc32(data, 0x5BD1E995)
        numbers[place] = number
    return np.unique(ngram_hashes(numbers, min(n, len(words))))


def jaccard(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> float:
    """Size of what two sets share over the size of both together; 1 for two empty sets.

    Args:
        a: Different hashes.
        b: Different hashes.

    Returns:
        0 to 1.
    """
    union = len(np.union1d(a, b))
    return len(np.intersect1d(a, b)) / union if union else 1.0


class MinHash:
    """Sums a set up in a few numbers whose agreement estimates the Jaccard similarity of two sets.

    Each number is the least of one hash function over the set; two sets agree in it with a
    probability equal to their similarity. That holds only if the functions order the set
    differently: multipliers must be wide enough for the product to wrap round. With 32-bit ones
    every function keeps the order of its input, all minima are the same element, and the estimate
    is 0 or 1.

    Args:
        n_hashes: How many numbers; the estimate is off by about 1 / sqrt(n_hashes).
        seed: Draws the functions; two signatures compare only under one seed.

    Raises:
        TypeError: If a number is no whole one.
        ValueError: If ``n_hashes`` is not positive, or the seed is negative.

    Source: Broder 1997, "On the Resemblance and Containment of Documents"; Dietzfelbinger et al.
    1997 for multiply-shift hashing.
    """

    def __init__(self, n_hashes: int = 112, seed: int = 0) -> None:
        [n_hashes] = check_sizes(n_hashes=n_hashes)
        rng = np.random.default_rng(whole_number(seed, "seed", 0))
        self.multipliers = rng.integers(1, 2**63, n_hashes, dtype=np.uint64) << np.uint64(1) | 1
        self.offsets = rng.integers(0, 2**63, n_hashes, dtype=np.uint64)

    def __call__(self, elements: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """Return the signature of a set; the empty set has the greatest numbers."""
        if not len(elements):
            return np.full(len(self.multipliers), 2**32 - 1, dtype=np.uint32)
        least = np.full(len(self.multipliers), 2**64 - 1, dtype=np.uint64)
        for start in range(0, len(elements), _AT_ONCE):  # a long page must not fill the memory
            products = elements[start : start + _AT_ONCE, None] * self.multipliers + self.offsets
            np.minimum(least, products.min(axis=0), out=least)
        return (least >> np.uint64(32)).astype(np.uint32)


class NearDuplicates:
    """Finds a page that nearly repeats an earlier one; the first of each group is kept.

    A signature is cut into bands; two pages that agree in all rows of any band are candidates. A
    pair of similarity s is caught with probability ``1 - (1 - s**rows) ** bands``: nearly a step,
    at about 0.72 for the default 14 bands of 8. Every page is remembered, dropped ones too, so a
    chain of small edits is followed; a page costs 14 x 16 bytes.

    Args:
        n_bands: Bands.
        rows: Hashes a band.
        shingle_words: Words a shingle.
        min_words: Shorter pages are kept unseen: a few shingles say too little.
        seed: Draws the hash functions.

    Raises:
        TypeError: If a number is no whole one.
        ValueError: If a count is not positive, or the seed is negative.

    Source: Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3; bands, rows
    and shingles as in Penedo et al. 2024 (FineWeb), section 3.5.
    """

    def __init__(
        self,
        n_bands: int = 14,
        rows: int = 8,
        *,
        shingle_words: int = 5,
        min_words: int = 8,
        seed: int = 0,
    ) -> None:
        self.n_bands, self.rows, self.shingle_words, self.min_words = check_sizes(
            n_bands=n_bands, rows=rows, shingle_words=shingle_words, min_words=min_words
        )
        self.min_hash = MinHash(self.n_bands * self.rows, seed)
        self._n_seen = 0
        # Sorted keys of all earlier pages; the newest wait in a dict and are merged in batches.
        self._keys = np.zeros(0, dtype=np.uint64)
        self._owners = np.zeros(0, dtype=np.int64)
        self._recent: dict[int, int] = {}

    def caught(self, similarity: float) -> float:
        """Probability that a pair of this similarity (0 to 1) becomes a candidate."""
        [similarity] = check_numbers(similarity=similarity)
        if not 0 <= similarity <= 1:
            raise ValueError(f"similarity must be 0 to 1, got {similarity}")
        return 1 - (1 - similarity**self.rows) ** self.n_bands

    @property
    def n_keys(self) -> int:
        """Keys of a page: one a band."""
        return self.n_bands

    def keys(self, page: Page) -> NDArray[np.uint64]:
        """One 64-bit key a band, none for a short page; pages that share a key are candidates."""
        check_page(page)
        if len(page.words) < self.min_words:
            return np.zeros(0, dtype=np.uint64)
        signature = self.min_hash(shingles(page.lower_words, self.shingle_words))
        keys = np.arange(1, self.n_bands + 1, dtype=np.uint64)
        for row in signature.reshape(self.n_bands, self.rows).T.astype(np.uint64):
            keys = (keys ^ row) * np.uint64(0x9E3779B97F4A7C15)
            keys ^= keys >> np.uint64(32)
        return keys

    def reason(self, earlier: int) -> Reason:
        """Why a page that nearly repeats an earlier one is dropped."""
        return Reason("duplicates: near copy", f"a copy of page {earlier}", "once")

    def __call__(self, page: Page) -> list[Reason]:
        """Say which earlier page this one nearly repeats, and remember it."""
        mine = self._n_seen
        self._n_seen += 1
        keys = self.keys(page)
        if not len(keys):
            return []
        earlier = [self._recent[key] for key in keys.tolist() if key in self._recent]
        if len(self._keys):
            places = np.searchsorted(self._keys, keys)
            places[places == len(self._keys)] = 0
            earlier += self._owners[places[self._keys[places] == keys]].tolist()
        for key in keys.tolist():
            self._recent.setdefault(key, mine)
        if len(self._recent) >= 1024 * self.n_bands:
            self._merge()
        return [self.reason(min(earlier))] if earlier else []

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return every page's band keys, as arrays."""
        self._merge()
        return {
            "keys": self._keys,
            "owners": self._owners,
            "n_seen": np.array(self._n_seen),
            "form": self._form(),
        }

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over the pages that another run had seen.

        Raises:
            ValueError: If they were seen under other bands, rows, shingles or hash functions.
        """
        if not np.array_equal(state["form"], self._form()):
            raise ValueError(
                f"the saved pages were hashed as {state['form'].tolist()}, "
                f"these would be as {self._form().tolist()}"
            )
        self._keys, self._owners, self._recent = state["keys"], state["owners"], {}
        self._n_seen = int(state["n_seen"])

    def _form(self) -> NDArray[np.uint64]:
        first = self.min_hash.multipliers[0]
        sizes = (self.n_bands, self.rows, self.shingle_words, self.min_words)
        return np.array([*sizes, first], dtype=np.uint64)

    def _merge(self) -> None:
        """Move the newest keys into the sorted array, the first owner of each key winning."""
        keys = np.fromiter(self._recent.keys(), dtype=np.uint64, count=len(self._recent))
        owners = np.fromiter(self._recent.values(), dtype=np.int64, count=len(self._recent))
        keys = np.concatenate([self._keys, keys])
        owners = np.concatenate([self._owners, owners])
        self._keys, first = np.unique(keys, return_index=True)  # the earliest index of each key
        self._owners = owners[first]
        self._recent = {}
