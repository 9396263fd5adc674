"""Learning the pieces of a unigram model: begin with far too many, drop the least useful.

Source: Kudo 2018, "Subword Regularization", section 3.2, with the M-step of the SentencePiece
program (digamma instead of the logarithm, which pushes rare pieces down). We differ from it in how
the loss of a piece is estimated: the piece's expected count times what its best replacement costs,
without counting its use into the replacement's own probability.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from course_lib.shapes import Bool, Float, Int

LONGEST = 16
"""Characters of the longest piece that is tried."""
SHRINK = 0.75
"""Share of the pieces that stays at each pruning."""


def learn_pieces(
    words: Mapping[str, int],
    n_pieces: int,
    *,
    required: Iterable[str],
    seed_size: int = 1_000_000,
    progress: bool = False,
) -> list[tuple[str, float]]:
    """Learn pieces and their log-probabilities.

    Args:
        words: word -> how often it occurs; every character of a word must be required.
        n_pieces: how many pieces to keep; there can be fewer when the words have no more.
        required: characters that stay whatever happens.
        seed_size: how many candidates to begin with.
        progress: show a progress bar.

    Returns:
        (piece, log-probability), the likeliest first.
    """
    seeds = _seeds(words, seed_size)
    characters = sorted(set(required))
    pieces = characters + [piece for piece in seeds if len(piece) > 1]
    fixed = torch.arange(len(pieces)) < len(characters)
    first = torch.tensor([float(max(seeds.get(piece, 1), 1)) for piece in pieces]).double()
    log_p = (first / first.sum()).log()
    index = {piece: i for i, piece in enumerate(pieces)}
    corpus = _Lattice(list(words), index)
    weight = torch.tensor(list(words.values()), dtype=torch.float64)
    # A piece is judged by the best way to spell it with the other pieces.
    spellings = _Lattice(pieces, index, without_whole=True)

    target = max(int(n_pieces * 1.1), len(characters))
    rounds = math.ceil(math.log(max(len(pieces) / target, 1)) / -math.log(SHRINK))
    with tqdm(desc="prune", total=rounds + 1, disable=not progress, unit="round") as bar:
        while True:
            for _ in range(2):
                count = corpus.expected_counts(log_p, weight)
                log_p = _maximize(count, keep=fixed | (count >= 0.5))
            bar.update()
            alive = log_p.isfinite()
            size = int(alive.sum())
            if size <= target:
                break
            loss = count * (log_p - spellings.best(log_p))
            loss[fixed] = math.inf
            loss[~alive] = -math.inf
            order = loss.argsort(descending=True, stable=True)
            # A loss below 0: the piece is better spelled with others, so it may go at once.
            useful = int((loss >= 0).sum())
            log_p[order[max(target, min(useful, int(size * SHRINK))) :]] = -math.inf
            log_p = log_p - log_p.logsumexp(0)
            corpus.drop(log_p.isfinite())
            spellings.drop(log_p.isfinite())
    scores = log_p.tolist()
    ranked = sorted(
        (i for i, score in enumerate(scores) if math.isfinite(score)),
        key=lambda i: (i >= len(characters), -scores[i]),  # characters first: they must stay
    )
    kept = sorted(ranked[: max(n_pieces, len(characters))], key=lambda i: -scores[i])
    return [(pieces[i], scores[i]) for i in kept]


def _seeds(words: Mapping[str, int], seed_size: int) -> dict[str, int]:
    """Substrings that occur at least twice, with their counts; of the best freq * length."""
    counts: Counter[str] = Counter()
    for word, n in words.items():
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + LONGEST) + 1):
                counts[word[start:end]] += n
    # A string that is always followed by the same character is of no use beside the longer one.
    covered = {s[:-1] for s, n in counts.items() if len(s) > 1 and counts[s[:-1]] == n}
    useful = [s for s, n in counts.items() if len(s) == 1 or (n > 1 and s not in covered)]
    useful.sort(key=lambda s: (-counts[s] * len(s), s))
    return {s: counts[s] for s in useful[:seed_size]}


def _maximize(count: Float[Tensor, " V"], keep: Bool[Tensor, " V"]) -> Float[Tensor, " V"]:
    """Log-probabilities out of expected counts; pieces that are not kept get -inf."""
    count = count.clamp(min=0.5)
    scores = torch.digamma(count) - torch.digamma(count[keep].sum())
    return scores.masked_fill(~keep, -math.inf)


class _Lattice:
    """All ways to cut all strings into pieces, worked through place by place for all at once.

    A node is a place between two characters of one string, an edge is a piece that leads from one
    node to a later one.

    Args:
        strings: what is cut.
        index: piece -> its number.
        without_whole: leave out the edge that is the whole string.
    """

    def __init__(
        self, strings: Sequence[str], index: Mapping[str, int], *, without_whole: bool = False
    ) -> None:
        starts, ends, pieces = [], [], []
        lengths = torch.tensor([len(string) for string in strings])
        firsts = (lengths + 1).cumsum(0) - (lengths + 1)
        for first, string in zip(firsts.tolist(), strings, strict=True):
            n = len(string)
            for start in range(n):
                for end in range(start + 1, min(n, start + LONGEST) + 1):
                    piece = index.get(string[start:end])
                    if piece is None or (without_whole and end - start == n):
                        continue
                    starts.append(first + start)
                    ends.append(first + end)
                    pieces.append(piece)
        self.n_nodes = int((lengths + 1).sum())
        self.first_nodes, self.last_nodes = firsts, firsts + lengths
        self.string_of = torch.arange(len(strings)).repeat_interleave(lengths + 1)
        self.place_of = torch.arange(self.n_nodes) - firsts[self.string_of]
        edges = torch.tensor([starts, ends, pieces], dtype=torch.long)  # (3, E), E may be 0
        self._set(*edges)

    def _set(
        self, start: Int[Tensor, " E"], end: Int[Tensor, " E"], piece: Int[Tensor, " E"]
    ) -> None:
        self.start, self.end, self.piece = start, end, piece
        self.forwards = self._levels(end)
        self.backwards = self._levels(start)[::-1]

    def _levels(self, target: Int[Tensor, " E"]) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Edges by the place they lead to: (edges, their different targets, which one is whose).

        All edges of a level can be worked through at once, because none of them feeds another.
        """
        order = target.argsort(stable=True)
        place = self.place_of[target[order]]
        order = order[place.argsort(stable=True)]
        levels = []
        for edges in order.split(place.bincount().tolist()):
            nodes, group = target[edges].unique_consecutive(return_inverse=True)
            levels.append((edges, nodes, group))
        return levels

    def drop(self, alive: Bool[Tensor, " V"]) -> None:
        """Take out the edges of dead pieces."""
        keep = alive[self.piece]
        self._set(self.start[keep], self.end[keep], self.piece[keep])

    def best(self, log_p: Float[Tensor, " V"]) -> Float[Tensor, " N"]:
        """Log-probability of the likeliest way to cut each string; -inf where there is none."""
        reached = torch.full((self.n_nodes,), -math.inf, dtype=torch.float64)
        reached[self.first_nodes] = 0.0
        for edges, _, _ in self.forwards:
            values = reached[self.start[edges]] + log_p[self.piece[edges]]
            reached.scatter_reduce_(0, self.end[edges], values, "amax")
        return reached[self.last_nodes]

    def expected_counts(
        self, log_p: Float[Tensor, " V"], weight: Float[Tensor, " N"]
    ) -> Float[Tensor, " V"]:
        """How often each piece is used, over all ways to cut, each with its probability."""
        alpha = self._sum_over_ways(log_p, self.forwards, self.start, self.first_nodes)
        beta = self._sum_over_ways(log_p, self.backwards, self.end, self.last_nodes)
        string = self.string_of[self.start]
        whole = alpha[self.last_nodes][string]
        share = (alpha[self.start] + log_p[self.piece] + beta[self.end] - whole).exp()
        used = weight[string] * share
        return torch.zeros(len(log_p), dtype=torch.float64).index_add_(0, self.piece, used)

    def _sum_over_ways(
        self,
        log_p: Float[Tensor, " V"],
        levels: list[tuple[Tensor, Tensor, Tensor]],
        source: Int[Tensor, " E"],
        origin: Int[Tensor, " N"],
    ) -> Float[Tensor, " M"]:
        """Log of the summed probability of all ways between `origin` and each node."""
        total = torch.full((self.n_nodes,), -math.inf, dtype=torch.float64)
        total[origin] = 0.0
        for edges, nodes, group in levels:
            if not len(edges):
                continue
            values = total[source[edges]] + log_p[self.piece[edges]]
            top = torch.full((len(nodes),), -math.inf, dtype=torch.float64)
            top.scatter_reduce_(0, group, values, "amax")
            parts = (values - top[group]).exp()
            summed = torch.zeros_like(top).index_add_(0, group, parts)
            total[nodes] = top + summed.log()
        return total
