"""Refusing input that does not fit the model, before any work is done.

Chapter: 08_detailed_architecture
"""

from torch import Tensor


def check_input(
    tokens: Tensor,
    keep: Tensor | None,
    segments: Tensor | None,
    positions: Tensor | None,
    *,
    start: int = 0,
    limit: int | None = None,
) -> None:
    """Check shapes and length.

    Shapes are not annotated here: this is where a wrong one gets its message.

    Args:
        tokens: Token ids, (B, T).
        keep: True for real tokens, (B, T).
        segments: Segment of each token, (B, T).
        positions: Position of each token, (T,) or (B, T).
        start: Tokens already in the cache.
        limit: Positions the model has; None for no limit.

    Raises:
        ValueError: Naming the argument, what it is and what it should be.
    """
    if tokens.ndim != 2 or tokens.shape[1] == 0:
        raise ValueError(
            f"tokens of shape {tuple(tokens.shape)}: expected (B, T) with T at least 1"
        )
    for name, given in (("keep", keep), ("segments", segments)):
        if given is not None and given.shape != tokens.shape:
            raise ValueError(
                f"{name} of shape {tuple(given.shape)} for tokens of shape {tuple(tokens.shape)}"
            )
    if positions is not None:
        if positions.shape not in (tokens.shape, tokens.shape[1:]):
            raise ValueError(
                f"positions of shape {tuple(positions.shape)} for tokens of shape "
                f"{tuple(tokens.shape)}: expected the same or {tuple(tokens.shape[1:])}"
            )
        if limit is not None and positions.max() >= limit:
            raise ValueError(f"positions up to {positions.max().item()}, but max_seq_len={limit}")
    elif limit is not None and start + tokens.shape[1] > limit:
        raise ValueError(
            f"sequence of {start + tokens.shape[1]} tokens is longer than the max_seq_len={limit} "
            "positions of the model"
        )
