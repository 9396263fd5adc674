"""The product of one row, or a few, with a matrix, in the order a processor reads it fastest.

A linear layer keeps its matrix as (out, in). When many tokens are to be read with few rows each,
another order is worth its copy: (in, out), or the tiles that oneDNN, the library behind torch on
processors, cuts a matrix into. The numbers are the same float32; only their order changes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.model.int8 import FEW_ROWS, Int8Weight
from course_lib.shapes import Float

Map = Callable[[Tensor], Tensor]
_LARGE = 2**17  # elements from which a matrix outgrows the nearest cache


def linear(
    weight: Float[Tensor, "N D"], bias: Float[Tensor, " N"] | None, n_rows: int, reorder: bool
) -> Map:
    """Return the linear map x -> x weight^T + bias for inputs of few rows.

    Args:
        weight: The matrix, as a linear layer keeps it.
        bias: Added to each row of the result, or None.
        n_rows: Rows of the inputs, B.
        reorder: Whether the matrix may be copied.
    """
    if isinstance(weight, Int8Weight):
        product = weight.few_rows if n_rows <= FEW_ROWS else weight.product
        return lambda x: product(x, bias)
    large = weight.numel() >= _LARGE
    if reorder and large and n_rows > 2 and weight.dtype == torch.float32 and _tiles():
        return _tiled(weight.detach(), bias, n_rows)
    turned = weight.detach().t()  # (D, N)
    if reorder and (large or n_rows > 1):
        turned = turned.contiguous()
    if bias is None:
        return lambda x: torch.mm(x, turned)
    return lambda x: torch.addmm(bias, x, turned)


def _tiles() -> bool:
    """Say whether oneDNN is there, and torch offers it a matrix cut beforehand."""
    offered = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return offered and torch.backends.mkldnn.is_available()


def _tiled(weight: Tensor, bias: Tensor | None, n_rows: int) -> Map:
    tiles = torch.ops.mkldnn._reorder_linear_weight(weight, n_rows)
    multiply = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: multiply(x, tiles, bias, "none", [], "")  # no function applied after it
