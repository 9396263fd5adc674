"""Attention for training in bfloat16 on a CPU, where torch's fused kernel is slow."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.model.masks import Mask, as_bias, causal_mask, combine
from course_lib.shapes import Float

_MOST_KEYS = 512  # up to so many, holding the weights of a layer costs little memory


def two_products_are_quicker(k: Float[Tensor, "B G S K"], v: Float[Tensor, "B G S K"]) -> bool:
    """Say whether two products, which the processor does in 16 bits, beat the fused kernel.

    Args:
        k: Keys.
        v: Values.
    """
    return v.is_cpu and v.dtype is torch.bfloat16 and v.requires_grad and k.shape[2] <= _MOST_KEYS


def attention_in_two_products(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    v: Float[Tensor, "B G S K"],
    *,
    keep: Mask[Tensor, "..."] | None,
    bias: Float[Tensor, "..."] | None,
    scale: float | None,
    causal: bool,
    dropout: float,
) -> Float[Tensor, "B H T K"]:
    """Compute `attention` by holding its weights; the arguments are the same."""
    if causal:
        keep = combine(keep, causal_mask(q.shape[2], k.shape[2], device=q.device))
    bias = as_bias(keep, bias, q.dtype)
    if q.shape[1] != k.shape[1]:
        k, v = (tensor.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for tensor in (k, v))
    blind = None
    with torch.autocast("cpu", enabled=False):  # it would take the softmax back to float32
        scores = (q * (q.shape[-1] ** -0.5 if scale is None else scale)).to(v.dtype)
        scores = scores @ k.to(v.dtype).transpose(-2, -1)  # (B, H, T, S)
        if bias is not None:
            blind = bias.amax(-1, keepdim=True) == float("-inf")  # queries that may see nothing
            scores = scores + bias.masked_fill(blind, 0.0).to(v.dtype)
        mixed = F.dropout(scores.softmax(-1), dropout) @ v
    return mixed if blind is None else mixed.masked_fill(blind, 0.0)
