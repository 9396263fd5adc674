"""Refusing input that does not fit the model, before any work is done."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks import check_floats, check_ids, check_numbers
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
    least: int = 0,
) -> tuple[Tensor | None, Tensor | None]:
    """Check what goes with the tokens: shapes and length.

    Shapes are not annotated here: this is where a wrong one gets its message.

    Args:
        shape: That of the tokens, (B, T).
        keep: True for real tokens, (B, T).
        segments: Segment of each token, (B, T).
        positions: Position of each token, (T,) or (B, T).
        start: Tokens already in the cache.
        limit: Positions the model has; None for no limit.
        least: The first position of a model with a limit: a row of its table may lie before 0.

    Returns:
        Segments and positions in int64.

    Raises:
        TypeError: If segments or positions are no tensors of integers.
        ValueError: Naming the argument, what it is and what it should be.
    """
    segments = None if segments is None else check_ids("segments", segments)
    positions = None if positions is None else check_ids("positions", positions)
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
        if limit is not None and positions.numel() and not positions.is_meta:
            low, high = (int(end) for end in positions.aminmax())
            if low < least:
                raise ValueError(f"positions must be {least} or more, got {low}")
            if high >= limit:
                raise ValueError(f"positions up to {high}, but max_seq_len={limit}")
    elif limit is not None and start + shape[1] > limit:
        raise ValueError(
            f"sequence of {start + shape[1]} tokens is longer than the max_seq_len={limit} "
            "positions of the model"
        )
    return segments, positions


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
            like = q.dtype is k.dtype is v.dtype and q.device == k.device == v.device
            if fits and like and q.dtype.is_floating_point:
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
    for name, given in (("k", k), ("v", v)):
        if given.device != q.device:
            raise ValueError(f"{name} must be on the device of q, {q.device}, got {given.device}")
        if given.dtype != q.dtype and not torch.is_autocast_enabled(q.device.type):
            raise TypeError(f"{name} must be of the type of q, {q.dtype}, got {given.dtype}")


def check_scores(q: Tensor, bias: Any, scale: Any, dropout: Any = 0.0) -> tuple[Any, Any]:
    """Refuse what cannot be done to scores; see `check_heads` for where it stands.

    A mask of booleans is no bias: True would add 1 to a score, and hide nothing.

    Args:
        q: Queries.
        bias: Added to the scores, or None.
        scale: Factor of the scores, or None.
        dropout: Probability of dropping a weight.

    Returns:
        Scale and dropout as plain numbers; a scale that is a tensor stays one, and may be learned.

    Raises:
        TypeError: If one is of a wrong type.
        ValueError: If one is out of range, or the bias is on another device.
    """
    if bias is not None:
        if not isinstance(bias, Tensor) or not bias.is_floating_point():
            check_floats("bias", bias)
        if bias.ndim and bias.device != q.device:
            raise ValueError(f"bias must be on the device of q, {q.device}, got {bias.device}")
    if scale is not None:
        if type(scale) is not float:
            [plain] = check_numbers(scale=scale)
            scale = scale if isinstance(scale, Tensor) else plain
        if not abs(scale) < float("inf"):
            raise ValueError(f"scale must be finite, got {scale}")
    if type(dropout) is not float:
        [dropout] = check_numbers(dropout=dropout)
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout must be from 0 to 1, got {dropout}")
    return scale, dropout
