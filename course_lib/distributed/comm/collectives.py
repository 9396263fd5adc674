"""The few collective operations that data parallelism needs, counted and checked."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from course_lib.distributed.comm.gloo import DirectExchange
from course_lib.distributed.torch_private import timeout_of

POLICIES = ("auto", "direct", "native")
DEFAULT_TIMEOUT = 60.0
_channels = itertools.count()


class Pending:
    """A collective under way; :meth:`wait` finishes it and returns its result.

    Args:
        finish: what is left to do, or None if nothing is.
        result: the result if nothing is left to do.
    """

    def __init__(self, finish: Callable[[], Any] | None = None, result: Any = None) -> None:
        self._finish, self._result = finish, result

    def wait(self) -> Any:
        """Wait for the end and return the result."""
        if self._finish is not None:
            finish, self._finish = self._finish, None
            self._result = finish()
        return self._result


class Comm:
    """Collectives over one process group, in one fixed order.

    Making one is itself collective: every rank has to, in the same order.
    ``policy="direct"`` (what "auto" takes on gloo) is
    :class:`~course_lib.distributed.comm.gloo.DirectExchange`, ``"native"`` (NCCL) the backend's own
    operations. Both move data while the caller goes on computing.
    Without a process group there is one rank and nothing travels.

    Args:
        group: a process group, or None for the default one where there is one.
        policy: "auto", "direct" or "native".
        timeout: seconds to wait for the other ranks; None takes that of the process group.

    Raises:
        ValueError: unknown policy, or a time-out that is not positive.
    """

    def __init__(
        self, group: Any = None, *, policy: str = "auto", timeout: float | int | None = None
    ) -> None:
        if policy not in POLICIES:
            raise ValueError(f"policy must be one of {POLICIES}, got {policy!r}")
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout must be positive, got {timeout}")
        if group is None and dist.is_available() and dist.is_initialized():
            group = dist.group.WORLD
        self.group = group
        self.rank = group.rank() if group is not None else 0
        self.world_size = group.size() if group is not None else 1
        if timeout is None:
            timeout = (group is not None and timeout_of(group)) or DEFAULT_TIMEOUT
        backend = dist.get_backend(group) if group is not None else "gloo"
        self.direct = backend == "gloo" if policy == "auto" else policy == "direct"
        self.sent: Counter[tuple[str, str]] = Counter()
        self.log: list[tuple[str, str, int]] | None = None
        self._exchange: DirectExchange | None = None
        if self.world_size > 1:
            # messages of two Comms must not meet: all take the highest of the ranks' next numbers
            channel = max(self.gather_objects(next(_channels)))
            self._exchange = DirectExchange(group, float(timeout), channel)
        self._failure: BaseException | None = None

    def agree(self, labels: Sequence[str], n_flags: int) -> None:
        """Tell the ranks what the units are called; every rank has to give the same."""
        if self._exchange is not None:
            self._exchange.agree(labels, n_flags)

    @property
    def bytes_sent(self) -> int:
        """Bytes of data this rank has sent in collectives so far."""
        return sum(self.sent.values())

    def all_gather(self, out: Tensor, shard: Tensor, *, label: str = "") -> Pending:
        """Start filling ``out`` (W * n elements) with every rank's ``shard`` (n elements).

        ``shard`` may be this rank's own part of ``out``.
        """
        return self.all_gather_many([(out, shard, label)])

    def all_gather_many(self, gathers: Sequence[tuple[Tensor, Tensor, str]]) -> Pending:
        """Start several all-gathers ``(out, shard, label)``, for which the ranks agree once."""
        for out, shard, label in gathers:
            self._count("all-gather", label, shard)
            if self._exchange is None:
                _copy_unless_same(out, shard)
        if self._exchange is None or not gathers:
            return Pending()
        if self.direct:
            pairs = [(out, shard) for out, shard, _ in gathers]
            label = gathers[0][2] if len(gathers) == 1 else "several units"
            return self._start(lambda exchange: exchange.all_gather(pairs, label))
        gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
        works = [gather(out, shard, group=self.group, async_op=True) for out, shard, _ in gathers]
        return Pending(lambda: [work.wait() for work in works])

    def reduce_scatter(
        self,
        source: Tensor,
        out: Tensor,
        *,
        start: Tensor | None = None,
        flags: int = 0,
        label: str = "",
    ) -> Pending:
        """Start summing the piece of ``source`` this rank owns over all ranks, into ``out``.

        The result of the wait is the union of all ranks' ``flags``, a bit set.

        Args:
            source: W * n elements; must not change before the wait.
            out: n elements; may be this rank's own piece of ``source``.
            start: a sum to go on from.
            flags: bits to unite.
            label: the unit.
        """
        self._count("reduce-scatter", label, out, source)
        if self._exchange is None:
            return Pending(result=_sum_one(source, out, start, flags))
        if self.direct:
            return self._start(
                lambda exchange: exchange.reduce_scatter(source, out, start, flags, label)
            )
        return self._native_reduce(source, out, start, flags)

    def _native_reduce(
        self, source: Tensor, out: Tensor, start: Tensor | None, flags: int
    ) -> Pending:
        total = torch.empty(out.shape, dtype=source.dtype, device=source.device)
        n_bits = flags.bit_length() if self._exchange is None else 62 * self._exchange.flag_words
        bits = torch.tensor([(flags >> i) & 1 for i in range(n_bits)], dtype=torch.uint8)
        bits = bits.to(source.device)
        reduce = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
        works = [
            reduce(total, source, group=self.group, async_op=True),
            dist.all_reduce(bits, op=dist.ReduceOp.MAX, group=self.group, async_op=True),
        ]

        def wait() -> int:
            for work in works:
                work.wait()
            out.copy_(total if start is None else total.to(start.dtype).add_(start))
            return sum(bit << i for i, bit in enumerate(bits.tolist()))

        return Pending(wait)

    def all_reduce(
        self,
        source: Tensor,
        *,
        start: Tensor | None = None,
        flags: int = 0,
        label: str = "",
    ) -> Pending:
        """Start summing ``source`` (W * n elements) in place, on every rank.

        The result of the wait is another one under way, the all-gather; its wait returns the
        union of the flags.
        """
        n = source.numel() // self.world_size
        own = source[self.rank * n : (self.rank + 1) * n]
        first = self.reduce_scatter(source, own, start=start, flags=flags, label=label)

        def gather() -> Pending:
            union = first.wait()
            second = self.all_gather(source, own, label=label)
            return Pending(lambda: (second.wait(), union)[1])

        return Pending(gather)

    def sum_over_ranks(self, values: Tensor) -> Tensor:
        """Return the sum of a small tensor over all ranks, added in rank order."""
        values = values.reshape(-1)
        gathered = torch.empty(
            values.numel() * self.world_size, dtype=values.dtype, device=values.device
        )
        self.all_gather(gathered, values.clone(), label="sum").wait()
        total = gathered[: values.numel()].clone()
        for r in range(1, self.world_size):
            total += gathered[r * values.numel() : (r + 1) * values.numel()]
        return total

    def gather_objects(self, value: Any) -> list[Any]:
        """Return every rank's ``value``, in rank order, on every rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value, group=self.group)
        return values

    def broadcast(self, tensor: Tensor, *, source: int = 0) -> None:
        """Overwrite ``tensor`` with that of rank ``source``."""
        if self.world_size > 1:
            dist.broadcast(tensor, src=dist.get_global_rank(self.group, source), group=self.group)

    def barrier(self, label: str = "barrier") -> None:
        """Return once every rank has come here."""
        if self._exchange is not None and self.direct:
            self._start(lambda exchange: exchange.barrier(label)).wait()
        elif self.world_size > 1:
            dist.barrier(group=self.group)

    def _count(self, operation: str, label: str, shard: Tensor, wire: Tensor | None = None) -> None:
        size = (wire if wire is not None else shard).element_size()
        self.sent[operation, label] += (self.world_size - 1) * shard.numel() * size
        if self.log is not None:
            self.log.append((operation, label, shard.numel()))

    def _start(self, begin: Callable[[DirectExchange], Callable[[], Any]]) -> Pending:
        """Begin a direct operation; after a failure, fail at once with the same error."""
        assert self._exchange is not None
        if self._failure is not None:
            raise self._failure
        finish = begin(self._exchange)

        def guarded() -> Any:
            try:
                return finish()
            except BaseException as error:
                self._failure = error
                raise

        return Pending(guarded)


def _copy_unless_same(out: Tensor, shard: Tensor) -> None:
    if out.data_ptr() != shard.data_ptr():
        out[: shard.numel()].copy_(shard)


def _sum_one(source: Tensor, out: Tensor, start: Tensor | None, flags: int) -> int:
    if start is not None:
        out.copy_(start.to(torch.promote_types(source.dtype, torch.float32)) + source)
    elif out.data_ptr() != source.data_ptr():
        out.copy_(source)
    return flags
