"""Masks say which keys a query may see: True means "may be attended"."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from course_lib.checks import check_mask, check_whole
from course_lib.shapes import AbstractDtype, Bool, Float, Int, Shaped

if TYPE_CHECKING:
    from typing import Annotated as Mask
else:

    class Mask(AbstractDtype):
        """The type of a mask that is given to the model: booleans, or integers 0 and 1."""

        dtypes = ["bool", "uint8", "int8", "int16", "int32", "int64"]


def as_keep(keep: Shaped[Tensor, "..."] | None, name: str = "keep") -> Any:
    """Return a mask as booleans; the zeros and ones that tokenizers give are taken too.

    Args:
        keep: True or 1 where a token is real; None for no mask.
        name: How the caller's argument is called, for the message.

    Raises:
        TypeError: If it is no tensor of booleans or integers. Numbers with a fraction are refused,
            since elsewhere they are added to the scores.
        ValueError: If an integer is neither 0 nor 1.
    """
    if keep is None:
        return None
    if not isinstance(keep, Tensor):
        raise TypeError(f"{name} got {type(keep).__name__}, wants a tensor of booleans")
    if keep.dtype == torch.bool:
        return keep
    if keep.is_floating_point() or keep.is_complex():
        raise TypeError(f"{name} got {keep.dtype}, wants booleans, or integers 0 and 1")
    if bool(((keep != 0) & (keep != 1)).any()):
        low, high = keep.min().item(), keep.max().item()
        raise ValueError(f"{name} got integers from {low} to {high}, wants booleans, or 0 and 1")
    return keep.bool()


def causal_mask(
    T: int, S: int | None = None, *, device: torch.device | str | None = None
) -> Bool[Tensor, "T S"]:
    """Let each token see itself and the tokens before it.

    With a cache there are more keys than queries: the queries are the *last* T of the S tokens.

    Args:
        T: Number of queries.
        S: Number of keys; None means T.
        device: Where to build the mask.

    Returns:
        True where query t may see key s, that is where s <= t + (S - T).

    Raises:
        TypeError: If one of the two is no whole number.
        ValueError: If one is negative, or there are fewer keys than queries.
    """
    [T] = check_whole(T=T)
    [S] = check_whole(None, S=S)
    if T < 0:
        raise ValueError(f"T must be 0 queries or more, got {T}")
    S = T if S is None else S
    if S < T:
        raise ValueError(f"S={S} keys cannot be fewer than T={T} queries")
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def padding_mask(keep: Mask[Tensor, "B S"]) -> Bool[Tensor, "B 1 1 S"]:
    """Hide padding keys from every head and every query.

    Args:
        keep: True for real tokens, False for padding.

    Returns:
        The same values, shaped to broadcast over heads and queries.

    Raises:
        TypeError: If it is no tensor of booleans or integers.
        ValueError: If it has not two dimensions.
    """
    check_mask("keep", keep, "B S")
    return as_keep(keep)[:, None, None, :]


def combine(*masks: Mask[Tensor, "..."] | None) -> Bool[Tensor, "..."] | None:
    """Keep what every mask keeps.

    Args:
        masks: Masks that broadcast together; None hides nothing.

    Returns:
        Their conjunction, or None if no mask was given.
    """
    result = None
    for mask in masks:
        if mask is not None:
            keep = as_keep(mask, "mask")
            result = keep if result is None else result & keep
    return result


def as_bias(
    keep: Mask[Tensor, "..."] | None,
    bias: Float[Tensor, "..."] | None,
    dtype: torch.dtype,
) -> Float[Tensor, "..."] | None:
    """Turn a mask, and a bias if there is one, into one tensor to add to the scores.

    Args:
        keep: True where attention is allowed, or None.
        bias: What the position scheme adds to the scores, or None.
        dtype: Type of the result, that of the scores.

    Returns:
        The bias (or 0), with minus infinity where attention is not allowed; None for neither.
    """
    keep = as_keep(keep)
    if keep is None:
        return None if bias is None else bias.to(dtype)
    if bias is None:
        bias = torch.zeros((), dtype=dtype, device=keep.device)
    return torch.where(keep, bias.to(dtype), float("-inf"))


def count_kept(keep: Mask[Tensor, "B S"]) -> Int[Tensor, "B S"]:
    """Number the real tokens of each row 0, 1, 2, ..., wherever the padding is.

    Args:
        keep: True for real tokens, False for padding.

    Returns:
        How many real tokens stand before each slot (0 in padding before the first).
    """
    return (as_keep(keep).cumsum(-1) - 1).clamp(min=0)
