"""Pipeline parallelism: each rank has some layers of a chain, and passes on what they return.

A batch goes through in pieces, micro-batches, so that a rank has something to do while the next one
works on the piece before.

Chapter: 18_multi_gpu_zero
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm


def timetable(n_stages: int, n_micro: int) -> list[list[str]]:
    """Return what every stage does in every slot of a step: "F2", "B2", or "" for waiting.

    All forward passes come first, then all backward passes, in the same order. The forward and the
    backward pass of a micro-batch through one stage count as one slot each.

    Args:
        n_stages: parts of the chain, one on each rank.
        n_micro: micro-batches of a batch.

    Returns:
        A row for each stage, of ``2 * (n_stages + n_micro - 1)`` slots; ``2 * (n_stages - 1)`` of
        them are empty, the *bubble*.

    Raises:
        ValueError: a number is below 1.

    Source: Huang et al. 2019, section 2.3 and Figure 2c (there the last micro-batch comes back
        first, which takes as long).
    """
    if min(n_stages, n_micro) < 1:
        raise ValueError(f"n_stages and n_micro must be at least 1, got {n_stages} and {n_micro}")
    half = n_stages + n_micro - 1
    table = [["" for _ in range(2 * half)] for _ in range(n_stages)]
    for stage in range(n_stages):
        for micro in range(n_micro):
            table[stage][stage + micro] = f"F{micro}"
            table[stage][half + (n_stages - 1 - stage) + micro] = f"B{micro}"
    return table


def pipeline_backward(
    stage: nn.Module,
    micro_batches: Sequence[Any],
    loss_of: Callable[[Tensor, int], Tensor],
    comm: Comm,
    *,
    shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Run a batch forward and back through the chain; every rank calls it with its own stage.

    It leaves in each stage the gradients of the mean of the micro-batches' losses. They are
    added up in the order of the micro-batches, so they are those of one process that reads the
    micro-batches one after another, bit by bit.

    Args:
        stage: this rank's part of the chain: one argument, one tensor returned.
        micro_batches: what the first stage reads; the others need only its length.
        loss_of: of what the last stage returns and the number of the micro-batch; only the last
            rank calls it.
        comm: collectives; its bytes are counted there.
        shape: of the tensor that passes between stages.
        dtype: of that tensor.

    Returns:
        The mean loss on the last rank, nothing but zero on the others.

    Raises:
        ValueError: there is no micro-batch, or a stage returns another shape.

    Source: Huang et al. 2019, section 2.
    """
    if not micro_batches:
        raise ValueError("micro_batches must hold at least 1 micro-batch, got 0")
    n, first, last = len(micro_batches), comm.rank == 0, comm.rank == comm.world_size - 1
    pairs: list[tuple[Any, Tensor]] = []
    total = torch.zeros(())
    for i, batch in enumerate(micro_batches):
        x = batch if first else _receive(comm, comm.rank - 1, shape, dtype).requires_grad_()
        out = stage(x)
        if last:
            out = loss_of(out, i) / n
            total += out.detach()
        elif out.shape != torch.Size(shape):
            raise ValueError(
                f"stage {comm.rank} returns {tuple(out.shape)}, shape says {tuple(shape)}"
            )
        else:
            _send(comm, out.detach(), comm.rank + 1, "activations")
        pairs.append((x, out))
    for x, out in pairs:
        out.backward(None if last else _receive(comm, comm.rank + 1, shape, dtype))
        if not first:
            _send(comm, x.grad, comm.rank - 1, "gradients")
    return total


def _send(comm: Comm, tensor: Tensor, rank: int, label: str) -> None:
    comm.sent["send", label] += tensor.nbytes
    if comm.log is not None:
        comm.log.append(("send", label, tensor.numel()))
    dist.send(tensor.contiguous(), dist.get_global_rank(comm.group, rank), group=comm.group)


def _receive(comm: Comm, rank: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    tensor = torch.empty(tuple(shape), dtype=dtype)
    dist.recv(tensor, dist.get_global_rank(comm.group, rank), group=comm.group)
    return tensor
