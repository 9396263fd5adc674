"""Causal language modelling: at every place, predict the token that comes next.

Chapter: 07_feed_forward_softmax
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks import check_floats, check_ids
from course_lib.objectives.example import IGNORE, Example
from course_lib.objectives.rows import refuse_negative
from course_lib.shapes import Float, Int


def causal_example(
    tokens: Int[Tensor, "*B N"], generator: torch.Generator | None = None
) -> Example:
    """Turn T + 1 tokens into T inputs and, one step ahead, T targets.

    One pass trains on all T places at once: place t sees tokens 0 to t and is asked for t + 1.
    ``IGNORE`` in ``tokens`` is padding at the end: it stays a target that counts for nothing,
    and as an input it becomes id 0, which no place that counts can see under a causal mask.

    Args:
        tokens: Ids of one row or of a batch of rows, each T + 1 long (N = T + 1).
        generator: Not drawn from: nothing is left to chance here. It stands here because every
            objective is called with one.

    Returns:
        An example with ``inputs = tokens[..., :-1]`` and ``targets = tokens[..., 1:]``.

    Raises:
        TypeError: If ``tokens`` is no tensor of integers.
        ValueError: If a row has fewer than two tokens, an id is negative, or one follows padding.

    Source: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training",
    section 3.1, equation 1.
    """
    tokens = check_ids("tokens", tokens, "N", "B N")
    if tokens.shape[-1] < 2:
        raise ValueError(f"tokens must hold at least 2 ids a row, got {tokens.shape[-1]}")
    padding = tokens == IGNORE
    if bool((padding[..., :-1] & ~padding[..., 1:]).any()):
        raise ValueError(
            f"tokens must hold {IGNORE} at the end of a row only, found an id after it"
        )
    refuse_negative("tokens", tokens)
    inputs = tokens[..., :-1].masked_fill(padding[..., :-1], 0)
    return Example(inputs=inputs, targets=tokens[..., 1:].clone())


def causal_loss(logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Average the surprise, in nats a token, over the targets that count.

    The softmax runs in float32 whatever the logits are stored in. Where every target is
    ``IGNORE`` the result is NaN: a mean over nothing has no value.

    Args:
        logits: Scores of every vocabulary entry at every place.
        targets: Wanted token ids, or ``IGNORE``.

    Returns:
        Mean cross-entropy in nats.

    Raises:
        TypeError: If logits are no tensor of floats, or targets none of integers.
        ValueError: If they do not belong together.

    Source: Radford et al. 2018, section 3.1; the mean is over all counting targets of the batch,
    not first within each row.
    """
    targets = check_targets(logits, targets)
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE)


def token_losses(
    logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"]
) -> Float[Tensor, "B T"]:
    """Give the surprise of each target by itself, in nats; 0 where the target is ``IGNORE``.

    Args:
        logits: Scores of every vocabulary entry at every place.
        targets: Wanted token ids, or ``IGNORE``.

    Returns:
        ``-log p(target)`` for each place.

    Raises:
        TypeError: If logits are no tensor of floats, or targets none of integers.
        ValueError: If they do not belong together.
    """
    targets = check_targets(logits, targets)
    flat = F.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE, reduction="none"
    )
    return torch.unflatten(flat, 0, targets.shape)


def check_targets(logits: Any, targets: Any, name: str = "logits") -> Any:
    """Refuse logits and targets that do not belong together.

    Shapes are not annotated here: this is where a wrong one gets its message.

    Args:
        logits: Scores of every vocabulary entry at every place, (B, T, V).
        targets: Wanted token ids, or ``IGNORE``, (B, T).
        name: How messages call the logits.

    Returns:
        The targets in int64, as torch wants them.

    Raises:
        TypeError: If logits are no tensor of floats, or targets none of integers.
        ValueError: If a shape is wrong.
    """
    check_floats(name, logits, "B T V")
    targets = check_ids("targets", targets, "B T")
    if logits.shape[:2] != targets.shape:
        raise ValueError(
            f"targets must be one for each place of {name}, {tuple(logits.shape[:2])}, "
            f"got shape {tuple(targets.shape)}"
        )
    return targets
