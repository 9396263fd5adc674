"""The two halves of byte pair encoding: learning merges, and applying them.

Source: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword
Units", section 3.2. There the pairs are counted again after every merge; here only the words that
a merge touches are counted again, which gives the same merges hundreds of times sooner.

Chapter: 03_tokenizer
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

Pair = tuple[int, int]

LONG_WORD = 256
"""Symbols above which a word is merged with a heap: the plain loop is quadratic."""


def learn_merges(
    words: list[list[int]],
    counts: Sequence[int],
    tokens: list[bytes],
    vocab_size: int,
    *,
    on_merge: Callable[[], object] = lambda: None,
) -> list[Pair]:
    """Merge the most frequent neighbouring pair, again and again.

    Of several pairs with the same count, the one with the smallest ids is merged. Overlapping
    pairs all count (`aaa` has `aa` twice) although only one of them can be merged.

    Args:
        words: each different word once, as ids; changed in place.
        counts: how often each word occurs in the corpus.
        tokens: id -> bytes of the alphabet; the new tokens are appended in place.
        vocab_size: stop when `tokens` has this many entries, or when no pair is left.
        on_merge: called after each new token, for a progress bar.

    Returns:
        The merged pairs of ids, in order.
    """
    pair_counts: dict[Pair, int] = defaultdict(int)
    words_with: dict[Pair, set[int]] = defaultdict(set)  # may still name words that lost the pair
    for index, word in enumerate(words):
        for pair in zip(word, word[1:], strict=False):
            pair_counts[pair] += counts[index]
            words_with[pair].add(index)
    # Counts change all the time and heap entries do not. An entry is never below the true count:
    # if it is above, it goes back with the true one.
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    id_of = {token: i for i, token in enumerate(tokens)}
    merges: list[Pair] = []

    while heap and len(tokens) < vocab_size:
        negative, pair = heapq.heappop(heap)
        count = pair_counts[pair]
        if count <= 0:
            continue
        if count != -negative:
            heapq.heappush(heap, (-count, pair))
            continue
        left, right = pair
        joined = tokens[left] + tokens[right]
        if joined in id_of:  # the same bytes can be reached by two ways: ab+c and a+bc
            new = id_of[joined]
        else:
            new = id_of[joined] = len(tokens)
            tokens.append(joined)
            on_merge()
        merges.append(pair)

        grown: set[Pair] = set()
        for index in words_with.pop(pair):
            word, n = words[index], counts[index]
            # In place from left to right, so that a long word takes one pass and not one a merge.
            size, end, i = len(word), 0, 0
            while i < size:
                symbol = word[i]
                i += 1
                if symbol == left and i < size and word[i] == right:
                    i += 1
                    if end:
                        before = word[end - 1]
                        pair_counts[before, left] -= n
                        born = (before, new)
                        pair_counts[born] += n
                        words_with[born].add(index)
                        grown.add(born)
                    if i < size:
                        after = word[i]
                        pair_counts[right, after] -= n
                        born = (new, after)
                        pair_counts[born] += n
                        words_with[born].add(index)
                        grown.add(born)
                    symbol = new
                word[end] = symbol
                end += 1
            del word[end:]
        del pair_counts[pair]
        for born in grown:
            heapq.heappush(heap, (-pair_counts[born], born))
    return merges


def apply_merges(
    ids: list[int], rank_of: Mapping[Pair, int], result_of: Sequence[int]
) -> list[int]:
    """Merge the pair of lowest rank, the leftmost of equals, until no known pair is left.

    Args:
        ids: the symbols of one word; changed in place.
        rank_of: pair -> its place in the list of merges.
        result_of: rank -> id of the merged token.

    Returns:
        The ids of the word's tokens.
    """
    if len(ids) > LONG_WORD:
        return _apply_with_heap(ids, rank_of, result_of)
    none = len(result_of)
    ranks = [rank_of.get(pair, none) for pair in zip(ids, ids[1:], strict=False)]
    while ranks:
        rank = min(ranks)
        if rank == none:
            break
        i = ranks.index(rank)
        ids[i : i + 2] = [result_of[rank]]
        del ranks[i]
        if i > 0:
            ranks[i - 1] = rank_of.get((ids[i - 1], ids[i]), none)
        if i < len(ranks):
            ranks[i] = rank_of.get((ids[i], ids[i + 1]), none)
    return ids


def _apply_with_heap(
    ids: list[int], rank_of: Mapping[Pair, int], result_of: Sequence[int]
) -> list[int]:
    """The same in n log n: a heap of candidate merges over a doubly linked list of symbols."""
    symbols: list[int] = list(ids)
    n = len(symbols)
    previous, following = list(range(-1, n - 1)), list(range(1, n + 1))
    gone = -1
    heap = [
        (rank_of[pair], i)
        for i, pair in enumerate(zip(symbols, symbols[1:], strict=False))
        if pair in rank_of
    ]
    heapq.heapify(heap)
    while heap:
        rank, i = heapq.heappop(heap)
        j = following[i]
        # Since this entry was pushed, either symbol may have been merged away or changed.
        if symbols[i] == gone or j == n or rank_of.get((symbols[i], symbols[j])) != rank:
            continue
        symbols[i], symbols[j] = result_of[rank], gone
        k = following[i] = following[j]
        if k < n:
            previous[k] = i
            if (after := rank_of.get((symbols[i], symbols[k]))) is not None:
                heapq.heappush(heap, (after, i))
        if (h := previous[i]) >= 0 and (
            before := rank_of.get((symbols[h], symbols[i]))
        ) is not None:
            heapq.heappush(heap, (before, h))
    return [symbol for symbol in symbols if symbol != gone]
