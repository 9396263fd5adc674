"""One flat of parameters: where its elements are, whole or sharded, and how its gradients leave.

The parameters of a flat are views of one buffer. In stage 3 that buffer's memory is given back
between uses by shrinking its storage to nothing, and gathered again into the *same* storage:
autograd keeps views of the weights for the backward pass, and these become valid again. Whoever
else holds a view would read memory that is gone. So the holders are counted, and if there is one
that autograd does not account for, the memory is left to it and the flat takes another.
"""

import enum
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm, Pending
from course_lib.distributed.torch_private import n_holders, storage_key
from course_lib.distributed.zero.parameters import (
    AbsentParameter,
    Place,
    attach,
    gradient_of,
    mark,
    set_gradient,
)
from course_lib.distributed.zero.plan import FlatPlan
from course_lib.distributed.zero.stages import STAGES

NO_SPARSE = "sharded training adds dense gradients; use Embedding(sparse=False)"


class Residence(enum.Enum):
    """Where the parameters of a flat are."""

    SHARDED = "sharded"
    GATHERING = "gathering"
    FULL = "full"


class Allocation:
    """One allocation, and how many of its tensors autograd keeps.

    Attributes:
        key: the same number for all tensors in it.
        n_saved: saved tensors that are alive.
    """

    __slots__ = ("key", "n_saved")

    def __init__(self, key: int) -> None:
        self.key, self.n_saved = key, 0


class Flat:
    """Storage and life cycle of one :class:`~course_lib.distributed.zero.plan.FlatPlan`.

    Attributes:
        full: all elements with padding, in the type the model computes with.
        shard: the elements this rank owns; a part of ``full`` in stages 0 to 2.
        master: what the optimizer updates: ``shard`` itself, or its copy in the original type.
        grad: the sum of the gradients of all ranks for what this rank's optimizer updates.

    Args:
        plan: the plan.
        parameters: the parameters, in the order of the plan's slots, holding their values.
        comm: collectives.
        stage: 0 to 3.
        param_dtype: type to compute with, or None to keep the parameters' own, as integers do.
        grad_dtype: type to store gradients in, or None for the original type.
        broadcast: take the values of rank 0.
    """

    def __init__(
        self,
        plan: FlatPlan,
        parameters: list[nn.Parameter],
        comm: Comm,
        stage: int,
        param_dtype: torch.dtype | None,
        grad_dtype: torch.dtype | None,
        *,
        broadcast: bool = True,
    ) -> None:
        self.plan, self.parameters, self.comm = plan, parameters, comm
        self.sharded = STAGES[stage]
        original, device = parameters[0].dtype, parameters[0].device
        self.dtype = param_dtype if param_dtype and original.is_floating_point else original
        self.grad_dtype = grad_dtype or original
        start = comm.rank * plan.shard
        source = torch.zeros(plan.padded, dtype=original, device=device)
        for slot, parameter in zip(plan.slots, parameters, strict=True):
            part = source[slot.offset : slot.offset + slot.numel]
            part.copy_(parameter.detach().reshape(-1))
        if broadcast:
            comm.broadcast(source)
        self.full = source if self.dtype == original else source.to(self.dtype)
        self.shard = self.full[start : start + plan.shard]
        if self.sharded.parameters:
            self.shard = self.shard.clone()
        self.master = self.shard if self.sharded.optimizer else self.full
        if self.dtype != original and plan.trainable:
            own = source[start : start + plan.shard]
            self.master = own.clone() if self.sharded.optimizer else source
        del source
        self._bytes = self.full.untyped_storage().nbytes()
        self._empty = torch.empty(0, dtype=self.dtype, device=device)
        self.state = Residence.FULL
        self._pending: Pending | None = None
        self.held = 0  # how many blocks of gathered() are open
        self.by_key: dict[int, Flat] = {}
        self._take_views()
        for slot, parameter, view in zip(plan.slots, parameters, self.views, strict=True):
            mark(parameter, Place(slot.name, plan.unit or "root", torch.Size(slot.shape)))
            parameter.data = view
        self.kinds = [type(parameter) for parameter in parameters]
        self.grad: Tensor | None = None
        self.used = 0  # bit i: some rank has a gradient for slot i
        self.averaged = False
        self.reduced = False
        self._local: Tensor | None = None  # this rank's own gradients, not yet reduced
        self._start: Tensor | None = None  # stages 0 and 1: the sum of earlier backward passes
        self._filled = 0  # bit i: slot i of the local buffer holds a gradient
        self.release()

    # ---- parameters

    def _take_views(self) -> None:
        self.views = [
            self.full[slot.offset : slot.offset + slot.numel].view(slot.shape)
            for slot in self.plan.slots
        ]
        self.memory = Allocation(storage_key(self.full))
        self.by_key[self.memory.key] = self
        self._n_own = len(self.views) + n_holders(torch.empty(1, dtype=self.dtype))

    def register(self, by_key: "dict[int, Flat]") -> None:
        """Keep this flat in a dictionary under the key of its memory, whenever that changes."""
        self.by_key = by_key
        by_key[self.memory.key] = self

    def gather(self) -> None:
        """Start making the parameters whole; nothing happens if they are, or are on the way."""
        if self.state is Residence.SHARDED:
            self.full.untyped_storage().resize_(self._bytes)
            self._pending = self.comm.all_gather(self.full, self.shard, label=self.plan.name)
            self.state = Residence.GATHERING

    def ready(self) -> None:
        """Return once the parameters are whole."""
        if self.state is Residence.FULL:
            return
        self.gather()
        self._finish_gather()
        for parameter, view, kind in zip(self.parameters, self.views, self.kinds, strict=True):
            attach(parameter, view, kind)
        self.state = Residence.FULL

    def _finish_gather(self) -> None:
        assert self._pending is not None
        pending, self._pending = self._pending, None
        try:
            pending.wait()
        except BaseException:
            self.state = Residence.FULL  # nothing is on the way any more: release() may free it
            self.release()
            raise

    def release(self) -> None:
        """Give the memory of the whole parameters back (stage 3); the shard stays.

        The parameters become empty and of a class that says so when they are used by mistake.
        """
        if not self.sharded.parameters or self.held or self.state is Residence.SHARDED:
            return
        if self.state is Residence.GATHERING:
            self._finish_gather()
        for parameter in self.parameters:
            attach(parameter, self._empty, AbsentParameter)
        if n_holders(self.full) > self._n_own + self.memory.n_saved:
            del self.by_key[self.memory.key]
            self.full = torch.empty_like(self.full)  # somebody reads the old one: it lives on
            self._take_views()
        self.full.untyped_storage().resize_(0)
        self.state = Residence.SHARDED

    def publish(self) -> bool:
        """Bring what the optimizer has changed to this rank's part of :attr:`full`.

        Returns:
            Whether the other ranks' parts have to be gathered now (stages 1 and 2).

        Raises:
            RuntimeError: the parameters are gathered for reading (stage 3).
        """
        if self.held and self.sharded.parameters:
            raise RuntimeError("parameters cannot change inside gathered(): step or load after it")
        updated = self.shard if self.sharded.optimizer else self.full
        if self.master.dtype != self.dtype:
            updated.copy_(self.master)
        self.release()
        # autograd finds out that what it has saved for older graphs is no longer so
        torch.autograd.graph.increment_version(self.parameters)
        return self.sharded.optimizer and not self.sharded.parameters

    def pieces(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield ``(slot index, start, stop, position)`` for what this rank's optimizer updates.

        ``start`` and ``stop`` count inside the parameter, ``position`` in :attr:`master` and
        :attr:`grad`. In stage 0 every rank updates everything.
        """
        if not self.sharded.optimizer:
            for index, slot in enumerate(self.plan.slots):
                if slot.numel:
                    yield index, 0, slot.numel, slot.offset
            return
        low, _ = self.plan.bounds(self.comm.rank)
        index_of = {slot.name: index for index, slot in enumerate(self.plan.slots)}
        for slot, start, stop in self.plan.rank_slices(self.comm.rank):
            yield index_of[slot.name], start, stop, slot.offset + start - low

    # ---- gradients

    def take(self, index: int, *, keep: bool) -> None:
        """Move the gradient of parameter ``index`` into the flat buffer and free it.

        Args:
            index: which slot.
            keep: the buffer will live on after this backward pass, without a reduction.

        Raises:
            RuntimeError: the gradients of this step have been averaged already.
        """
        parameter, slot = self.parameters[index], self.plan.slots[index]
        gradient = gradient_of(parameter)
        set_gradient(parameter, None)
        assert gradient is not None
        if gradient.is_sparse:
            raise RuntimeError(f"the gradient of {slot.name!r} is sparse: {NO_SPARSE}")
        if self.averaged:
            raise RuntimeError(
                "backward() after clip_grad_norm_() or step(): call zero_grad() first, "
                "these gradients are already averaged"
            )
        local = self._buffer(keep)
        part = local[slot.offset : slot.offset + slot.numel].view(slot.shape)
        if self._filled >> index & 1:
            part.add_(gradient)
        else:
            part.copy_(gradient)
            self._filled |= 1 << index

    def _buffer(self, keep: bool) -> Tensor:
        if (
            not self.sharded.gradients
            and self.reduced
            and self._filled == 0
            and self._start is None
        ):
            self._start = self._own().clone()  # a second backward: go on from the first one's sum
        if self._local is None:
            wide = keep or not self.sharded.gradients
            dtype = self.grad_dtype if wide else self.dtype
            self._local = torch.empty(self.plan.padded, dtype=dtype, device=self.shard.device)
        return self._local

    def _own(self) -> Tensor:
        assert self._local is not None
        n = self.plan.shard
        return self._local[self.comm.rank * n : (self.comm.rank + 1) * n]

    def reduce(self) -> Pending:
        """Start adding the gradients up over the ranks; :meth:`reduced_by` takes the result."""
        local = self._buffer(keep=False)
        for index, slot in enumerate(self.plan.slots):
            if not self._filled >> index & 1:
                local[slot.offset : slot.offset + slot.numel].zero_()
        for start, stop in self.plan.gaps:
            local[start:stop].zero_()
        flags, label = self._filled, self.plan.name
        if not self.sharded.optimizer:
            pending = self.comm.all_reduce(local, start=self._start, flags=flags, label=label)
            self.grad = local
        elif not self.sharded.gradients:
            own = self._own()
            begin = self._start
            pending = self.comm.reduce_scatter(local, own, start=begin, flags=flags, label=label)
            self.grad = own
        else:
            begin = self.grad if self.reduced else None
            if self.grad is None:
                self.grad = torch.empty(
                    self.plan.shard, dtype=self.grad_dtype, device=self.shard.device
                )
            pending = self.comm.reduce_scatter(
                local, self.grad, start=begin, flags=flags, label=label
            )
        return pending

    def reduced_by(self, pending: Pending) -> None:
        """Wait for a reduction and take note of it."""
        self.used |= pending.wait()
        self._start, self._filled = None, 0
        self.reduced, self.averaged = True, False
        if self.sharded.gradients:
            self._local = None

    def average(self, factor: float) -> None:
        """Multiply the sum by ``factor``, once."""
        if self.reduced and not self.averaged and self.grad is not None:
            if factor != 1.0:
                self.grad.mul_(factor)
            self.averaged = True

    def drop_gradients(self) -> None:
        """Forget all gradients, also those of a backward pass that was broken off."""
        self.grad = self._local = self._start = None
        self.used = self._filled = 0
        self.reduced = self.averaged = False
        for parameter in self.parameters:
            set_gradient(parameter, None)
