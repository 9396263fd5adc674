"""Collectives made of plain sends and receives, in a fixed order of summation.

The gloo library has no reduce-scatter of its own: it runs an all-reduce and throws most of it
away. Here every rank sends each other rank exactly the piece that one owns, and the owner adds the
pieces in rank order. That is the least volume possible, and the sum no longer depends on timing:
training gives the same bits every time, at every stage.

Before any data travels the ranks exchange a short header: which operation, which unit, how many
elements. Ranks that disagree find out at once, by name, instead of hanging or mixing up data.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

from course_lib.distributed.errors import CollectiveError, CollectiveTimeout, RankMismatch

OPERATIONS = ("all-gather", "reduce-scatter", "barrier")
DTYPES = (
    *(torch.float32, torch.float64, torch.bfloat16, torch.float16),
    *(torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool),
)
_FIXED = 5  # sequence number, operation, unit, elements, dtype


class DirectExchange:
    """Runs one collective at a time over the point-to-point operations of a process group."""

    def __init__(self, group: Any, timeout: float, channel: int) -> None:
        self.group, self.timeout = group, timedelta(seconds=timeout)
        self._header_tag, self._data_tag = 2 * channel, 2 * channel + 1
        self.rank, self.size = group.rank(), group.size()
        self.others = [r for r in range(self.size) if r != self.rank]
        self.sequence = 0
        self.labels: list[str] = [""]
        self.flag_words = 1

    def agree(self, labels: Sequence[str], n_flags: int) -> None:
        """Set the unit labels and the number of flags a header can carry, equal on all ranks."""
        self.labels = list(labels)
        self.flag_words = max(1, -(-n_flags // 62))

    def all_gather(self, out: Tensor, shard: Tensor, label: str) -> None:
        """Fill ``out`` with the shards of all ranks, in rank order."""
        n = shard.numel()
        headers = self._headers("all-gather", label, n, shard.dtype, 0)
        sends = [self.group.send([shard], r, self._data_tag) for r in self.others]
        self._check(headers, "all-gather", label)
        mine = out[self.rank * n : (self.rank + 1) * n]
        if mine.data_ptr() != shard.data_ptr():
            mine.copy_(shard)
        receives = [
            (r, self.group.recv([out[r * n : (r + 1) * n]], r, self._data_tag)) for r in self.others
        ]
        for r, work in receives:
            self._wait(work, r, "all-gather", label)
        for r, work in zip(self.others, sends, strict=True):
            self._wait(work, r, "all-gather", label)

    def reduce_scatter(
        self,
        source: Tensor,
        out: Tensor,
        start: Tensor | None,
        flags: int,
        label: str,
        scratch: list[Tensor],
    ) -> int:
        """Add up every rank's piece of ``source`` that this rank owns, in rank order.

        Args:
            source: ``W * n`` elements, piece ``r`` for rank ``r``.
            out: ``n`` elements, the sum; may be this rank's own piece of ``source``.
            start: a sum to go on from, or None to begin with rank 0's piece.
            flags: a bit set that the result is the union of.
            label: the unit, for messages.
            scratch: from :meth:`scratch`.
        """
        n = out.numel()
        pieces = source.view(self.size, n)
        headers = self._headers("reduce-scatter", label, n, source.dtype, flags)
        sends = [self.group.send([pieces[r]], r, self._data_tag) for r in self.others]
        flags = self._check(headers, "reduce-scatter", label) | flags
        self._sum(pieces, out, start, label, scratch)
        for r, work in zip(self.others, sends, strict=True):
            self._wait(work, r, "reduce-scatter", label)
        return flags

    def scratch(self, source: Tensor, out: Tensor, start: Tensor | None) -> list[Tensor]:
        """Allocate what a reduction needs: two receive buffers, and room for the sum.

        The caller allocates and frees, so that memory is counted where it is asked for. The first
        tensor is the sum; it is ``out`` itself where type and place allow.
        """
        n = out.numel()
        own = source[self.rank * n : (self.rank + 1) * n]
        wide = torch.promote_types(source.dtype, torch.float32)
        if start is not None and start.dtype == wide:
            total = start
        elif out.dtype == wide and out.data_ptr() != own.data_ptr():
            total = out
        else:
            total = torch.empty(out.shape, dtype=wide, device=out.device)
        return [total, *(torch.empty_like(own) for _ in range(min(2, len(self.others))))]

    def _sum(
        self,
        pieces: Tensor,
        out: Tensor,
        start: Tensor | None,
        label: str,
        scratch: list[Tensor],
    ) -> None:
        """Receive and add in rank order, with two receive buffers whatever the rank count."""
        own, (total, *free) = pieces[self.rank], scratch
        if start is not None and total is not start:
            total.copy_(start)
        queue: dict[int, tuple[Tensor, Any]] = {}
        waiting = list(self.others)
        for r in range(self.size):
            while waiting and free:
                sender, buffer = waiting.pop(0), free.pop()
                queue[sender] = buffer, self.group.recv([buffer], sender, self._data_tag)
            piece = own
            if r != self.rank:
                piece, work = queue.pop(r)
                self._wait(work, r, "reduce-scatter", label)
            if r == 0 and start is None:
                total.copy_(piece)
            else:
                total.add_(piece)
            if r != self.rank:
                free.append(piece)
        if total.data_ptr() != out.data_ptr():
            out.copy_(total)

    def barrier(self, label: str) -> None:
        """Return once every rank has come here."""
        self._check(self._headers("barrier", label, 0, torch.uint8, 0), "barrier", label)

    def _headers(
        self, operation: str, label: str, n: int, dtype: torch.dtype, flags: int
    ) -> tuple[list[int], list[tuple[int, Tensor, Any]], list[Any], Tensor]:
        self.sequence += 1
        unit = self.labels.index(label) if label in self.labels else -1
        mine = [self.sequence, OPERATIONS.index(operation), unit, n, DTYPES.index(dtype)]
        words = [(flags >> (62 * i)) & (2**62 - 1) for i in range(self.flag_words)]
        header = torch.tensor(mine + words, dtype=torch.int64)
        sends = [self.group.send([header], r, self._header_tag) for r in self.others]
        receives = []
        for r in self.others:
            theirs = torch.empty_like(header)
            receives.append((r, theirs, self.group.recv([theirs], r, self._header_tag)))
        return mine, receives, sends, header  # the header has to outlive the sends

    def _check(
        self,
        headers: tuple[list[int], list[tuple[int, Tensor, Any]], list[Any], Tensor],
        operation: str,
        label: str,
    ) -> int:
        """Wait for all headers, compare them with this rank's, return the union of their flags."""
        mine, receives, sends, _ = headers
        flags = 0
        for r, tensor, work in receives:
            self._wait(work, r, operation, label)
            theirs = tensor.tolist()
            if theirs[:_FIXED] != mine:
                raise RankMismatch(
                    f"the ranks no longer agree: rank {self.rank} is at {self._describe(mine)}, "
                    f"rank {r} at {self._describe(theirs)}. Every rank has to run the same units "
                    "in the same order"
                )
            for i, word in enumerate(theirs[_FIXED:]):
                flags |= word << (62 * i)
        for r, work in zip(self.others, sends, strict=True):
            self._wait(work, r, operation, label)
        return flags

    def _describe(self, header: list[int]) -> str:
        sequence, operation, unit, n, dtype = header[:_FIXED]
        known = 0 <= unit < len(self.labels)
        where = f" of {self.labels[unit] or 'root'!r}" if known else ""
        kind = str(DTYPES[dtype]).removeprefix("torch.")
        return f"operation {sequence}: {OPERATIONS[operation]}{where}, {n} elements of {kind}"

    def _wait(self, work: Any, other: int, operation: str, label: str) -> None:
        try:
            work.wait(self.timeout)
        except RuntimeError as error:
            where = f"operation {self.sequence}, {operation} of {label or 'root'!r}"
            if "timed out" in str(error).lower():
                raise CollectiveTimeout(
                    f"rank {self.rank} waited {self.timeout.total_seconds():.0f} s "
                    f"for rank {other} at {where}; rank {other} never came there"
                ) from error
            raise CollectiveError(
                f"rank {self.rank} lost the connection to rank {other} at {where}"
            ) from error
