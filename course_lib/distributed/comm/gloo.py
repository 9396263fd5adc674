"""Collectives made of plain sends and receives, in a fixed order of summation.

The gloo library has no reduce-scatter of its own: it runs an all-reduce and throws most of it
away. Here every rank sends each other rank exactly the piece that one owns, and the owner adds the
pieces in rank order. That is the least volume possible, and the sum no longer depends on timing:
training gives the same bits every time, at every stage.

With the data travels a short header: which operation, which unit, how many elements. Ranks that
disagree find out at once, by name, instead of hanging or mixing up data. What is small rides in the
same message as its header: there, the number of messages is the cost.

Starting an operation posts its receives and sends and returns; gloo moves the data meanwhile. The
function returned finishes it: it waits, compares headers, and adds up.
"""

import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.distributed.comm.errors import CollectiveError, CollectiveTimeout, RankMismatch

OPERATIONS = ("all-gather", "reduce-scatter", "barrier")
DTYPES = (
    *(torch.float32, torch.float64, torch.bfloat16, torch.float16),
    *(torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool),
)
_FIXED = 5  # sequence number, operation, unit, elements, dtype
_FLAG_BITS = 62
_SMALL = 4096  # bytes that travel with the header


class Opening(NamedTuple):
    """An operation that has begun: its headers are on the way.

    Attributes:
        header: what this rank has sent.
        frames: the messages with it, which have to outlive their sending.
        receives: rank, buffer and work of every other rank's message.
        sends: works.
        tag: the data's tag. It is made from the header, so that data of different operations
            never meets.
        what: a description for messages.
    """

    header: list[int]
    frames: list[Tensor]
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

    def all_gather(self, pairs: Sequence[tuple[Tensor, Tensor]], label: str) -> Callable[[], None]:
        """Start filling each ``out`` with its ``shard`` of all ranks, in rank order.

        Args:
            pairs: ``(out, shard)``; one header for all of them.
            label: the unit, for messages.
        """
        n = sum(shard.numel() for _, shard in pairs)
        small = sum(shard.nbytes for _, shard in pairs) <= _SMALL
        payload = torch.cat([shard.view(torch.uint8) for _, shard in pairs]) if small else None
        opening = self._open("all-gather", label, n, pairs[0][1].dtype, 0, [payload])
        works: list[tuple[int, Any]] = []
        for out, shard in pairs:  # the same tag for all: they arrive in the order of sending
            n = shard.numel()
            if not small:
                works += [
                    (r, self.group.recv([out[r * n : (r + 1) * n]], r, opening.tag))
                    for r in self.others
                ]
                works += [(r, self.group.send([shard], r, opening.tag)) for r in self.others]
            mine = out[self.rank * n : (self.rank + 1) * n]
            if mine.data_ptr() != shard.data_ptr():
                mine.copy_(shard)

        def finish() -> None:
            self._check(opening)
            for r, work in works:
                self._wait(work, r, opening.what)
            for r, frame, _ in opening.receives if small else []:
                start = self.header_bytes
                for out, shard in pairs:
                    n, stop = shard.numel(), start + shard.nbytes
                    out[r * n : (r + 1) * n].view(torch.uint8).copy_(frame[start:stop])
                    start = stop

        return finish

    def reduce_scatter(
        self, source: Tensor, out: Tensor, start: Tensor | None, flags: int, label: str
    ) -> Callable[[], int]:
        """Start adding up every rank's piece of ``source`` that this rank owns, in rank order.

        Args:
            source: ``W * n`` elements, piece ``r`` for rank ``r``; this rank's own piece may be
                written over.
            out: ``n`` elements, the sum; may be this rank's own piece of ``source``.
            start: a sum to go on from, written over too, or None to begin with rank 0's piece.
            flags: a bit set that the result is the union of.
            label: the unit, for messages.
        """
        pieces = source.view(self.size, out.numel())
        own = pieces[self.rank]
        small = own.nbytes <= _SMALL
        payloads = [piece.view(torch.uint8) if small else None for piece in pieces]
        opening = self._open("reduce-scatter", label, out.numel(), source.dtype, flags, payloads)
        sends: list[tuple[int, Any]] = []
        waiting: list[int] = []
        if small:
            bounds = slice(self.header_bytes, self.header_bytes + own.nbytes)
            under_way = [(r, b[bounds].view(own.dtype), None) for r, b, _ in opening.receives]
        else:
            # two receive buffers, whatever the number of ranks: memory stays small
            waiting = list(self.others)
            under_way = [
                self._receive(waiting.pop(0), torch.empty_like(own), opening.tag)
                for _ in range(min(2, len(waiting)))
            ]
            sends = [(r, self.group.send([pieces[r]], r, opening.tag)) for r in self.others]
        wide = torch.promote_types(own.dtype, torch.float32)
        separate = out.data_ptr() != own.data_ptr()

        def finish() -> int:
            union = self._check(opening) | flags
            total = None if start is None else start.to(wide)
            idle: list[Tensor] = []  # buffers that hold no piece still to be added
            for r in range(self.size):
                piece = own
                if r != self.rank:
                    _, piece, work = under_way.pop(0)
                    if work is not None:
                        self._wait(work, r, opening.what)
                    idle.append(piece)
                if total is not None:
                    # not over this rank's own piece before that is added
                    free = out.dtype == wide and (separate or r >= self.rank)
                    total = torch.add(total, piece, out=out if free else total)
                elif piece.dtype == wide:
                    total = piece  # a sum of two takes one pass, without a copy of the first
                else:
                    total = out.copy_(piece) if out.dtype == wide else piece.to(wide)
                for buffer in [b for b in idle if b is not total][: len(waiting)]:
                    idle = [b for b in idle if b is not buffer]
                    under_way.append(self._receive(waiting.pop(0), buffer, opening.tag))
            if total is not None and total.data_ptr() != out.data_ptr():
                out.copy_(total)
            for r, work in sends:
                self._wait(work, r, opening.what)
            return union

        return finish

    def barrier(self, label: str) -> Callable[[], Any]:
        """Start waiting until every rank has come here."""
        opening = self._open("barrier", label, 0, torch.uint8, 0, [None])
        return lambda: self._check(opening)

    def _receive(self, sender: int, buffer: Tensor, tag: int) -> tuple[int, Tensor, Any]:
        return sender, buffer, self.group.recv([buffer], sender, tag)

    @property
    def header_bytes(self) -> int:
        """Bytes of a header, at the front of every frame."""
        return 8 * (_FIXED + self.flag_words)

    def _open(
        self,
        operation: str,
        label: str,
        n: int,
        dtype: torch.dtype,
        flags: int,
        payloads: Sequence[Tensor | None],
    ) -> Opening:
        """Send a header to every rank, and small data with it: one payload for all, or one each."""
        self.sequence += 1
        unit = self.labels.index(label) if label in self.labels else -1
        header = [self.sequence, OPERATIONS.index(operation), unit, n, DTYPES.index(dtype)]
        mask = 2**_FLAG_BITS - 1
        words = [(flags >> (_FLAG_BITS * i)) & mask for i in range(self.flag_words)]
        head = torch.tensor(header + words, dtype=torch.int64).view(torch.uint8)
        frames = [head if load is None else torch.cat([head, load]) for load in payloads]
        # room for any small payload: what the other rank sends may be another operation's
        room = self.header_bytes + _SMALL
        receives = [
            self._receive(r, torch.empty(room, dtype=torch.uint8), self.channel)
            for r in self.others
        ]
        sends = [
            (r, self.group.send([frames[r if len(frames) > 1 else 0]], r, self.channel))
            for r in self.others
        ]
        tag = 2**30 | zlib.crc32(repr((self.channel, header)).encode()) >> 2
        what = f"operation {self.sequence}, {operation} of {label or 'root'!r}"
        return Opening(header, frames, receives, sends, tag, what)

    def _check(self, opening: Opening) -> int:
        """Wait for all headers, compare them with this rank's, return the union of their flags."""
        flags = 0
        for r, frame, work in opening.receives:
            self._wait(work, r, opening.what)
            theirs = frame[: self.header_bytes].view(torch.int64).tolist()
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
