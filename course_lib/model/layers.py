"""The parts of a block that look at one token at a time: norms and the feed-forward network.

Chapter: 07_feed_forward_softmax
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_floats, check_numbers, check_sizes
from course_lib.config import TransformerConfig
from course_lib.shapes import Float

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,  # x times the probability that a standard normal value is below x
    "gelu_tanh": partial(F.gelu, approximate="tanh"),  # at most 4.7e-4 off the exact one
    "silu": F.silu,
}


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale; no mean is taken off and no bias added.

    The mean square is taken in float32 at least, whatever the type of the input.

    Args:
        d_model: Width, D.
        eps: Added to the mean square before the root.

    Raises:
        TypeError: If the width is no whole number, or the other no number.
        ValueError: If one is out of range.

    Source: Zhang and Sennrich 2019, section 3.
    """

    def __init__(self, d_model: int, eps: float) -> None:
        super().__init__()
        [d_model], [eps] = check_sizes(d_model=d_model), check_numbers(eps=eps)
        if not 0 <= eps < float("inf"):
            raise ValueError(f"eps must be 0 or more and finite, got {eps}")
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        """Normalise the last dimension."""
        if not isinstance(x, Tensor) or not x.is_floating_point():
            check_floats("x", x)
        if x.shape[-1:] != self.weight.shape:  # one number would be stretched to the width
            raise ValueError(f"x must be (..., {len(self.weight)}), got shape {tuple(x.shape)}")
        wide = x if x.dtype == torch.float64 else x.float()
        normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        kept = self.weight.dtype  # a wide stream, as in `PreciseLinear`, ends at 16 bits here
        kept = kept if kept in (torch.float16, torch.bfloat16) else x.dtype
        return normed.to(kept) * self.weight


def make_norm(config: TransformerConfig) -> nn.Module:
    """Build the norm a config names.

    Args:
        config: Reads norm, d_model, norm_eps.

    Returns:
        A module that normalises the last dimension.
    """
    kinds: dict[str, Callable[[int, float], nn.Module]] = {"layer": nn.LayerNorm, "rms": RMSNorm}
    return kinds[config.norm](config.d_model, config.norm_eps)


class PreciseLinear(nn.Linear):
    """A linear layer that answers in float32 where its input is float16.

    Models that do not scale their scores (T5) were trained where numbers reach further than the
    65,504 of float16, and the network that narrows passes it first. With it the stream itself
    becomes float32, up to the next norm.

    Source: the `transformers` library, which keeps this matrix of T5 in float32.
    """

    def forward(self, x: Float[Tensor, "... F"]) -> Float[Tensor, "... D"]:
        """Multiply, wide enough for any product."""
        if x.dtype != torch.float16:
            return super().forward(x)
        bias = None if self.bias is None else self.bias.float()
        return F.linear(x.float(), self.weight.float(), bias)


def add(x: Float[Tensor, "... D"], update: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
    """Add to the stream; a sum beyond float16 becomes a large number, where it would be infinite.

    Args:
        x: The stream.
        update: What a part of the block adds.

    Returns:
        The sum.

    Source: the `transformers` library's T5: 1,000 below the largest number, once one is infinite.
    """
    total = x + update
    if total.dtype != torch.float16:
        return total
    most = torch.finfo(torch.float16).max - 1000 * torch.isinf(total).any()
    return torch.clamp(total, min=-most, max=most)


class FeedForward(nn.Module):
    """Widen, bend, narrow: each token on its own, with the same weights.

    Args:
        config: Reads d_model, d_ff, bias, activation, dropout.

    Source: Vaswani et al. 2017, section 3.3.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.ff_dim, bias=config.bias)
        self.activate = ACTIVATIONS[config.activation]
        linear = nn.Linear if config.scale_scores else PreciseLinear
        self.down = linear(config.ff_dim, config.d_model, bias=config.bias)
        self.dropout = config.dropout

    def widen(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T F"]:
        """Return the activated hidden layer."""
        return self.activate(self.up(x))

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Return what the network adds to the stream."""
        out = self.down(self.widen(x))
        return F.dropout(out, self.dropout) if self.training and self.dropout else out


class GatedFeedForward(FeedForward):
    """A feed-forward network whose activated half scales a second, linear half.

    Args:
        config: As for `FeedForward`.

    Source: Shazeer 2020, section 2.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.gate = nn.Linear(config.d_model, config.ff_dim, bias=config.bias)

    def widen(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T F"]:
        """Return the activated gate times the linear half."""
        return self.activate(self.gate(x)) * self.up(x)


def make_feed_forward(config: TransformerConfig) -> FeedForward:
    """Build the plain or the gated network.

    Args:
        config: Reads `gated` and what the network reads.

    Returns:
        The network.
    """
    return GatedFeedForward(config) if config.gated else FeedForward(config)
