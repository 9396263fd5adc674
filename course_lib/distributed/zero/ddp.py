"""Plain data parallelism: every rank has everything, and gradients are averaged while they appear.

This is the simplest useful strategy and the first step of ZeRO's staircase. The model keeps its
ordinary parameters and works with any optimizer.

Chapter: 18_multi_gpu_zero
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm, Pending
from course_lib.distributed.torch_private import at_end_of_backward, backward_pass
from course_lib.distributed.zero import build
from course_lib.distributed.zero.plan import ALIGNMENT

BUCKET_BYTES = 25 * 2**20


class Bucket:
    """Parameters whose gradients travel together in one buffer."""

    def __init__(self, parameters: list[nn.Parameter], comm: Comm, label: str) -> None:
        self.parameters, self.comm, self.label = parameters, comm, label
        first, offsets, end = parameters[0], [], 0
        for parameter in parameters:
            offsets.append(end)
            end += -(-parameter.numel() // ALIGNMENT) * ALIGNMENT
        step = ALIGNMENT * comm.world_size
        self.buffer = torch.zeros(-(-end // step) * step, dtype=first.dtype, device=first.device)
        self.views = [
            self.buffer[offset : offset + p.numel()].view(p.shape)
            for offset, p in zip(offsets, parameters, strict=True)
        ]
        self.filled = 0

    def take(self, index: int) -> None:
        """Copy a new gradient into the buffer; from now on the buffer's view is the gradient."""
        parameter, view = self.parameters[index], self.views[index]
        assert parameter.grad is not None
        if parameter.grad.data_ptr() != view.data_ptr():
            view.copy_(parameter.grad)
            parameter.grad = view
        self.filled |= 1 << index

    @property
    def full(self) -> bool:
        """Whether every gradient has come."""
        return self.filled == 2 ** len(self.parameters) - 1

    def launch(self) -> Pending:
        """Start summing the buffer over the ranks; see :meth:`Comm.all_reduce`."""
        for index, view in enumerate(self.views):
            if not self.filled >> index & 1:  # not used by this backward; perhaps by an earlier one
                if self.parameters[index].grad is None:
                    view.zero_()
                else:
                    self.take(index)
        return self.comm.all_reduce(self.buffer, flags=self.filled, label=self.label)

    def finish(self, pending: Pending) -> None:
        """Wait until the sum is everywhere, average it, and make it the gradient."""
        used = pending.wait()
        self.buffer.mul_(1.0 / self.comm.world_size)
        for index, (parameter, view) in enumerate(zip(self.parameters, self.views, strict=True)):
            if used >> index & 1 or parameter.grad is not None:
                parameter.grad = view
        self.filled = 0


class DataParallel(nn.Module):
    """A model that every rank holds whole, with gradients averaged over the ranks.

    Buckets are filled in reverse order of the parameters, which is roughly the order in which
    backward makes gradients, and sent in one fixed order, so that ranks never cross.

    Args:
        module: any model.
        comm: collectives, by default over all ranks.
        bucket_bytes: gradients that travel together; small buckets start early, large ones cost
            fewer messages.

    Raises:
        ValueError: nothing to train, wrapped already, or ``bucket_bytes`` below 1.
        RankMismatch: the ranks have different models.

    Source: Li et al. 2020 (VLDB 13). We sum in rank order, which makes the result exact.
    """

    def __init__(
        self, module: nn.Module, *, comm: Comm | None = None, bucket_bytes: int = BUCKET_BYTES
    ) -> None:
        super().__init__()
        if bucket_bytes < 1:
            raise ValueError(f"bucket_bytes must be at least 1, got {bucket_bytes}")
        build.check_not_sharded(module)
        infos, parameters = build.describe(module)
        self.module, self.comm = module, comm or Comm()
        build.verify(self.comm, {"bucket_bytes": bucket_bytes}, infos)
        for tensor in [*parameters.values(), *module.buffers()]:
            self.comm.broadcast(tensor.data)
        self.buckets = self._fill(list(parameters.values()), bucket_bytes)
        labels = [bucket.label for bucket in self.buckets]
        self.comm.agree(labels, max(len(bucket.parameters) for bucket in self.buckets))
        self.synchronize, self.next_bucket = True, 0
        self.pending: list[tuple[Bucket, Pending]] = []
        self.task: int | None = None
        for bucket in self.buckets:
            for index, parameter in enumerate(bucket.parameters):
                parameter.register_post_accumulate_grad_hook(self._hook(bucket, index))

    def _fill(self, parameters: list[nn.Parameter], bucket_bytes: int) -> list[Bucket]:
        groups: list[list[nn.Parameter]] = []
        size = 0
        for parameter in reversed([p for p in parameters if p.requires_grad]):
            same_type = bool(groups) and groups[-1][0].dtype == parameter.dtype
            if not same_type or size + parameter.nbytes > bucket_bytes:
                groups.append([])
                size = 0
            groups[-1].append(parameter)
            size += parameter.nbytes
        return [Bucket(group, self.comm, f"bucket {i}") for i, group in enumerate(groups)]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model."""
        if backward_pass() == -1:
            self.task, self.next_bucket = None, 0
        return self.module(*args, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Backward passes inside only add to this rank's gradients."""
        before, self.synchronize = self.synchronize, False
        try:
            yield
        finally:
            self.synchronize = before

    def _hook(self, bucket: Bucket, index: int) -> Callable[[Tensor], None]:
        def hook(_parameter: Tensor) -> None:
            if not self.synchronize:
                return
            if self.task is None:
                self.task = backward_pass()
                at_end_of_backward(self._finish)
            bucket.take(index)
            while self.next_bucket < len(self.buckets) and self.buckets[self.next_bucket].full:
                self._launch()

        return hook

    def _launch(self) -> None:
        bucket = self.buckets[self.next_bucket]
        self.next_bucket += 1
        self.pending.append((bucket, bucket.launch()))

    def _finish(self) -> None:
        while self.next_bucket < len(self.buckets):  # parameters this backward did not use
            self._launch()
        pending, self.pending = self.pending, []
        gathering = [(bucket, work.wait()) for bucket, work in pending]
        for bucket, work in gathering:
            bucket.finish(work)
        self.task, self.next_bucket = None, 0
