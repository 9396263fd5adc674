"""A matrix kept as whole numbers from -127 to 127, with one scale for each row.

It stands in a linear map or an embedding where a matrix of floats stood, and the model is called as
before. Decoding reads every matrix once for each token and does little with it, so a quarter of the
bytes is most of the gain that can be had. `course_lib.adaptation.quantize_int8` makes them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map

from course_lib.shapes import BFloat16, Float, Int, Int8

LARGEST = 127
FEW_ROWS = 16
"""With more, torch's integer kernel is slower than making floats first."""


class Int8Weight(Tensor):
    """A matrix whose numbers are ``integers * scales``, a scale for each row.

    It says that it is a matrix of floats, and whatever is asked of it is asked of those numbers: it
    is made into floats for the purpose, except in products and look-ups. It cannot be changed in
    place, trained, or moved to another device or type: quantize last.

    Args:
        integers: Whole numbers from -127 to 127.
        scales: One for each row, in bfloat16, as torch's integer kernel wants them.
        dtype: The type that the matrix says it has.
    """

    integers: Int8[Tensor, "N M"]
    scales: BFloat16[Tensor, " N"]

    @staticmethod
    def __new__(cls, integers: Tensor, scales: Tensor, dtype: torch.dtype) -> "Int8Weight":
        """Wrap the two tensors; nothing is copied."""
        made = Tensor._make_wrapper_subclass(
            cls, integers.shape, dtype=dtype, device=integers.device, requires_grad=False
        )
        made.integers, made.scales = integers, scales
        return made

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        """Bytes that are really kept."""
        return self.integers.nbytes + self.scales.nbytes

    def dequantize(self) -> Float[Tensor, "N M"]:
        """Return the numbers as floats."""
        return self.integers.to(self.dtype) * self.scales.to(self.dtype)[:, None]

    def product(
        self, x: Float[Tensor, "... M"], bias: Float[Tensor, " N"] | None = None
    ) -> Float[Tensor, "... N"]:
        """Return ``x W^T + bias``.

        For a few rows on a processor, no float matrix is ever made; see `few_rows`. A gradient, or
        many rows, want the floats.

        Args:
            x: Inputs.
            bias: Added to each row of the result.
        """
        n_rows = x.numel() // max(1, x.shape[-1])
        grad = torch.is_grad_enabled() and x.requires_grad
        if grad or n_rows > FEW_ROWS or x.device.type != "cpu" or x.dtype == torch.float64:
            return F.linear(x, self.dequantize().to(x.dtype), bias)
        return self.few_rows(x.reshape(n_rows, -1), bias).view(*x.shape[:-1], -1)

    def few_rows(
        self, x: Float[Tensor, "B M"], bias: Float[Tensor, " N"] | None
    ) -> Float[Tensor, "B N"]:
        """Return ``x W^T + bias`` by torch's integer kernel: x and product are rounded to bfloat16.

        Args:
            x: At most `FEW_ROWS` rows, on a processor.
            bias: Added to each row of the result.
        """
        out = torch._weight_int8pack_mm(x.to(torch.bfloat16), self.integers, self.scales)
        return out.to(x.dtype) if bias is None else bias + out

    def look_up(self, ids: Int[Tensor, "..."]) -> Float[Tensor, "... M"]:
        """Return the rows of some ids as floats.

        Args:
            ids: Numbers of rows.
        """
        return self.integers[ids].to(self.dtype) * self.scales[ids].to(self.dtype).unsqueeze(-1)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        """Say what it is; its numbers would tell nothing."""
        return f"Int8Weight(shape={tuple(self.shape)}, dtype={self.dtype}, nbytes={self.nbytes})"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Int8Weight":
        parts = self.integers.clone(), self.scales.clone(), self.dtype
        return _rebuild(*parts, hasattr(self, "_is_param"))

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (self.integers, self.scales, self.dtype, hasattr(self, "_is_param"))

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer products and look-ups from the integers, questions of form, and all else."""
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if func is F.linear and isinstance(args[1], Int8Weight):
            return args[1].product(args[0], *args[2:], **kwargs)
        if func is F.embedding and isinstance(args[1], Int8Weight):
            return args[1].look_up(args[0])
        if name in _OF_FORM or name == "__get__":
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if name == "detach":
            return Int8Weight(args[0].integers, args[0].scales, args[0].dtype)
        if name in ("to", "cpu", "cuda", "float", "double", "half", "bfloat16", "contiguous"):
            return _stay(func, name, args, kwargs)
        if name == "requires_grad_" and (args[1:] or (kwargs.get("requires_grad", True),))[0]:
            raise TypeError("an Int8Weight holds whole numbers and cannot be trained")
        if name in ("requires_grad_", "__set__"):
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if name.endswith("_") and not name.endswith("__") and isinstance(args[0], Int8Weight):
            raise TypeError(f"an Int8Weight cannot be changed in place, by {name}: quantize anew")
        plain = tree_map(_as_floats, (tuple(args), kwargs))
        return func(*plain[0], **plain[1])

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what torch asks below its functions on the floats."""
        if getattr(func, "overloadpacket", None) is torch.ops.aten.detach:
            return Int8Weight(args[0].integers, args[0].scales, args[0].dtype)
        plain = tree_map(_as_floats, (tuple(args), dict(kwargs or {})))
        return func(*plain[0], **plain[1])


_OF_FORM = {
    *("size", "dim", "ndimension", "numel", "nelement", "element_size", "is_floating_point"),
    *("is_complex", "is_contiguous", "stride", "__len__", "get_device", "is_signed"),
    *("__hash__", "is_inference", "_is_view"),
}


def _stay(func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Any) -> Any:
    """Return the weight itself where it would not move, and refuse to move it."""
    own = args[0]
    probe = torch.empty(0, dtype=own.dtype, device=own.device)
    moved = func(probe, *args[1:], **kwargs)
    if (moved.dtype, moved.device) != (probe.dtype, probe.device):
        raise TypeError(
            f"an Int8Weight cannot be moved from {probe.dtype} on {probe.device} to {moved.dtype} "
            f"on {moved.device}, by {name}: move the model first, then quantize it"
        )
    return own


def _as_floats(value: Any) -> Any:
    return value.dequantize() if isinstance(value, Int8Weight) else value


def _rebuild(
    integers: Tensor, scales: Tensor, dtype: torch.dtype, is_parameter: bool
) -> Int8Weight:
    made = Int8Weight(integers, scales, dtype)
    return torch.nn.Parameter(made, requires_grad=False) if is_parameter else made  # type: ignore[return-value]
