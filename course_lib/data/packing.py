"""From documents of any length to rows of one length, and from rows to batches."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from course_lib.objectives.example import IGNORE


def pack(
    documents_ids: Iterable[Sequence[int]], seq_len: int, separator_id: int
) -> Int[Tensor, "N T_plus_1"]:
    """Join documents into one stream and cut it into rows, losing no token, counting none twice.

    The stream is separator, document, separator, document, ..., separator. A row holds
    ``seq_len + 1`` ids: its last is the next row's first, so every id of the stream but the very
    first is the target of exactly one place. Rows do not respect document borders: a place may see
    the end of the document before its own.

    Args:
        documents_ids: Token ids of each document; an empty document is an error.
        seq_len: T, the number of places a model reads in a row.
        separator_id: The id put before the first, between all and after the last document.

    Returns:
        Rows of ids, the end of the last one filled with ``IGNORE``.

    Raises:
        ValueError: If there is no document, a document is empty, ``seq_len`` is not positive, or
            the whole stream is too short to fill one row.

    Source: Brown et al. 2020, "Language Models are Few-Shot Learners", appendix B
    (documents packed into full contexts, a separator between them, no mask between them); we pad
    the last row where they do not say what happens.

    Chapter: 01_relevance
    """
    if seq_len < 1:
        raise ValueError(f"seq_len must be at least 1, got {seq_len}")
    stream = [separator_id]
    for index, ids in enumerate(documents_ids):
        if not len(ids):
            raise ValueError(f"documents_ids[{index}] is empty: a document needs at least 1 token")
        stream.extend(ids)
        stream.append(separator_id)
    if len(stream) == 1:
        raise ValueError(
            f"the corpus is empty: it holds 0 documents, a row of seq_len {seq_len} "
            f"needs {seq_len + 1} tokens"
        )
    if len(stream) < seq_len + 1:
        raise ValueError(
            f"the corpus is shorter than the context: it holds {len(stream)} tokens with its "
            f"separators, a row of seq_len {seq_len} needs {seq_len + 1}"
        )
    n_rows = -(-(len(stream) - 1) // seq_len)
    filled = torch.full((n_rows * seq_len + 1,), IGNORE)
    filled[: len(stream)] = torch.tensor(stream)
    return filled.unfold(0, seq_len + 1, seq_len).clone()  # (N, T + 1)


def one_per_row(
    documents_ids: Iterable[Sequence[int]], seq_len: int, separator_id: int
) -> Int[Tensor, "N T_plus_1"]:
    """Give each document a row of its own: separator, document, separator, then ``IGNORE``.

    Wasteful next to ``pack``, and right where a model must see a document from its beginning.

    Args:
        documents_ids: Token ids of each document.
        seq_len: T, the number of places a model reads in a row.
        separator_id: The id put before and after the document.

    Returns:
        One row a document.

    Raises:
        ValueError: If there is no document, or one is empty or longer than ``seq_len - 1``.

    Chapter: 15_causal_language_modeling
    """
    rows = []
    for index, ids in enumerate(documents_ids):
        if not 1 <= len(ids) <= seq_len - 1:
            raise ValueError(
                f"documents_ids[{index}] holds {len(ids)} tokens, "
                f"a row of seq_len {seq_len} takes 1 to {seq_len - 1}"
            )
        row = torch.full((seq_len + 1,), IGNORE)
        row[: len(ids) + 2] = torch.tensor([separator_id, *ids, separator_id])
        rows.append(row)
    if not rows:
        raise ValueError("the corpus is empty: it holds 0 documents")
    return torch.stack(rows)  # (N, T + 1)


class Batches:
    """Rows in a fresh random order every epoch, for ever, in batches of one size.

    An epoch shows every row at most once: the rows left over when the batch size does not divide
    their number wait for the next epoch's order. The place in the data is a state that can be
    saved and put back, so that a run that was cut goes on with the very batch it would have had.

    Chapter: 15_causal_language_modeling
    """

    def __init__(
        self, rows: Int[Tensor, "N T_plus_1"], batch_size: int, *, generator: torch.Generator
    ) -> None:
        if not 1 <= batch_size <= len(rows):
            raise ValueError(
                f"batch_size must be 1 to the number of rows, {len(rows)}, got {batch_size}"
            )
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator
        self.batches_per_epoch = len(rows) // batch_size
        self._order: Tensor | None = None
        self._epoch_start = generator.get_state()
        self._position = 0

    def __iter__(self) -> Iterator[Int[Tensor, "B T_plus_1"]]:
        """Return itself: a second loop goes on where the first one stopped."""
        return self

    def __next__(self) -> Int[Tensor, "B T_plus_1"]:
        """Return the next batch; never stops."""
        if self._order is None or self._position == self.batches_per_epoch:
            self._epoch_start = self.generator.get_state()
            self._order = torch.randperm(len(self.rows), generator=self.generator)
            self._position = 0
        chosen = self._order[self._position * self.batch_size :][: self.batch_size]
        self._position += 1
        return self.rows[chosen]

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the data: this epoch's random draw, and the step in it."""
        return {
            "epoch_start": self._epoch_start,
            "position": self._position,
            "started": self._order is not None,
            "n_rows": len(self.rows),
            "batch_size": self.batch_size,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved place in the data.

        Args:
            state: What ``state_dict`` returned, for the same rows and batch size.

        Raises:
            ValueError: If the number of rows or the batch size is another one.
        """
        for name, mine in (("n_rows", len(self.rows)), ("batch_size", self.batch_size)):
            if state[name] != mine:
                raise ValueError(f"{name} is {mine} here and {state[name]} in the saved state")
        self.generator.set_state(state["epoch_start"])
        self._epoch_start = state["epoch_start"]
        self._order = None
        if state["started"]:
            self._order = torch.randperm(len(self.rows), generator=self.generator)
        self._position = state["position"]


def batches(
    rows: Int[Tensor, "N T_plus_1"], batch_size: int, *, generator: torch.Generator
) -> Batches:
    """Serve rows in random batches for ever; see ``Batches``.

    Args:
        rows: Rows of ids, as ``pack`` makes them.
        batch_size: B, rows a batch; at most the number of rows.
        generator: Draws the order; give every use its own.

    Returns:
        An endless iterator over ``Int "B T_plus_1"``.

    Raises:
        ValueError: If the batch size does not fit the rows.

    Chapter: 15_causal_language_modeling
    """
    return Batches(rows, batch_size, generator=generator)
