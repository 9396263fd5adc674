"""Collectives made of plain sends and receives, in a fixed order of summation.

The gloo library has no reduce-scatter of its own: it runs an all-reduce and throws most of it
away. Here every rank sends each other rank exactly the piece that one owns, and the owner adds the
pieces in rank order. That is the least volume possible, and the sum no longer depends on timing:
training gives the same bits every time, at every stage.

With the data travels a short header: which operation, which unit, how many elements. Ranks that
disagree find out at once, by name, instead of hanging or mixing up data.

Starting an operation posts its sends and receives and returns; gloo moves the data meanwhile. The
function returned finishes it: it waits, compares headers, and adds up.

Chapter: 18_multi_gpu_zero
"""

import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.distributed.errors import CollectiveError, CollectiveTimeout, RankMismatch

OPERATIONS = ("all-gather", "reduce-scatter", "barrier")
DTYPES = (
    *(torch.float32, torch.float64, torch.bfloat16, torch.float16),
    *(torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool),
)
_FIXED = 5  # sequence number, operation, unit, elements, dtype
_FLAG_BITS = 62


class Opening(NamedTuple):
    """An operation that has begun: its headers are on the way.

    Attributes:
        header: what this rank has sent.
        tensor: the same as a tensor, which has to outlive its sending.
        receives: rank, buffer and work of every other rank's header.
        sends: works.
        tag: the data's tag. It is made from the header, so that data of different operations
            never meets.
        what: a description for messages.
    """

    header: list[int]
    tensor: Tensor
    receives: list[tuple[int, Tensor, Any]]
    sends: list[tuple[int, Any]]
    tag: int
    what: str


class DirectExchange:
    """Runs collectives over the point-to-point operations of a process group."""

    def __init__(self, group: Any, timeout: float, channel: int) -> None:
        self.group, self.timeout, self.channel = group, timedelta(seconds=timeout), channel
        self.rank, self.size = group.rank(), group.size()
        self.others = [r for r in range(self.size) if r != self.rank]
        self.sequence = 0
        self.labels: list[str] = [""]
        self.flag_words = 1

    def agree(self, labels: Sequence[str], n_flags: int) -> None:
        """Set the unit labels and the number of flags a header can carry, equal on all ranks."""
        self.labels = list(labels)
        self.flag_words = max(1, -(-n_flags // _FLAG_BITS))

    def all_gather(self, out: Tensor, shard: Tensor, label: str) -> Callable[[], None]:
        """Start filling ``out`` with the shards of all ranks, in rank order."""
        n = shard.numel()
        opening = self._open("all-gather", label, n, shard.dtype, 0)
        sends = [(r, self.group.send([shard], r, opening.tag)) for r in self.others]
        receives = [
            (r, self.group.recv([out[r * n : (r + 1) * n]], r, opening.tag)) for r in self.others
        ]
        mine = out[self.rank * n : (self.rank + 1) * n]
        if mine.data_ptr() != shard.data_ptr():
            mine.copy_(shard)

        def finish() -> None:
            self._check(opening)
            for r, work in receives + sends:
                self._wait(work, r, opening.what)

        return finish

    def reduce_scatter(
        self, source: Tensor, out: Tensor, start: Tensor | None, flags: int, label: str
    ) -> Callable[[], int]:
        """Start adding up every rank's piece of ``source`` that this rank owns, in rank order.

        Args:
            source: ``W * n`` elements, piece ``r`` for rank ``r``.
            out: ``n`` elements, the sum; may be this rank's own piece of ``source``.
            start: a sum to go on from, or None to begin with rank 0's piece.
            flags: a bit set that the result is the union of.
            label: the unit, for messages.
        """
        pieces = source.view(self.size, out.numel())
        own = pieces[self.rank]
        opening = self._open("reduce-scatter", label, out.numel(), source.dtype, flags)
        sends = [(r, self.group.send([pieces[r]], r, opening.tag)) for r in self.others]
        # two receive buffers, whatever the number of ranks: memory stays small
        waiting = list(self.others)
        under_way = [
            self._receive(waiting.pop(0), torch.empty_like(own), opening.tag)
            for _ in range(min(2, len(waiting)))
        ]
        total = _room_for_sum(own, out, start)

        def finish() -> int:
            union = self._check(opening) | flags
            if start is not None and total is not start:
                total.copy_(start)
            for r in range(self.size):
                piece = own
                if r != self.rank:
                    _, piece, work = under_way.pop(0)
                    self._wait(work, r, opening.what)
                if r == 0 and start is None:
                    total.copy_(piece)
                else:
                    total.add_(piece)
                if r != self.rank and waiting:
                    under_way.append(self._receive(waiting.pop(0), piece, opening.tag))
            if total.data_ptr() != out.data_ptr():
                out.copy_(total)
            for r, work in sends:
                self._wait(work, r, opening.what)
            return union

        return finish

    def barrier(self, label: str) -> Callable[[], Any]:
        """Start waiting until every rank has come here."""
        opening = self._open("barrier", label, 0, torch.uint8, 0)
        return lambda: self._check(opening)

    def _receive(self, sender: int, buffer: Tensor, tag: int) -> tuple[int, Tensor, Any]:
        return sender, buffer, self.group.recv([buffer], sender, tag)

    def _open(self, operation: str, label: str, n: int, dtype: torch.dtype, flags: int) -> Opening:
        self.sequence += 1
        unit = self.labels.index(label) if label in self.labels else -1
        header = [self.sequence, OPERATIONS.index(operation), unit, n, DTYPES.index(dtype)]
        mask = 2**_FLAG_BITS - 1
        words = [(flags >> (_FLAG_BITS * i)) & mask for i in range(self.flag_words)]
        tensor = torch.tensor(header + words, dtype=torch.int64)
        sends = [(r, self.group.send([tensor], r, self.channel)) for r in self.others]
        receives = [self._receive(r, torch.empty_like(tensor), self.channel) for r in self.others]
        tag = 2**30 | zlib.crc32(repr((self.channel, header)).encode()) >> 2
        what = f"operation {self.sequence}, {operation} of {label or 'root'!r}"
        return Opening(header, tensor, receives, sends, tag, what)

    def _check(self, opening: Opening) -> int:
        """Wait for all headers, compare them with this rank's, return the union of their flags."""
        flags = 0
        for r, tensor, work in opening.receives:
            self._wait(work, r, opening.what)
            theirs = tensor.tolist()
            if theirs[:_FIXED] != opening.header:
                raise RankMismatch(
                    f"the ranks no longer agree: rank {self.rank} is at "
                    f"{self._describe(opening.header)}, rank {r} at {self._describe(theirs)}. "
                    "Every rank has to run the same units in the same order"
                )
            for i, word in enumerate(theirs[_FIXED:]):
                flags |= word << (_FLAG_BITS * i)
        for r, work in opening.sends:
            self._wait(work, r, opening.what)
        return flags

    def _describe(self, header: list[int]) -> str:
        sequence, operation, unit, n, dtype = header[:_FIXED]
        known = 0 <= unit < len(self.labels)
        where = f" of {self.labels[unit] or 'root'!r}" if known else ""
        kind = str(DTYPES[dtype]).removeprefix("torch.")
        return f"operation {sequence}: {OPERATIONS[operation]}{where}, {n} elements of {kind}"

    def _wait(self, work: Any, other: int, what: str) -> None:
        try:
            work.wait(self.timeout)
        except RuntimeError as error:
            if "timed out" in str(error).lower():
                raise CollectiveTimeout(
                    f"rank {self.rank} waited {self.timeout.total_seconds():.0f} s "
                    f"for rank {other} at {what}; rank {other} never came there"
                ) from error
            raise CollectiveError(
                f"rank {self.rank} lost the connection to rank {other} at {what}"
            ) from error


def _room_for_sum(own: Tensor, out: Tensor, start: Tensor | None) -> Tensor:
    """Return where to add up: ``start`` or ``out`` where type and place allow, or new memory."""
    wide = torch.promote_types(own.dtype, torch.float32)
    if start is not None and start.dtype == wide:
        return start
    if out.dtype == wide and out.data_ptr() != own.data_ptr():
        return out
    return torch.empty(out.shape, dtype=wide, device=out.device)
