"""Refusing input that does not fit the model, before any work is done."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks import check_floats
from course_lib.shapes import Int, Shaped


def check_tokens(tokens: Shaped[Tensor, "..."], name: str = "tokens") -> Int[Tensor, "B T"]:
    """Return token ids in a type that a table can be read with.

    Args:
        tokens: Token ids, (B, T), of any integer type.
        name: How the caller's argument is called, for the message.

    Raises:
        TypeError: If they are no tensor of integers.
        ValueError: If they are not rows of at least one token.
    """
    if not isinstance(tokens, Tensor):
        raise TypeError(f"{name} got {type(tokens).__name__}, wants a tensor of ids, (B, T)")
    if tokens.ndim != 2 or tokens.shape[1] == 0:
        raise ValueError(
            f"{name} of shape {tuple(tokens.shape)}: expected (B, T) with T at least 1"
        )
    if tokens.dtype in (torch.int64, torch.int32):
        return tokens
    if tokens.dtype == torch.bool or tokens.is_floating_point() or tokens.is_complex():
        raise TypeError(f"{name} got {tokens.dtype}, wants integers: ids of the vocabulary")
    return tokens.long()


def check_input(
    shape: torch.Size,
    keep: Tensor | None,
    segments: Tensor | None,
    positions: Tensor | None,
    *,
    start: int = 0,
    limit: int | None = None,
) -> None:
    """Check what goes with the tokens: shapes and length.

    Shapes are not annotated here: this is where a wrong one gets its message.

    Args:
        shape: That of the tokens, (B, T).
        keep: True for real tokens, (B, T).
        segments: Segment of each token, (B, T).
        positions: Position of each token, (T,) or (B, T).
        start: Tokens already in the cache.
        limit: Positions the model has; None for no limit.

    Raises:
        ValueError: Naming the argument, what it is and what it should be.
    """
    for name, given in (("keep", keep), ("segments", segments)):
        if given is not None and given.shape != shape:
            raise ValueError(
                f"{name} of shape {tuple(given.shape)} for tokens of shape {tuple(shape)}: "
                "expected the same"
            )
    if positions is not None:
        if positions.shape not in (shape, shape[1:]):
            raise ValueError(
                f"positions of shape {tuple(positions.shape)} for tokens of shape "
                f"{tuple(shape)}: expected the same or {tuple(shape[1:])}"
            )
        if limit is not None and positions.max() >= limit:
            raise ValueError(f"positions up to {positions.max().item()}, but max_seq_len={limit}")
    elif limit is not None and start + shape[1] > limit:
        raise ValueError(
            f"sequence of {start + shape[1]} tokens is longer than the max_seq_len={limit} "
            "positions of the model"
        )


def check_heads(q: Any, k: Any, v: Any) -> None:
    """Refuse queries, keys and values that do not belong together.

    It stands in every layer of every step, so what is right passes by one comparison of shapes.

    Args:
        q: Queries, (B, H, T, K).
        k: Keys, (B, G, S, K), where G divides H.
        v: Values, shaped like the keys.

    Raises:
        TypeError: If one of them is no tensor of floats.
        ValueError: Naming the first that does not fit, what it is and what it should be.
    """
    if isinstance(q, Tensor) and isinstance(k, Tensor) and isinstance(v, Tensor):
        asked, answering = q.shape, k.shape
        if len(asked) == len(answering) == 4 and answering == v.shape:
            (B, H, _, K), (B_of_k, G, _, K_of_k) = asked, answering
            fits = B == B_of_k and K == K_of_k and G and not H % G
            floats = q.dtype.is_floating_point and k.dtype.is_floating_point
            if fits and floats and v.dtype.is_floating_point:
                return
    for name, given in (("q", q), ("k", k), ("v", v)):
        check_floats(name, given, "B H T K" if name == "q" else "B G S K")
    wanted = (q.shape[0], "G", "S", q.shape[3])
    if (k.shape[0], k.shape[3]) != (q.shape[0], q.shape[3]):
        raise ValueError(
            f"k must be of shape ({', '.join(map(str, wanted))}) for q of shape {tuple(q.shape)}, "
            f"got {tuple(k.shape)}"
        )
    if not k.shape[1] or q.shape[1] % k.shape[1]:
        raise ValueError(
            f"k must have a number of heads that divides the {q.shape[1]} of q, got {k.shape[1]}"
        )
    if v.shape != k.shape:
        raise ValueError(f"v must have the shape of k, {tuple(k.shape)}, got {tuple(v.shape)}")
