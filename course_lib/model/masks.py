"""Masks say which keys a query may see: True means "may be attended"."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


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
        ValueError: If there are fewer keys than queries.

    Chapter: 06_attention
    """
    S = T if S is None else S
    if S < T:
        raise ValueError(f"S={S} keys cannot be fewer than T={T} queries")
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def padding_mask(keep: Bool[Tensor, "B S"]) -> Bool[Tensor, "B 1 1 S"]:
    """Hide padding keys from every head and every query.

    Args:
        keep: True for real tokens, False for padding.

    Returns:
        The same values, shaped to broadcast over heads and queries.

    Chapter: 06_attention
    """
    return keep[:, None, None, :]


def combine(*masks: Bool[Tensor, "..."] | None) -> Bool[Tensor, "..."] | None:
    """Keep what every mask keeps.

    Args:
        masks: Masks that broadcast together; None hides nothing.

    Returns:
        Their conjunction, or None if no mask was given.
    """
    result = None
    for mask in masks:
        if mask is not None:
            result = mask if result is None else result & mask
    return result


def as_bias(
    keep: Bool[Tensor, "..."] | None,
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
    if keep is None:
        return None if bias is None else bias.to(dtype)
    if bias is None:
        bias = torch.zeros((), dtype=dtype, device=keep.device)
    return torch.where(keep, bias.to(dtype), float("-inf"))


def count_kept(keep: Bool[Tensor, "B S"]) -> Int[Tensor, "B S"]:
    """Number the real tokens of each row 0, 1, 2, ..., wherever the padding is.

    Args:
        keep: True for real tokens, False for padding.

    Returns:
        How many real tokens stand before each slot (0 in padding before the first).
    """
    return (keep.cumsum(-1) - 1).clamp(min=0)
