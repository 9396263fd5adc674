"""AdamW, with weight decay only where shrinking a weight means something.

Chapter: 01_relevance
"""

from typing import Any

import torch
from torch import nn

from course_lib.checks import check_module, check_numbers

_SMALL = 10_000_000  # parameters; a copy of as many takes 40 MB
LARGEST_RATE = 1e30
"""AdamW divides it by 1 minus its memory, and that has to fit float32."""


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Part the parameters of a model into those that decay and those that do not.

    Decay pulls a weight towards 0, which is a sensible "no effect" for the matrix of a linear
    layer. It is not one for a norm's gain, and pulling an embedding would punish rare tokens, whose
    rows get few gradients to answer with. So: matrices decay; biases, gains and every other vector
    do not, nor do embeddings, also not one that serves as the output matrix too.

    Args:
        model: Any module. Frozen parameters are left out.
        weight_decay: Decay of the first group; the second has 0.

    Returns:
        Two groups for an optimizer; every trainable parameter is in exactly one of them, once.

    Raises:
        TypeError: If an argument is of a wrong type.

    Source: Radford et al. 2018, section 4.1 (decay on all but bias and gain weights); leaving
    out embeddings is our choice.
    """
    check_module(model)
    [weight_decay] = check_numbers(weight_decay=weight_decay)
    embeddings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for parameter in model.parameters():  # a tied parameter comes once
        if parameter.requires_grad:
            vector = parameter.ndim < 2 or id(parameter) in embeddings
            (kept if vector else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]


def adamw(
    model: nn.Module,
    lr: float,
    weight_decay: float = 0.1,
    *,
    betas: tuple[float, float] = (0.9, 0.95),
    eps: float = 1e-8,
) -> torch.optim.AdamW:
    """Make AdamW over the two groups of ``decay_groups``.

    Args:
        model: The module to train.
        lr: Peak learning rate; a schedule multiplies it.
        weight_decay: Share of a weight taken off a step, times the learning rate.
        betas: Memory of the mean and of the mean square of the gradients.
        eps: Added to the root of the mean square.

    Returns:
        The optimizer. On a CUDA device it uses the fused kernel; on a CPU the parameters of a small
        model are updated together, to the same weights.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If nothing is trainable, or a number is out of range.

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2;
    defaults of Brown et al. 2020, appendix B.
    """
    [lr, weight_decay, eps] = check_numbers(lr=lr, weight_decay=weight_decay, eps=eps)
    if not lr > 0:
        raise ValueError(f"lr must be positive, got {lr}")
    if lr > LARGEST_RATE:
        raise ValueError(f"lr must be at most {LARGEST_RATE:g}, got {lr}")
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be 0 or more, got {weight_decay}")
    groups = [group for group in decay_groups(model, weight_decay) if group["params"]]
    if not groups:
        raise ValueError("model has no trainable parameter: all are frozen or it has none")
    parameters = [parameter for group in groups for parameter in group["params"]]
    fused = all(p.device.type == "cuda" for p in parameters)
    # One call for all is quicker than a call for each, and needs room for a copy of all.
    on_cpu = all(p.device.type == "cpu" for p in parameters)
    small = on_cpu and sum(p.numel() for p in parameters) <= _SMALL
    return torch.optim.AdamW(
        groups, lr=lr, betas=betas, eps=eps, fused=fused or None, foreach=small or None
    )
