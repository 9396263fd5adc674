"""The layers of a decoder as plain functions of tensors, for `FastReader`."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.generation.fast.products import Map
from course_lib.model.attention import Attention, CrossAttention
from course_lib.model.block import Block, Stack
from course_lib.model.embedding import Embedding
from course_lib.model.heads import HeadTransform, LanguageModelHead
from course_lib.model.layers import FeedForward, GatedFeedForward, PreciseLinear, RMSNorm
from course_lib.model.originals import hooked_everywhere, is_original, replaced_definitions
from course_lib.model.positions import (
    ALiBi,
    Learned,
    Positions,
    Relative,
    Rotary,
    Sinusoidal,
)
from course_lib.model.transformer import Transformer
from course_lib.shapes import Float

Make = Callable[[Tensor, Tensor | None], Map]
_OPENED = (
    Transformer,
    Stack,
    Block,
    Attention,
    CrossAttention,
    FeedForward,
    GatedFeedForward,
    LanguageModelHead,
    HeadTransform,
    RMSNorm,
    nn.Linear,
    PreciseLinear,
    nn.LayerNorm,
    nn.Embedding,
    Embedding,
    nn.ModuleList,
    Positions,
    Sinusoidal,
    Learned,
    Rotary,
    ALiBi,
    Relative,
)


class Sublayer(NamedTuple):
    """What a block does three times: norm, something, add to the stream, or norm last.

    Attributes:
        before: The norm of a block that normalises first.
        enter: The matrix that goes in: queries, keys and values; queries alone; the wide layer.
        leave: The matrix that goes out, back to the width of the stream.
        after: The norm of a block that normalises last.
    """

    before: Map
    enter: Map
    leave: Map
    after: Map


class Layer(NamedTuple):
    """One block."""

    attention: Sublayer
    cross: Sublayer | None
    feed_forward: Sublayer


def fits(model: Transformer) -> bool:
    """Say whether `FastReader` is sure to compute what the model computes.

    Every layer that it opens must be exactly of the class it knows, with the methods and functions
    that it knows, and without hooks: what somebody wrapped, replaced, patched or listens to, or
    keeps in a kind of tensor not known here, is called, not opened. The encoder is not opened.

    Args:
        model: Any model.
    """
    decoder, device = model.decoder, model.embedding.weight.device.type
    if decoder is None or type(decoder) is not Stack or decoder.segments is not None:
        return False
    if hooked_everywhere() or torch.is_autocast_enabled(device) or replaced_definitions():
        return False
    left_alone = set() if model.encoder is None else set(model.encoder.modules())
    opened = [module for module in model.modules() if module not in left_alone]
    if not all(type(module) in _OPENED and is_original(module) for module in opened):
        return False
    return all(map(_reads_config(model.config), opened)) and _has_its_blocks(decoder, model.config)


def _reads_config(config: TransformerConfig) -> Callable[[nn.Module], bool]:
    """Return a check that a module's numbers are still those that the config gave it."""
    scale = config.head_dim**-0.5 if config.scale_scores else 1.0
    sizes = (config.n_heads, config.kv_heads, config.head_dim, scale)

    def check(module: nn.Module) -> bool:
        if module.training and bool(getattr(module, "dropout", 0.0)):
            return False
        if isinstance(module, Attention):
            return (module.n_heads, module.n_kv_heads, module.d_head, module.scale) == sizes
        if isinstance(module, PreciseLinear) and module.weight.dtype == torch.float16:
            return False
        return not (isinstance(module, nn.Embedding) and module.max_norm is not None)

    return check


def _has_its_blocks(decoder: Stack, config: TransformerConfig) -> bool:
    """Say whether the decoder's blocks are as many as the cache has layers, and all alike."""
    blocks = list(cast(Iterable[Block], decoder.blocks))
    alike = all(block.has_cross == decoder.has_cross for block in blocks)
    return alike and decoder.causal and len(blocks) == config.n_decoder_layers


def open_layers(decoder: Stack, make: Make) -> list[Layer]:
    """Turn the blocks of a decoder into plain functions.

    Args:
        decoder: A stack for which `fits` is True.
        make: Turns a matrix and a bias into a linear map.
    """
    return [_open(block, make) for block in cast(Iterable[Block], decoder.blocks)]


def open_norm(module: nn.Module | None) -> Map:
    """Turn a norm, or none, into a plain function.

    Args:
        module: `LayerNorm`, `RMSNorm` or None.
    """
    if module is None:
        return _same
    if isinstance(module, nn.LayerNorm):
        return partial(
            torch.layer_norm,
            normalized_shape=module.normalized_shape,
            weight=module.weight,
            bias=module.bias,
            eps=module.eps,
        )
    assert isinstance(module, RMSNorm)
    weight, width = module.weight.detach(), len(module.weight)
    if weight.dtype not in (torch.float32, torch.float64):
        return module.forward
    # x / sqrt(|x|^2 / D + eps) is x / hypot(|x|, sqrt(D * eps)) * sqrt(D).
    least = weight.new_tensor(math.sqrt(width * module.eps))
    return partial(_normalise, least=least, weight=weight * math.sqrt(width))


def open_head(model: Transformer, make: Make) -> Map:
    """Turn the language modelling head into a plain function of the last stack's output.

    Args:
        model: A model for which `fits` is True.
        make: Turns a matrix and a bias into a linear map.
    """
    head, table = model.head, model.embedding.weight
    if head.transform is not None:
        return lambda x: head(x[:, None], table)[:, 0]
    scale, multiply = head.scale, make(table if head.weight is None else head.weight, head.bias)
    return multiply if scale is None else lambda x: multiply(x * scale)


def _open(block: Block, make: Make) -> Layer:
    attention, feed_forward = block.attention, block.feed_forward

    def linear(module: nn.Linear) -> Map:
        return make(module.weight, module.bias)

    def sublayer(norm: nn.Module, enter: Map, leave: nn.Linear) -> Sublayer:
        opened = open_norm(norm)
        before, after = (opened, _same) if block.norm_first else (_same, opened)
        return Sublayer(before, enter, linear(leave), after)

    cross = None
    if block.has_cross:
        crossed = block.cross_attention
        cross = sublayer(block.cross_attention_norm, linear(crossed.query), crossed.output)
    gate = linear(feed_forward.gate) if isinstance(feed_forward, GatedFeedForward) else None
    widen = partial(_widen, activate=feed_forward.activate, up=linear(feed_forward.up), gate=gate)
    return Layer(
        sublayer(block.attention_norm, linear(attention.qkv), attention.output),
        cross,
        sublayer(block.feed_forward_norm, widen, feed_forward.down),
    )


def _widen(
    x: Float[Tensor, "B D"], *, activate: Map, up: Map, gate: Map | None
) -> Float[Tensor, "B F"]:
    return activate(up(x)) if gate is None else activate(gate(x)) * up(x)


def _normalise(
    x: Float[Tensor, "B D"], *, least: Float[Tensor, ""], weight: Float[Tensor, " D"]
) -> Float[Tensor, "B D"]:
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / torch.hypot(length, least) * weight


def _same(x: Tensor) -> Tensor:
    return x
