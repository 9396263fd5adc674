"""What autograd saves of a sharded model: weights come back when they are asked for.

A weight that a graph needs for its backward must be whole by then. The hooks around units see to
that for the usual way through the model. This sees to it for every other: a loss that a block keeps
as an attribute, outputs inside objects, graphs that are used twice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from course_lib.distributed.torch_private import outer_saved_tensor_hooks, storage_key
from course_lib.distributed.zero.flat import Flat


class SavedTensor:
    """One tensor that autograd keeps: the tensor, its version, and the flat it is a part of."""

    __slots__ = ("flat", "memory", "tensor", "version")

    def __init__(self, tensor: Tensor, flat: Flat | None) -> None:
        self.version = tensor._version
        self.tensor = tensor.detach()  # an output that is saved would hold its own graph
        self.flat, self.memory = flat, flat.memory if flat is not None else None
        if self.memory is not None:
            self.memory.n_saved += 1

    def __del__(self) -> None:
        """Autograd no longer holds it."""
        if self.memory is not None:
            self.memory.n_saved -= 1


class SavedTensors:
    """Stands between autograd and what it saves while a sharded model runs forward.

    Args:
        flats: whose memory comes and goes.
        make_whole: called with a flat before its values are used.
    """

    def __init__(self, flats: Sequence[Flat], make_whole: Callable[[Flat], None]) -> None:
        self.make_whole = make_whole
        self.by_key: dict[int, Flat] = {}
        for flat in flats:
            flat.register(self.by_key)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch what is saved inside; hooks of a caller still see all but the weights."""
        if not torch.is_grad_enabled():
            yield
            return
        outer = outer_saved_tensor_hooks()

        def pack(tensor: Tensor) -> Any:
            strided = tensor.layout is torch.strided
            flat = self.by_key.get(storage_key(tensor)) if strided else None
            if flat is None and outer is not None:
                return outer[0](tensor)
            return SavedTensor(tensor, flat)

        def unpack(saved: Any) -> Tensor:
            if not isinstance(saved, SavedTensor):
                assert outer is not None
                return outer[1](saved)
            if saved.tensor._version != saved.version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: {_what(saved)} is at version {saved.tensor._version}; "
                    f"expected version {saved.version} instead"
                )
            if saved.flat is not None and saved.memory is saved.flat.memory:
                self.make_whole(saved.flat)
            return saved.tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            yield


def _what(saved: SavedTensor) -> str:
    shape = list(saved.tensor.shape)
    if saved.flat is None:
        return f"a tensor of shape {shape}"
    return (
        f"a parameter of unit {saved.flat.plan.unit or 'root'!r}, of shape {shape} (a step of the "
        "optimizer came between the forward and its backward)"
    )
