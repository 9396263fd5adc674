"""Processors that drop every token less likely than some number."""

import math
from typing import SupportsIndex

import torch
from torch import Tensor

from course_lib.checks import check_numbers
from course_lib.generation.chain import Processor
from course_lib.generation.processors import at_least_one
from course_lib.shapes import Float


def epsilon_cutoff(epsilon: float, min_tokens_to_keep: SupportsIndex = 1) -> Processor:
    """Drop tokens less likely than `epsilon`.

    Where the model is unsure, with many tokens about equally likely, it drops far more than top-p.

    Args:
        epsilon: Probability, in (0, 1); 3e-4 to 9e-4 in the paper.
        min_tokens_to_keep: Keep at least this many, whatever `epsilon` says.

    Raises:
        TypeError: If a number is none.
        ValueError: If `epsilon` is outside (0, 1) or `min_tokens_to_keep` is below 1.

    Source: Hewitt, Manning and Liang 2022, section 3.2.
    """
    epsilon = _share(epsilon, "epsilon_cutoff")
    n_kept = at_least_one(min_tokens_to_keep, "epsilon_cutoff")

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        return _drop(logits, logits.softmax(-1) < epsilon, n_kept)

    return Processor(f"epsilon_cutoff({epsilon})", rule)


def eta_cutoff(epsilon: float, min_tokens_to_keep: SupportsIndex = 1) -> Processor:
    """Drop tokens less likely than `epsilon`, or than a bar that falls where the model is unsure.

    The bar is the smaller of `epsilon` and sqrt(`epsilon`) * exp(-entropy).

    Args:
        epsilon: Probability, in (0, 1); 3e-4 to 4e-3 in the paper.
        min_tokens_to_keep: Keep at least this many, whatever the bar.

    Raises:
        TypeError: If a number is none.
        ValueError: If `epsilon` is outside (0, 1) or `min_tokens_to_keep` is below 1.

    Source: Hewitt, Manning and Liang 2022, section 3.3.
    """
    epsilon = _share(epsilon, "eta_cutoff")
    n_kept = at_least_one(min_tokens_to_keep, "eta_cutoff")

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        log_chances = logits.log_softmax(-1)
        chances = log_chances.exp()
        entropy = -(log_chances * chances).nansum(-1, keepdim=True)  # 0 log 0 is 0
        bar = (math.sqrt(epsilon) * torch.exp(-entropy)).clamp(max=epsilon)
        return _drop(logits, chances < bar, n_kept)

    return Processor(f"eta_cutoff({epsilon})", rule)


def _drop(logits: Float[Tensor, "B V"], unlikely: Tensor, n_kept: int) -> Float[Tensor, "B V"]:
    """Drop what is unlikely, but not the `n_kept` best tokens or what ties with them."""
    edge = logits.topk(min(n_kept, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(unlikely & (logits < edge), -math.inf)


def _share(given: float, step: str) -> float:
    [epsilon] = check_numbers(**{f"{step}: epsilon": given})
    if not 0 < epsilon < 1:
        raise ValueError(f"{step}: epsilon got {epsilon}, wants a number in (0, 1)")
    return float(epsilon)
