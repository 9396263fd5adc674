"""From documents of any length to rows of one length, and from rows to batches.

Chapter: 01_relevance
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.checks import (
    check_generator,
    check_ids,
    check_sizes,
    check_whole,
    tensor_of_ids,
    whole_number,
)
from course_lib.objectives.example import IGNORE
from course_lib.shapes import Int


def pack(
    documents_ids: Iterable[Sequence[int]],
    seq_len: int,
    separator_id: int,
    *,
    shared: int = 1,
) -> Int[Tensor, "N M"]:
    """Join documents into one stream and cut it into rows, losing no token, counting none twice.

    The stream is separator, document, separator, document, ..., separator. A row holds
    ``seq_len + 1`` ids: its last is the next row's first, so every id of the stream but the very
    first is the target of exactly one place. Rows do not respect document borders: a place may see
    the end of the document before its own.

    Args:
        documents_ids: Token ids of each document; an empty document is an error.
        seq_len: T, the number of places a model reads in a row.
        separator_id: The id put before the first, between all and after the last document.
        shared: Ids of a row that are the next row's first ones, too: 1 for a causal model, which
            reads the first T of a row and says the last T; 0 for a model that reads all of it.

    Returns:
        Rows of ``seq_len + shared`` ids, the end of the last one filled with ``IGNORE``.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there is no document, a document is empty, ``seq_len`` is not positive, an
            id is negative, or the whole stream is too short to fill one row.

    Source: Brown et al. 2020, "Language Models are Few-Shot Learners", appendix B
    (documents packed into full contexts, a separator between them, no mask between them); we pad
    the last row where they do not say what happens.
    """
    [seq_len, shared] = check_whole(seq_len=seq_len, shared=shared)
    separator_id = whole_number(separator_id, "separator_id", 0)
    if seq_len < 1:
        raise ValueError(f"seq_len must be at least 1, got {seq_len}")
    if shared not in (0, 1):
        raise ValueError(f"shared must be 0 or 1, got {shared}")
    separator = torch.tensor([separator_id])
    parts = [separator]
    for index, ids in enumerate(_each(documents_ids)):
        document = _document(index, ids)
        if not len(document):
            raise ValueError(f"documents_ids[{index}] is empty: a document needs at least 1 token")
        parts += [document, separator]
    stream = torch.cat(parts)
    if len(stream) == 1:
        raise ValueError(
            f"the corpus is empty: it holds 0 documents, a row of seq_len {seq_len} "
            f"needs {seq_len + shared} tokens"
        )
    if len(stream) < seq_len + shared:
        raise ValueError(
            f"the corpus is shorter than the context: it holds {len(stream)} tokens with its "
            f"separators, a row of seq_len {seq_len} needs {seq_len + shared}"
        )
    n_rows = -(-(len(stream) - shared) // seq_len)
    filled = torch.full((n_rows * seq_len + shared,), IGNORE)
    filled[: len(stream)] = stream
    return filled.unfold(0, seq_len + shared, seq_len).clone()


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
        TypeError: If an argument is of a wrong type.
        ValueError: If there is no document, one is empty or longer than ``seq_len - 1``, or an id
            is negative.
    """
    [seq_len] = check_sizes(seq_len=seq_len)
    separator_id = whole_number(separator_id, "separator_id", 0)
    rows = []
    separator = torch.tensor([separator_id])
    for index, ids in enumerate(_each(documents_ids)):
        document = _document(index, ids)
        if not 1 <= len(document) <= seq_len - 1:
            raise ValueError(
                f"documents_ids[{index}] holds {len(document)} tokens, "
                f"a row of seq_len {seq_len} takes 1 to {seq_len - 1}"
            )
        row = torch.full((seq_len + 1,), IGNORE)
        row[: len(document) + 2] = torch.cat([separator, document, separator])
        rows.append(row)
    if not rows:
        raise ValueError("the corpus is empty: it holds 0 documents")
    return torch.stack(rows)  # (N, T + 1)


def _document(index: int, ids: Sequence[int]) -> Int[Tensor, " T"]:
    """One document's ids; -100 among them would be taken for padding, which is never a target."""
    name = f"documents_ids[{index}]"
    document = tensor_of_ids(name, ids)
    if len(document) and int(document.min()) < 0:
        raise ValueError(f"{name} must hold ids of 0 or more, got {int(document.min())}")
    return document


def _each(documents_ids: Iterable[Sequence[int]]) -> Iterable[Sequence[int]]:
    if not isinstance(documents_ids, Iterable):
        raise TypeError(f"documents_ids must be lists of ids, got {documents_ids!r:.60}")
    return documents_ids


class Batches:
    """Rows in a fresh random order every epoch, for ever, in batches of one size.

    An epoch shows every row at most once: the rows left over when the batch size does not divide
    their number wait for the next epoch's order. The place in the data is a state that can be
    saved and put back, so that a run that was cut goes on with the very batch it would have had.
    """

    def __init__(
        self,
        rows: Int[Tensor, "N T_plus_1"],
        batch_size: int,
        *,
        generator: torch.Generator,
        parts: int = 1,
    ) -> None:
        check_ids("rows", rows, "N M")
        [batch_size, parts] = check_whole(batch_size=batch_size, parts=parts)
        check_generator(generator)
        if not 1 <= batch_size <= len(rows):
            raise ValueError(
                f"batch_size must be 1 to the number of rows, {len(rows)}, got {batch_size}"
            )
        if parts < 1 or batch_size % parts:
            raise ValueError(f"parts must divide batch_size {batch_size}, got {parts}")
        self.rows = rows
        self.batch_size = batch_size
        self.part_size = batch_size // parts
        self.generator = generator
        self.batches_per_epoch = len(rows) // batch_size
        self._order: Tensor | None = None
        self._epoch_start = generator.get_state()
        self._taken = 0  # rows of this epoch
        self._digest: str | None = None

    def __iter__(self) -> Iterator[Int[Tensor, "B T_plus_1"]]:
        """Return itself: a second loop goes on where the first one stopped."""
        return self

    def __next__(self) -> Int[Tensor, "B T_plus_1"]:
        """Return the next batch, or the next part of it; never stops."""
        if self._order is None or self._taken == self.batches_per_epoch * self.batch_size:
            self._epoch_start = self.generator.get_state()
            self._order = torch.randperm(len(self.rows), generator=self.generator)
            self._taken = 0
        chosen = self._order[self._taken : self._taken + self.part_size]
        self._taken += self.part_size
        return self.rows[chosen]

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the data: this epoch's random draw, and the rows taken of it.

        All of it is text and numbers, as JSON has them.
        """
        if self._digest is None:
            self._digest = rows_digest(self.rows)
        return {
            "epoch_start": self._epoch_start.numpy().tobytes().hex(),
            "taken": self._taken,
            "started": self._order is not None,
            "rows": self._digest,
            "batch_size": self.batch_size,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved place in the data; nothing is changed unless it fits.

        Args:
            state: What ``state_dict`` returned, for the same rows and batch size; the number of
                parts may be another one.

        Raises:
            ValueError: If the rows, their order or the batch size are others, or the state is none.
        """
        names = set(self.state_dict())
        if not isinstance(state, dict) or set(state) != names:
            raise ValueError(f"a place in the data has {sorted(names)}, got {state!r:.200}")
        here = {"rows": rows_digest(self.rows), "batch_size": self.batch_size}
        for name, mine in here.items():
            if state[name] != mine:
                raise ValueError(f"{name} is {mine} here and {state[name]} in the saved state")
        taken, most = state["taken"], self.batches_per_epoch * self.batch_size
        if type(taken) is not int or not 0 <= taken <= most or taken % self.part_size:
            raise ValueError(
                f"taken must be 0 to {most}, in steps of {self.part_size}, got {taken!r}"
            )
        try:
            epoch_start = torch.tensor(list(bytes.fromhex(state["epoch_start"])), dtype=torch.uint8)
            torch.Generator().set_state(epoch_start)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"epoch_start is no state of a generator: {error}") from None
        self.generator.set_state(epoch_start)
        self._epoch_start = epoch_start
        self._order = None
        if state["started"]:
            self._order = torch.randperm(len(self.rows), generator=self.generator)
        self._taken = taken


def rows_digest(rows: Int[Tensor, "N T_plus_1"]) -> str:
    """Name rows by their content and order: the first 16 hexadecimal digits of a SHA-256.

    Args:
        rows: Rows of ids.
    """
    total = hashlib.sha256(f"{rows.dtype}{tuple(rows.shape)}".encode())
    for part in rows.split(4096):
        total.update(part.contiguous().cpu().numpy().tobytes())
    return total.hexdigest()[:16]


def batches(
    rows: Int[Tensor, "N T_plus_1"],
    batch_size: int,
    *,
    generator: torch.Generator,
    parts: int = 1,
) -> Batches:
    """Serve rows in random batches for ever; see ``Batches``.

    Args:
        rows: Rows of ids, as ``pack`` makes them.
        batch_size: B, rows a batch; at most the number of rows.
        generator: Draws the order; give every use its own.
        parts: Equal parts in which a batch is handed out, for ``train(accumulate=...)``. Which rows
            belong together does not depend on it.

    Returns:
        An endless iterator over ``Int "B T_plus_1"``.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the batch size does not fit the rows, or the parts do not divide it.
    """
    return Batches(rows, batch_size, generator=generator, parts=parts)
