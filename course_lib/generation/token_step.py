"""One new token through a decoder, with the calls between the layers cut away.

A small model spends more time on the way from one layer to the next than inside them. This module
does the arithmetic of `Transformer.decode` for a single new token as a flat list of tensor
operations. A test holds the two equal for every kind of decoder; whatever is not known to be equal
(hooks, replaced layers, padding, cross-attention) goes through the model itself.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.model.attention import Attention
from course_lib.model.block import Block, Stack
from course_lib.model.cache import KVCache
from course_lib.model.heads import HeadTransform, LanguageModelHead
from course_lib.model.layers import FeedForward, GatedFeedForward, RMSNorm
from course_lib.model.positions import turn
from course_lib.model.transformer import Transformer

Map = Callable[[Tensor], Tensor]
_WORTH_COPYING = 64  # tokens after which the faster products have paid for the copy
_MOST_COPIED_BYTES = 2**29
_OPENED = (
    Transformer,
    Stack,
    Block,
    Attention,
    FeedForward,
    GatedFeedForward,
    LanguageModelHead,
    HeadTransform,
    RMSNorm,
    nn.Linear,
    nn.LayerNorm,
    nn.Embedding,
    nn.ModuleList,
)


class Layer(NamedTuple):
    """The maps of one block, each a function of one tensor."""

    attention_norm: Map
    qkv: Map
    output: Map
    feed_forward_norm: Map
    up: Map
    activate: Map
    gate: Map | None
    down: Map


class TokenStep:
    """Read one new token per row and return the logits of the next.

    Args:
        model: A decoder-only model for which `fits` is True.
        n_tokens: How many tokens it will read. For many, on a processor, the matrices are copied
            in the order (in, out), which a product with a single row reads faster; below that, and
            for models beyond some hundred megabytes, they are used where they are.

    Chapter: 11_generative_configuration
    """

    def __init__(self, model: Transformer, n_tokens: int = 1) -> None:
        decoder, config = model.decoder, model.config
        assert decoder is not None
        self.logits = model.logits
        self.embedding: Map = partial(F.embedding, weight=model.embedding.weight)
        self.embedding_scale = model.embedding_scale
        self.positions = decoder.positions
        first, last = decoder.embedding_norm, decoder.final_norm
        self.embedding_norm = None if first is None else _norm(first)
        self.final_norm = None if last is None else _norm(last)
        size = sum(p.numel() * p.element_size() for p in decoder.blocks.parameters())
        on_processor = model.embedding.weight.device.type == "cpu"
        copy = on_processor and n_tokens >= _WORTH_COPYING and size <= _MOST_COPIED_BYTES
        blocks = cast(Iterable[Block], decoder.blocks)
        self.layers = [_layer(block, _copied if copy else _linear) for block in blocks]
        self.norm_first = config.norm_placement == "pre"
        self.n_heads, self.n_kv_heads, self.d_head = (
            config.n_heads,
            config.kv_heads,
            config.head_dim,
        )
        self.attend = partial(
            F.scaled_dot_product_attention,
            scale=config.head_dim**-0.5 if config.scale_scores else 1.0,
            enable_gqa=config.n_heads != config.kv_heads,
        )

    def __call__(self, tokens: Int[Tensor, " B"], cache: KVCache) -> Float[Tensor, "B V"]:
        """Return the logits after one more token.

        Args:
            tokens: The new token of each row.
            cache: Earlier tokens, none of them padding; filled with these.
        """
        H, G, K = self.n_heads, self.n_kv_heads, self.d_head
        at, end, n_rows = cache.length, cache.length + 1, len(tokens)
        slots = torch.arange(end, device=tokens.device)
        now = slots[at:]
        x = self.embedding(tokens)  # (B, D): with one token, the T axis is left out
        if self.embedding_scale is not None:
            x = x * self.embedding_scale
        order = self.positions.embed(now)
        if order is not None:
            x = x + order.to(x.dtype)
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        angles = self.positions.angles(now)
        bias = self.positions.bias(now, slots)
        if bias is not None:
            bias = bias.to(x.dtype)
        cache.start(n_rows, 1, None)
        for number, layer in enumerate(self.layers):
            seen = layer.attention_norm(x) if self.norm_first else x
            heads = layer.qkv(seen).view(n_rows, H + 2 * G, 1, K)
            if angles is None:
                q, k, v = heads.split((H, G, G), dim=1)
            else:
                qk, v = heads.split((H + G, G), dim=1)
                q, k = turn(qk, angles).split((H, G), dim=1)
            k, v = cache.append(number, k, v)
            mixed = self.attend(q, k, v, attn_mask=bias)
            x = x + layer.output(mixed.reshape(n_rows, H * K))
            if not self.norm_first:
                x = layer.attention_norm(x)
            seen = layer.feed_forward_norm(x) if self.norm_first else x
            wide = layer.up(seen)
            if layer.gate is None:
                wide = layer.activate(wide)
            else:
                wide = layer.activate(layer.gate(seen)) * wide
            x = x + layer.down(wide)
            if not self.norm_first:
                x = layer.feed_forward_norm(x)
        cache.advance(1)
        if self.final_norm is not None:
            x = self.final_norm(x)
        return self.logits(x[:, None])[:, 0]


def fits(model: Transformer) -> bool:
    """Say whether `TokenStep` is sure to compute what the model computes.

    Every layer that it opens must be exactly of the class it knows, without hooks: a layer that
    somebody wrapped, quantized or listens to is called, not opened.

    Args:
        model: Any model.
    """
    decoder = model.decoder
    if decoder is None or model.encoder is not None or decoder.segments is not None:
        return False
    apart = set(decoder.positions.modules())
    for module in model.modules():
        if module._forward_hooks or module._forward_pre_hooks:
            return False
        if module not in apart and type(module) not in _OPENED:
            return False
    return True


def _layer(block: Block, linear: Callable[[nn.Linear], Map]) -> Layer:
    attention, feed_forward = block.attention, block.feed_forward
    gate = feed_forward.gate if isinstance(feed_forward, GatedFeedForward) else None
    return Layer(
        attention_norm=_norm(block.attention_norm),
        qkv=linear(attention.qkv),
        output=linear(attention.output),
        feed_forward_norm=_norm(block.feed_forward_norm),
        up=linear(feed_forward.up),
        activate=feed_forward.activate,
        gate=None if gate is None else linear(gate),
        down=linear(feed_forward.down),
    )


def _linear(module: nn.Linear) -> Map:
    return partial(F.linear, weight=module.weight, bias=module.bias)


def _copied(module: nn.Linear) -> Map:
    weight, bias = module.weight.detach().t().contiguous(), module.bias  # (in, out)
    if bias is None:
        return partial(torch.mm, mat2=weight)
    return lambda x: torch.addmm(bias, x, weight)


def _norm(module: nn.Module) -> Map:
    if not isinstance(module, nn.LayerNorm):
        return module.forward
    return partial(
        torch.layer_norm,
        normalized_shape=module.normalized_shape,
        weight=module.weight,
        bias=module.bias,
        eps=module.eps,
    )
