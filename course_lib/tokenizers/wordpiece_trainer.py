"""Learning the pieces of WordPiece."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping

from tqdm import tqdm

from course_lib.tokenizers.base import check_vocab_size
from course_lib.tokenizers.merges import Pair


def learn_pieces(
    words: Mapping[str, int],
    vocab_size: int,
    *,
    n_special: int,
    prefix: str,
    by_likelihood: bool,
    min_count: int,
    progress: bool = False,
) -> list[str]:
    """Merge pairs of pieces until the vocabulary is full or no pair is left.

    Args:
        words: word -> how often it occurs.
        vocab_size: pieces in all, special tokens included.
        n_special: how many special tokens there will be.
        prefix: marks a piece that does not begin a word.
        by_likelihood: score a pair by count(ab) / (count(a) count(b)) instead of count(ab).
        min_count: pairs seen less often are not merged.
        progress: show a progress bar.

    Returns:
        The pieces: characters in order of code point, then merged ones as they were learned.

    Raises:
        ValueError: `vocab_size` has no room for the characters.
    """
    spelled = [[word[0], *(prefix + character for character in word[1:])] for word in words]
    pieces = sorted({piece for word in spelled for piece in word})
    smallest = n_special + len(pieces)
    vocab_size = check_vocab_size(
        vocab_size, smallest, f"{len(pieces)} characters and {n_special} special tokens"
    )
    id_of = {piece: i for i, piece in enumerate(pieces)}
    state = _Counts([[id_of[piece] for piece in word] for word in spelled], list(words.values()))

    def score(pair: Pair) -> float:
        count = state.of_pair[pair]
        if by_likelihood and count:
            return count / (state.of_piece[pair[0]] * state.of_piece[pair[1]])
        return float(count)

    def entry(pair: Pair) -> tuple[float, int, Pair]:
        return -score(pair), -state.of_pair[pair], pair

    heap = [entry(pair) for pair in state.of_pair]
    heapq.heapify(heap)
    with tqdm(desc="merge", total=vocab_size - smallest, disable=not progress, unit="merge") as bar:
        while heap and len(pieces) < vocab_size - n_special:
            top = heapq.heappop(heap)
            pair = top[-1]
            if state.of_pair[pair] < max(min_count, 1) or top != entry(pair):
                continue  # too rare, or an entry from before the counts changed
            joined = pieces[pair[0]] + pieces[pair[1]].removeprefix(prefix)
            if joined not in id_of:
                id_of[joined] = len(pieces)
                pieces.append(joined)
                bar.update()
            for changed in state.merge(pair, id_of[joined], with_neighbours=by_likelihood):
                heapq.heappush(heap, entry(changed))
    return pieces


class _Counts:
    """The corpus as pieces, with counts that follow each merge."""

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self.words, self.counts = words, counts
        self.of_piece: Counter[int] = Counter()
        self.of_pair: Counter[Pair] = Counter()
        self.words_with: dict[Pair, set[int]] = defaultdict(set)
        self.pairs_with: dict[int, set[Pair]] = defaultdict(set)
        for index in range(len(words)):
            self._count(index, 1)

    def _count(self, index: int, sign: int) -> set[Pair]:
        word, n = self.words[index], sign * self.counts[index]
        pairs = list(zip(word, word[1:], strict=False))
        for piece in word:
            self.of_piece[piece] += n
        for pair in pairs:
            self.of_pair[pair] += n
            if sign > 0:
                self.words_with[pair].add(index)
                self.pairs_with[pair[0]].add(pair)
                self.pairs_with[pair[1]].add(pair)
        return set(pairs)

    def merge(self, pair: Pair, new: int, *, with_neighbours: bool) -> set[Pair]:
        """Join the pair in every word, and return the pairs whose score may have changed.

        With `with_neighbours` these are all pairs of the two pieces wherever they stand, because
        their own counts are part of the score.
        """
        changed: set[Pair] = set()
        for index in list(self.words_with.pop(pair)):
            changed |= self._count(index, -1)
            self.words[index] = _join(self.words[index], pair, new)
            changed |= self._count(index, 1)
        if with_neighbours:
            for piece in (*pair, new):
                self.pairs_with[piece] = {p for p in self.pairs_with[piece] if self.of_pair[p] > 0}
                changed |= self.pairs_with[piece]
        return {p for p in changed if self.of_pair[p] > 0}


def _join(word: list[int], pair: Pair, new: int) -> list[int]:
    joined, i = [], 0
    while i < len(word):
        if (word[i], *word[i + 1 : i + 2]) == pair:
            joined.append(new)
            i += 2
        else:
            joined.append(word[i])
            i += 1
    return joined
