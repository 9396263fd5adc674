"""Parameters that say so when they are used as if they were not sharded.

Gradients of a sharded model leave the parameters, and so an optimizer or a clipping over
``model.parameters()`` would do nothing, without a word. At stage 3 the values leave, too. Both are
common mistakes, so the parameters of a sharded model are of a class that tells: the objects stay
the same, their class changes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_NO_OPTIMIZER = (
    "gradients of a sharded model are not in its parameters (asked for {name!r}): what steps, "
    "clips or clears them has to be ShardedOptimizer(model, make_optimizer) with its step(), "
    "clip_grad_norm_() and zero_grad()"
)
_NOT_HERE = (
    "parameter {name!r} of unit {unit!r} is sharded and not here now: at stage 3 it is whole only "
    "while its unit runs. Read it inside gathered(), as in `with model.gathered():`, or from "
    "model.full_state_dict(). If another module needs it in its forward, name in units a module "
    "that holds both, or leave the unit out of units"
)


@dataclass(frozen=True)
class Place:
    """Where a sharded parameter belongs.

    Attributes:
        name: its own name in the model.
        unit: the unit it is in, ``"root"`` for what no unit holds.
        shape: its shape when it is whole.
    """

    name: str
    unit: str
    shape: torch.Size


class ShardedParameter(nn.Parameter):
    """A parameter of a sharded model, while it is whole. It computes like any other."""

    place: Place

    @property
    def grad(self) -> Tensor | None:
        """The gradient while a backward pass makes it; refused where there is none."""
        gradient = gradient_of(self)
        if gradient is None:
            raise RuntimeError(_NO_OPTIMIZER.format(name=self.place.name))
        return gradient

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        """Clear the gradient; any other is refused."""
        if value is not None:
            raise RuntimeError(_NO_OPTIMIZER.format(name=self.place.name))
        set_gradient(self, None)

    @property
    def is_leaf(self) -> bool:  # type: ignore[override]
        """Refused: optimizers ask for it first of all."""
        raise RuntimeError(_NO_OPTIMIZER.format(name=self.place.name))

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Parameter:
        """Return an ordinary parameter: the copy is not sharded."""
        copy = nn.Parameter(self.detach().clone(), self.requires_grad)
        memo[id(self)] = copy
        return copy


class AbsentParameter(ShardedParameter):
    """A parameter of a sharded model, while it is not there: it knows its shape and no values."""

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Answer questions about shape and type; refuse everything else."""
        absent = next(_absent_in([args, list((kwargs or {}).values())]), None)
        if absent is None or function in _HARMLESS:
            with torch._C.DisableTorchFunctionSubclass():
                return function(*args, **(kwargs or {}))
        if function in _ABOUT_SHAPE:
            described = torch.empty(absent.place.shape, device="meta")
            return function(described, *args[1:], **(kwargs or {}))
        raise RuntimeError(_NOT_HERE.format(name=absent.place.name, unit=absent.place.unit))

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        """Return name and shape."""
        return f"AbsentParameter({self.place.name!r}, shape={list(self.place.shape)})"

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Parameter:
        """Refuse: there is nothing to copy."""
        raise RuntimeError(_NOT_HERE.format(name=self.place.name, unit=self.place.unit))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse: there is nothing to save."""
        raise RuntimeError(_NOT_HERE.format(name=self.place.name, unit=self.place.unit))


_HARMLESS = {
    *(getattr(Tensor, name).__get__ for name in ("requires_grad", "device", "dtype", "layout")),
    *(getattr(Tensor, name).__get__ for name in ("is_meta", "is_cuda", "is_sparse", "grad_fn")),
    *(getattr(Tensor, name).__get__ for name in ("is_quantized", "is_nested", "itemsize")),
    *(Tensor.is_floating_point, Tensor.is_complex, Tensor.element_size, Tensor.__hash__),
    *(Tensor.register_hook, Tensor.register_post_accumulate_grad_hook, Tensor.get_device),
    *(torch.is_floating_point, torch.is_complex),
    # refused by the next forward
    *(Tensor.requires_grad_, getattr(Tensor, "requires_grad").__set__),  # noqa: B009
}
_ABOUT_SHAPE = {
    *(getattr(Tensor, name).__get__ for name in ("shape", "ndim")),
    *(Tensor.size, Tensor.dim, Tensor.numel),
    *(Tensor.nelement, Tensor.__len__, torch.numel),
}


def _absent_in(values: Iterable[Any]) -> Iterator[AbsentParameter]:
    for value in values:
        if isinstance(value, AbsentParameter):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _absent_in(value)


def mark(parameter: nn.Parameter, place: Place) -> None:
    """Make a parameter one of a sharded model; it is whole."""
    if type(parameter) is nn.Parameter:
        parameter.__class__ = ShardedParameter
    parameter.place = place  # type: ignore[attr-defined]


def is_marked(parameter: nn.Parameter) -> bool:
    """Tell whether a parameter belongs to a sharded model already."""
    return hasattr(parameter, "place") and isinstance(parameter.place, Place)


def attach(parameter: nn.Parameter, values: Tensor, kind: type[nn.Parameter]) -> None:
    """Give a parameter its memory, and the class that fits it."""
    parameter.__class__ = nn.Parameter if kind is AbsentParameter else kind
    parameter.data = values
    parameter.__class__ = kind


def gradient_of(parameter: Tensor) -> Tensor | None:
    """Return what autograd has put into a parameter, without asking its class."""
    with torch._C.DisableTorchFunctionSubclass():
        gradient: Tensor | None = Tensor.grad.__get__(parameter)  # type: ignore[union-attr]
        return gradient


def set_gradient(parameter: Tensor, gradient: Tensor | None) -> None:
    """Set or clear a parameter's gradient, without asking its class."""
    with torch._C.DisableTorchFunctionSubclass():
        Tensor.grad.__set__(parameter, gradient)  # type: ignore[union-attr]
