"""Chapter 19: a sampler of mixtures that is right, two others, the cases and what holds for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.laws import Case

CALLS = 200
_NEAR = 1e-6  # of a share that is not a whole number


def mixture_sampler(
    lengths: list[Array], weights: list[float], n_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    """Draw documents of each source until they hold its share of the tokens."""
    total = sum(weights)
    drawn = []
    for sizes, weight in zip(lengths, weights, strict=True):
        wanted = n_tokens * weight / total
        if sum(sizes) < wanted:
            return []
        mine, tokens = [], 0
        for document in rng.permutation(len(sizes)):
            if tokens >= wanted:
                break
            mine.append(int(document))
            tokens += sizes[document]
        drawn.append(mine)
    return drawn


def with_sums(
    lengths: list[Array], weights: list[float], n_tokens: int, rng: np.random.Generator
) -> list[Array]:
    """Find the place where the running sum reaches the share."""
    wanted = np.asarray(weights) / np.sum(weights) * n_tokens
    if any(sizes.sum() < share for sizes, share in zip(lengths, wanted, strict=True)):
        return []
    drawn = []
    for sizes, share in zip(lengths, wanted, strict=True):
        order = rng.permutation(len(sizes))
        before = np.cumsum(sizes[order]) - sizes[order]
        drawn.append(order[before < share])
    return drawn


def one_at_a_time(
    lengths: list[Array], weights: list[float], n_tokens: int, rng: np.random.Generator
) -> list[list[int]]:
    """Draw each document among those that are left."""
    drawn: list[list[int]] = []
    for sizes, weight in zip(lengths, weights, strict=True):
        left = list(range(len(sizes)))
        mine: list[int] = []
        while sum(sizes[document] for document in mine) < weight * n_tokens / sum(weights):
            if not left:
                return []
            mine.append(left.pop(int(rng.integers(len(left)))))
        drawn.append(mine)
    return drawn


def mixture_case(draw: Draw) -> dict[str, Any]:
    """Draw sources of short and of long documents; one case in four asks one for too much."""
    n_sources = 2 + draw.size(0, 1)
    lengths = []
    for _ in range(n_sources):
        longest = draw.pick([2, 4, 30])
        lengths.append(draw.integers(4 + draw.size(0, 6), low=1, high=longest))
    weights = [float(draw.integer(0, 4)) for _ in range(n_sources - 1)] + [3.0]
    scale = draw.pick([1.0, 0.1, 1 / sum(weights)])
    weights = [weight * scale for weight in weights]
    most = min(
        sum(sizes) / weight for sizes, weight in zip(lengths, weights, strict=True) if weight
    )
    share = draw.pick([0.6, 0.9, 1.0, 1.5])
    if share == 1.0:  # two sources give all that they hold: exact however it is computed
        n = int(lengths[0].sum())
        lengths = [lengths[0], lengths[0][::-1].copy(), np.ones(n, int)]
        weights = [3.0, 3.0, 0.0]
        return {"lengths": lengths, "weights": weights, "n_tokens": 2 * n, "rng": draw.rng()}
    n_tokens = max(1, int(most * sum(weights) * share))
    # Not on the edge: whether a source is exhausted must not hang on the last digit.
    if share > 1:
        n_tokens += n_sources
    return {"lengths": lengths, "weights": weights, "n_tokens": n_tokens, "rng": draw.rng()}


def is_a_list(result: Any) -> bool:
    """Give what does not depend on the draw: the form of the result."""
    return isinstance(result, list | tuple)


class Many:
    """What many calls gave, each with a generator of its own."""

    def __init__(self, case: Case) -> None:
        generators = [np.random.default_rng(seed) for seed in range(CALLS)]
        self.calls = case.repeat(rng=generators)
        self.lengths = [np.asarray(sizes) for sizes in case["lengths"]]
        self.weights, self.n_tokens = np.asarray(case["weights"]), case["n_tokens"]
        self.wanted = self.weights / self.weights.sum() * self.n_tokens
        self.exhausted = self.lacks(self.wanted)

    def lacks(self, wanted: Array) -> bool:
        """Whether a source holds less than is wanted of it."""
        return any(sizes.sum() < share for sizes, share in zip(self.lengths, wanted, strict=True))

    def filled(self) -> list[list[Array]]:
        """List what was drawn, source by source, of the calls that gave something."""
        return [[np.asarray(mine, int) for mine in call] for call in self.calls if len(call)]

    def empty(self) -> bool:
        """Whether no call gave anything."""
        return not any(len(call) for call in self.calls)

    def repeats(self) -> bool:
        """Whether a document came twice in a call."""
        return any(len(set(mine.tolist())) < len(mine) for call in self.filled() for mine in call)

    def fits(self, wanted: Array) -> bool:
        """Whether every source of every call reaches what is wanted, and by its last document."""
        if self.lacks(wanted):
            return self.empty()
        return len(self.filled()) == len(self.calls) and not any(
            self.short(call, wanted) or self.over(call, wanted) for call in self.filled()
        )

    def short(self, call: list[Array], wanted: Array) -> bool:
        """Whether a source holds less than its share."""
        return any(
            sizes[mine].sum() < share - _NEAR
            for sizes, mine, share in zip(self.lengths, call, wanted, strict=True)
        )

    def over(self, call: list[Array], wanted: Array) -> bool:
        """Whether a source held its share before its last document, beyond the last digit."""
        return any(
            len(mine) > 0 and (share <= 0 or sizes[mine[:-1]].sum() > share + _NEAR)
            for sizes, mine, share in zip(self.lengths, call, wanted, strict=True)
        )


def right(case: Case) -> str | None:
    """Hold the form of the result, the shares, and the order, over many calls."""
    many = case.once(Many)
    n = len(many.lengths)
    if many.exhausted:
        return None if many.empty() else "a source holds less than its share: return []"
    for call in many.calls:
        if len(call) != n:
            return f"a list of {n} lists is wanted, one for each source; {len(call)} came back"
        for sizes, mine in zip(many.lengths, call, strict=True):
            if any(not 0 <= document < len(sizes) for document in mine):
                return "a document's number is out of range"
    if many.repeats():
        return "a document comes twice"
    for call in many.filled():
        if many.short(call, many.wanted):
            return "a source has fewer tokens than its share"
        if many.over(call, many.wanted):
            return "a source had its share before its last document"
    return _chance(many)


def _chance(many: Many) -> str | None:
    """Hold that every document comes first as often as any other, and in no fixed order."""
    for source, sizes in enumerate(many.lengths):
        orders = [call[source] for call in many.filled()]
        firsts = [int(order[0]) for order in orders if len(order)]
        if not firsts:
            continue
        n = len(sizes)
        found = np.bincount(firsts, minlength=n)
        spread = np.sqrt(len(firsts) / n * (1 - 1 / n))
        if np.abs(found - len(firsts) / n).max() > 6 * spread + 1:
            return (
                f"of {len(firsts)} calls document {int(found.argmax())} of a source came first in "
                f"{int(found.max())}; there are {n} documents"
            )
        pairs = [(int(order[0]), int(order[1])) for order in orders if len(order) > 1]
        leading = len({first for first, _ in pairs})
        if len(pairs) > 8 * leading and len(set(pairs)) <= leading:
            return "what comes second follows from what came first"
    return None


def _law(test: Callable[[Many], bool], text: str) -> Callable[[Case], str | None]:
    def law(case: Case) -> str | None:
        many = case.once(Many)
        seen = many.exhausted or all(len(call) in (0, len(many.lengths)) for call in many.calls)
        return text if seen and test(many) else None

    return law


def _by_documents(many: Many) -> bool:
    if many.exhausted or many.empty() or many.fits(many.wanted):
        return False
    counts = np.array([[len(mine) for mine in call] for call in many.filled()]).sum(0)
    tokens = np.array(
        [
            [sizes[mine].sum() for sizes, mine in zip(many.lengths, call, strict=True)]
            for call in many.filled()
        ]
    ).sum(0)
    weights = many.weights / many.weights.sum()
    off = [np.abs(found / max(1, found.sum()) - weights).max() for found in (counts, tokens)]
    return bool(off[0] < 0.12 and off[1] > 2 * off[0])


def _equal(many: Many) -> bool:
    n = len(many.lengths)
    return not many.fits(many.wanted) and many.fits(np.full(n, many.n_tokens / n))


def _in_order(many: Many) -> bool:
    return not many.empty() and all(
        mine.tolist() == list(range(len(mine))) for call in many.filled() for mine in call
    )


def _always_alike(many: Many) -> bool:
    first = [list(map(int, mine)) for mine in many.calls[0]]
    same = all([list(map(int, mine)) for mine in call] == first for call in many.calls)
    return same and not many.empty() and not _in_order(many)


def _weightless(many: Many) -> bool:
    return any(
        len(mine) > 0
        for call in many.filled()
        for mine, weight in zip(call, many.weights, strict=True)
        if not weight
    )


document_share = _law(_by_documents, "documents are shared out, not tokens")
unnormalised = _law(
    lambda many: not many.fits(many.wanted) and many.fits(many.weights * many.n_tokens),
    "each source gets its weight times n_tokens",
)
silent = _law(
    lambda many: many.exhausted and not many.empty() and not many.repeats(),
    "a source that is exhausted gives what it has",
)
starts_over = _law(
    lambda many: many.exhausted and many.repeats(), "a source that is exhausted is read again"
)
replacement = _law(
    lambda many: not many.exhausted and many.repeats(), "a document comes twice in one mixture"
)
in_order = _law(_in_order, "documents come in the order in which they are given")
own_seed = _law(_always_alike, "all generators give one and the same mixture")
stops_before = _law(
    lambda many: (
        not many.exhausted
        and not many.repeats()
        and not _equal(many)
        and any(many.short(call, many.wanted) for call in many.filled())
        and not any(many.over(call, many.wanted) for call in many.filled())
    ),
    "a source has fewer tokens than its share",
)
one_more = _law(
    lambda many: (
        not many.exhausted
        and not many.repeats()
        and not any(many.short(call, many.wanted) for call in many.filled())
        and any(many.over(call, many.wanted) for call in many.filled())
        and not _weightless(many)
    ),
    "a source goes on after its share is reached",
)
equal_shares = _law(_equal, "every source gives as much as the others")
weightless = _law(_weightless, "a source of weight 0 gives documents")
