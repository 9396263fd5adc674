"""Sources of text, and how much of each a model reads: shares of tokens, not of documents.

Chapter: 19_domain_adaptation
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from course_lib.checks import (
    check_generator,
    check_lists,
    check_mappings,
    check_numbers,
    check_whole,
)
from course_lib.data import pack
from course_lib.shapes import Int

DocumentIds = Sequence[Sequence[int]]
_CLOSE = 1e-6


@dataclass(frozen=True)
class Mixture:
    """Documents of several sources in one random order.

    Attributes:
        documents: Token ids of each document.
        sources: Name of the source of each document.
        tokens: Tokens of each source, exactly what its weight asks for.
        unread: Tokens of each source that were not needed.
    """

    documents: tuple[tuple[int, ...], ...]
    sources: tuple[str, ...]
    tokens: dict[str, int]
    unread: dict[str, int]

    @property
    def n_tokens(self) -> int:
        """Tokens of all sources together."""
        return sum(self.tokens.values())

    @property
    def shares(self) -> dict[str, float]:
        """Share of each source in the tokens."""
        return {name: count / self.n_tokens for name, count in self.tokens.items()}

    def rows(self, seq_len: int, separator_id: int) -> Int[Tensor, "N T_plus_1"]:
        """Join the documents into rows to train on, as `course_lib.data.pack` does.

        Args:
            seq_len: T, places of a row.
            separator_id: Stands between documents, and belongs to no source.
        """
        return pack(self.documents, seq_len, separator_id)


def token_counts(weights: Mapping[str, float | int], n_tokens: int) -> dict[str, int]:
    """Share out a number of tokens by weight: whole numbers that sum to it exactly.

    Each source gets its share rounded down; those that lost most by rounding get one more.

    Args:
        weights: Share of the tokens, by source; together 1.
        n_tokens: What to share out.

    Returns:
        Tokens of each source, at most one off its exact share.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a weight is negative or not finite, they do not sum to 1, there is none, or
            no token is to be shared out.
    """
    check_mappings(weights=weights)
    [n_tokens] = check_whole(n_tokens=n_tokens)
    check_numbers(**{f"weights[{name!r}]": weight for name, weight in weights.items()})
    if not weights:
        raise ValueError("weights must name at least 1 source, got 0")
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"weights[{name!r}] must be a share, 0 or more, got {weight}")
    total = math.fsum(weights.values())
    if abs(total - 1) > _CLOSE:
        raise ValueError(
            f"weights must sum to 1, got {total:.6g}: divide each of them by it, or correct one"
        )
    if n_tokens < 1:
        raise ValueError(f"n_tokens must be at least 1, got {n_tokens}")
    whole = sum(map(Fraction, weights.values()))
    exact = {name: Fraction(weight) / whole * n_tokens for name, weight in weights.items()}
    counts = {name: math.floor(count) for name, count in exact.items()}
    by_loss = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_loss[: n_tokens - sum(counts.values())]:
        counts[name] += 1
    return counts


def mix(
    sources: Mapping[str, DocumentIds],
    weights: Mapping[str, float | int],
    n_tokens: int,
    *,
    generator: torch.Generator,
    epochs: int = 1,
) -> Mixture:
    """Draw documents from several sources, so that each has exactly its share of the tokens.

    A weight is a share of *tokens*. Drawing documents by weight instead would give a source of long
    documents more than its share. The last document of a source is cut where its share ends. No
    document comes twice before every other of its source has come once.

    Args:
        sources: Documents of each source, as token ids. Two sources of equal documents are two
            sources: nothing is taken out.
        weights: Share of the tokens of each source; together 1. A weight of 0 leaves a source out.
        n_tokens: Tokens of all documents together, separators between them not counted.
        generator: Draws which documents come, and their order.
        epochs: The most often a source may be read.

    Returns:
        The documents in a random order, with what was taken of each source.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the weights are no shares, a source is missing, empty or holds an empty
            document, or one is exhausted before it has given its share: it names the source, and
            how many tokens the mixture could have.

    Source: Wu et al. 2023, "BloombergGPT", table 1: a mixture is a table of token shares.
    """
    check_generator(generator)
    counts = token_counts(weights, n_tokens)
    [epochs] = check_whole(epochs=epochs)
    _check_sources(sources, weights, epochs)
    sizes = {name: sum(map(len, documents)) for name, documents in sources.items()}
    _check_enough(sizes, weights, counts, n_tokens, epochs)
    taken: list[tuple[str, tuple[int, ...]]] = []
    for name, count in counts.items():
        documents, left = sources[name], count
        while left:
            for index in torch.randperm(len(documents), generator=generator).tolist():
                piece = tuple(documents[index][:left])
                taken.append((name, piece))
                left -= len(piece)
                if not left:
                    break
    order = torch.randperm(len(taken), generator=generator).tolist()
    return Mixture(
        documents=tuple(taken[index][1] for index in order),
        sources=tuple(taken[index][0] for index in order),
        tokens=counts,
        unread={name: max(0, sizes[name] - count) for name, count in counts.items()},
    )


def check_apart(
    documents: DocumentIds, held_out: Mapping[str, DocumentIds], *, run_tokens: int | None = None
) -> None:
    """Refuse held-out documents of which something is also trained on.

    A leak makes every number that is measured on the held-out text too good, and nothing else
    shows it.

    Args:
        documents: What is trained on.
        held_out: What is measured on, by name.
        run_tokens: Refuse also a document that shares a run of so many tokens; None looks for equal
            documents only. Short documents of one grammar share runs by chance.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: Naming the first document that leaks, and how many do.

    Source: Brown et al. 2020, appendix C, which looks for runs of 13 words.
    """
    check_lists(documents=documents)
    check_mappings(held_out=held_out)
    check_lists(**{f"held_out[{name!r}]": measured for name, measured in held_out.items()})
    [run_tokens] = check_whole(None, run_tokens=run_tokens)
    if run_tokens is not None and run_tokens < 1:
        raise ValueError(f"run_tokens must be at least 1, got {run_tokens}")
    whole = {tuple(document) for document in documents}
    seen = {run for document in whole for run in _runs(document, run_tokens)}
    for name, measured in held_out.items():
        leaks = [
            index
            for index, document in enumerate(measured)
            if tuple(document) in whole or any(run in seen for run in _runs(document, run_tokens))
        ]
        if leaks:
            what = "" if run_tokens is None else f", or shares {run_tokens} tokens with one,"
            raise ValueError(
                f"held_out[{name!r}][{leaks[0]}] is also in the training text{what} and so are "
                f"{len(leaks) - 1} more of its {len(measured)} documents"
            )


def _runs(document: Sequence[int], length: int | None) -> set[tuple[int, ...]]:
    if length is None:
        return set()
    return {tuple(document[at : at + length]) for at in range(len(document) - length + 1)}


def _check_sources(
    sources: Mapping[str, DocumentIds], weights: Mapping[str, float | int], epochs: int
) -> None:
    check_mappings(sources=sources)
    check_lists(**{f"sources[{name!r}]": documents for name, documents in sources.items()})
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if set(sources) != set(weights):
        raise ValueError(f"weights must name the sources {sorted(sources)}, got {sorted(weights)}")
    for name, documents in sources.items():
        if not documents:
            raise ValueError(f"sources[{name!r}] is empty: it holds 0 documents")
        for index, document in enumerate(documents):
            check_lists(**{f"sources[{name!r}][{index}]": document})
            if not len(document):
                raise ValueError(f"sources[{name!r}][{index}] is empty: it holds 0 tokens")


def _check_enough(
    sizes: Mapping[str, int],
    weights: Mapping[str, float | int],
    counts: Mapping[str, int],
    n_tokens: int,
    epochs: int,
) -> None:
    short = [name for name, count in counts.items() if count > sizes[name] * epochs]
    if short:
        name = min(short, key=lambda one: sizes[one] * epochs / weights[one])
        most = int(sizes[name] * epochs / weights[name])
        raise ValueError(
            f"sources[{name!r}] is exhausted: it holds {sizes[name]:,} tokens, {epochs} "
            f"epoch{'s' * (epochs > 1)} of it cannot give {weights[name]:.2%} of "
            f"n_tokens={n_tokens:,}, which is {counts[name]:,}; at most n_tokens={most:,}, or more "
            "epochs"
        )
