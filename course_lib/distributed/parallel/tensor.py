"""Tensor parallelism: a matrix is cut over ranks that all read the same rows.

The first matrix of a pair is cut by its outputs, the second by its inputs, so that what stands
between them never has to be put together: one all-reduce a pair going forward, one coming back.

Chapter: 18_multi_gpu_zero
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm
from course_lib.shapes import Float


def add_up(x: Float[Tensor, "..."], comm: Comm, label: str = "") -> Float[Tensor, "..."]:
    """Return the sum of all ranks' ``x``, added in rank order.

    Args:
        x: this rank's summand, of one shape on all ranks.
        comm: collectives.
        label: what the log calls it.
    """
    n_padded = -(-x.numel() // comm.world_size) * comm.world_size
    buffer = x.new_zeros(n_padded)
    buffer[: x.numel()] = x.reshape(-1)
    comm.all_reduce(buffer, label=label).wait().wait()
    return buffer[: x.numel()].view(x.shape)


class _Enter(torch.autograd.Function):
    """Nothing forward; backward, each rank has the gradient of its own slice alone: add them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, comm: Comm, label: str) -> Tensor:
        ctx.comm, ctx.label = comm, label
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return add_up(gradients[0], ctx.comm, ctx.label), None, None


class _Leave(torch.autograd.Function):
    """Forward, each rank has one summand: add them; backward, every summand gets it all."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, comm: Comm, label: str) -> Tensor:
        return add_up(x, comm, label)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0], None, None


class ColumnParallel(nn.Module):
    """This rank's outputs of a linear layer; its input is whole on every rank.

    Args:
        linear: the whole layer, alike on all ranks.
        comm: collectives.
        parts: outputs that are cut each by itself, such as those of queries, of keys and of values
            in one matrix; None means one part.
        label: what the log calls it.

    Raises:
        ValueError: ``parts`` do not add up to the outputs, or do not divide by the ranks.

    Source: Shoeybi et al. 2019, section 3: the operator f, and a matrix cut along its columns
        (here rows, since torch keeps the transpose).
    """

    def __init__(
        self, linear: nn.Linear, comm: Comm, *, parts: Sequence[int] | None = None, label: str = ""
    ) -> None:
        super().__init__()
        parts = [linear.out_features] if parts is None else list(parts)
        if sum(parts) != linear.out_features:
            raise ValueError(
                f"parts must add up to the {linear.out_features} outputs of {label!r}, got {parts}"
            )
        for size in parts:
            _check_divides(size, comm, f"outputs of {label!r}")
        self.comm, self.label = comm, label
        self.weight = nn.Parameter(_own(linear.weight.detach(), parts, comm))
        self.bias = None
        if linear.bias is not None:
            self.bias = nn.Parameter(_own(linear.bias.detach(), parts, comm))

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Return this rank's outputs."""
        return F.linear(_Enter.apply(x, self.comm, self.label), self.weight, self.bias)


class RowParallel(nn.Module):
    """A linear layer that holds the weights of this rank's inputs; its output is whole again.

    The bias is added once, after the sum; every rank keeps it whole.

    Args:
        linear: the whole layer, alike on all ranks.
        comm: collectives.
        label: what the log calls it.

    Raises:
        ValueError: the inputs do not divide by the ranks.

    Source: Shoeybi et al. 2019, section 3: the operator g.
    """

    def __init__(self, linear: nn.Linear, comm: Comm, *, label: str = "") -> None:
        super().__init__()
        _check_divides(linear.in_features, comm, f"inputs of {label!r}")
        self.comm, self.label = comm, label
        own = linear.weight.detach().chunk(comm.world_size, dim=1)[comm.rank]
        self.weight = nn.Parameter(own.clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Return the sum over all ranks' inputs."""
        out = _Leave.apply(F.linear(x, self.weight), self.comm, self.label)
        return out if self.bias is None else out + self.bias


def tensor_parallel(
    model: nn.Module,
    comm: Comm,
    *,
    columns: Mapping[str, Sequence[int] | None],
    rows: Sequence[str],
) -> nn.Module:
    """Cut linear layers of a model in place; what is not named stays whole on every rank.

    The gradient of what stays whole comes out alike on all ranks, since all read the same rows: it
    needs no all-reduce.

    Args:
        model: the whole model, alike on all ranks.
        comm: collectives.
        columns: layer to cut by its outputs -> its parts, as in :class:`ColumnParallel`.
        rows: layers to cut by their inputs.

    Returns:
        The model.

    Raises:
        ValueError: a name is none of a linear layer or stands in both, or a size does not divide by
            the ranks.
    """
    if twice := sorted({*columns} & {*rows}):
        raise ValueError(f"{twice[0]!r} stands in columns and in rows; a layer is cut in one way")
    cuts: list[tuple[str, nn.Module]] = []
    for name in (*columns, *rows):
        linear = model.get_submodule(name) if name in dict(model.named_modules()) else None
        if not isinstance(linear, nn.Linear):
            raise ValueError(f"{name!r} is no linear layer of this model")
        if name in columns:
            cuts.append((name, ColumnParallel(linear, comm, parts=columns[name], label=name)))
        else:
            cuts.append((name, RowParallel(linear, comm, label=name)))
    for name, cut in cuts:
        model.set_submodule(name, cut)
    return model


def _own(whole: Tensor, parts: Sequence[int], comm: Comm) -> Tensor:
    """This rank's share of each part of the first dimension, as one new tensor."""
    return torch.cat([part.chunk(comm.world_size)[comm.rank] for part in whole.split(list(parts))])


def _check_divides(size: int, comm: Comm, what: str) -> None:
    if size % comm.world_size:
        raise ValueError(f"the {size} {what} do not divide over {comm.world_size} ranks")
