"""Attention: each token asks, every visible token answers in proportion to how well it fits.

Chapter: 06_attention
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_flags
from course_lib.config import TransformerConfig
from course_lib.model.bfloat16 import attention_in_two_products, two_products_are_quicker
from course_lib.model.cache import LayerCache
from course_lib.model.checks import check_heads, check_scores
from course_lib.model.masks import Mask, as_bias, causal_mask, combine
from course_lib.model.positions import Angles, turn
from course_lib.shapes import Float

Memory = tuple[Tensor, Tensor]  # keys and values of an encoder's output, (B, G, S, K) each


class View(NamedTuple):
    """What an attention knows beside its input: order, sight, earlier tokens, who looks on.

    Order and sight are decided once in a forward pass, and shared by all blocks.

    Attributes:
        causal: Whether the kernel itself must hide later tokens (no `bias` needed for it).
        bias: Added to the scores, broadcastable to (B, H, T, S); minus infinity hides a key.
        angles: Cosines and sines that turn queries and keys, or None.
        cache: This layer's part of the cache, from `KVCache.at`; None for none.
        record: If given, a list that takes the weights (B, H, T, S).
    """

    causal: bool = False
    bias: Tensor | None = None
    angles: Angles | None = None
    cache: LayerCache | None = None
    record: list[Tensor] | None = None


def attention_weights(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    *,
    keep: Mask[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    scale: float | None = None,
    causal: bool = False,
) -> Float[Tensor, "B H T S"]:
    """Compute softmax(q k^T * scale + bias): how much each query takes from each key.

    Rows sum to 1, except that a query which may see nothing has a row of zeros, never NaN.

    Args:
        q: Queries.
        k: Keys; G divides H, and key head g serves the H/G query heads from g * H/G on.
        keep: True where a query may see a key; broadcastable to (B, H, T, S).
        bias: Added to the scores after scaling; broadcastable to (B, H, T, S).
        scale: Factor of the scores; None means K ** -0.5.
        causal: Whether to hide keys that come after the query.

    Returns:
        The weights.

    Raises:
        TypeError: If queries, keys or bias are no tensors of floats, the mask holds fractions, or
            another argument is of a wrong type.
        ValueError: If queries and keys do not belong together, or a number is out of range.

    Source: Vaswani et al. 2017, section 3.2.1; grouped heads: Ainslie et al. 2023, section 2.2.
    """
    check_heads(q, k, k)
    scale, _ = check_scores(q, bias, scale)
    [causal] = check_flags(causal=causal)
    k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        keep = combine(keep, causal_mask(q.shape[2], k.shape[2], device=q.device))
    bias = as_bias(keep, bias, scores.dtype)
    if bias is None:
        return scores.softmax(-1)
    scores = scores + bias  # (B, H, T, S)
    blind = scores.amax(-1, keepdim=True) == float("-inf")  # queries that may see nothing
    return scores.masked_fill(blind, 0.0).softmax(-1).masked_fill(blind, 0.0)


def attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    v: Float[Tensor, "B G S K"],
    *,
    keep: Mask[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    scale: float | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """Mix the values by how well their keys answer each query, in one fused kernel.

    The result is `attention_weights(...) @ v` without ever holding the weights.

    Args:
        q: Queries.
        k: Keys; G divides H.
        v: Values, one for each key.
        keep: True where a query may see a key; broadcastable to (B, H, T, S).
        bias: Added to the scores after scaling; broadcastable to (B, H, T, S).
        scale: Factor of the scores; None means K ** -0.5.
        causal: Whether to hide keys that come after the query.
        dropout: Probability of dropping a weight.

    Returns:
        One mixture of values for each query; zeros for a query that may see nothing.

    Raises:
        TypeError: If queries, keys, values or bias are no tensors of floats, the mask holds
            fractions, or another argument is of a wrong type.
        ValueError: If they do not belong together, or a number is out of range.

    Source: Vaswani et al. 2017, section 3.2.1; kernel: Dao et al. 2022.
    """
    check_heads(q, k, v)
    scale, dropout = check_scores(q, bias, scale, dropout)
    [causal] = check_flags(causal=causal)
    if two_products_are_quicker(k, v):
        return attention_in_two_products(
            q, k, v, keep=keep, bias=bias, scale=scale, causal=causal, dropout=dropout
        )
    if causal and (keep is not None or bias is not None or q.shape[2] != k.shape[2]):
        keep = combine(keep, causal_mask(q.shape[2], k.shape[2], device=q.device))
        causal = False
    return F.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=as_bias(keep, bias, q.dtype),
        dropout_p=dropout,
        is_causal=causal,
        scale=scale,
        enable_gqa=q.shape[1] != k.shape[1],
    )


def split_projection(
    projected: Float[Tensor, "B T W"], d_head: int, *n_heads: int
) -> list[Float[Tensor, "B _ T K"]]:
    """Take apart what one matrix made at once, and put the heads of each part before the tokens.

    The parts are views, and in the backward pass one copy joins their gradients. To transpose
    first would give the same parts, but the joined gradients would then be copied once more.

    Args:
        projected: Output of the matrix: heads side by side, K numbers each.
        d_head: Width of a head, K.
        n_heads: Heads of each part.

    Returns:
        A tensor for each part.
    """
    B, T, _ = projected.shape
    parts = projected.view(B, T, sum(n_heads), d_head).split_with_sizes(n_heads, dim=2)
    return [part.transpose(1, 2) for part in parts]


class Attention(nn.Module):
    """Self-attention: project to heads, attend, merge the heads.

    One matrix makes queries, keys and values: its rows are the H query heads, then the G key
    heads, then the G value heads, K rows each.

    Args:
        config: Reads d_model, n_heads, n_kv_heads, d_head, bias, scale_scores, dropout.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.n_heads, self.n_kv_heads, self.d_head = (
            config.n_heads,
            config.kv_heads,
            config.head_dim,
        )
        self.scale = config.head_dim**-0.5 if config.scale_scores else 1.0
        self.dropout = config.dropout
        self.make_projections(config)
        self.output = nn.Linear(config.n_heads * config.head_dim, config.d_model, bias=config.bias)

    def make_projections(self, config: TransformerConfig) -> None:
        """Create the matrices that make queries, keys and values."""
        width = (config.n_heads + 2 * config.kv_heads) * config.head_dim
        self.qkv = nn.Linear(config.d_model, width, bias=config.bias)

    def project(
        self, x: Float[Tensor, "B T D"], view: View, memory: Memory | None
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Make queries, keys and values, and turn them; keys and values of the cache stand first.

        Args:
            x: The normalised stream.
            view: How order enters, and this layer's cache.
            memory: None, for self-attention.
        """
        H, G = self.n_heads, self.n_kv_heads
        if view.angles is None:
            q, k, v = split_projection(self.qkv(x), self.d_head, H, G, G)
        else:
            qk, v = split_projection(self.qkv(x), self.d_head, H + G, G)
            q, k = turn(qk, view.angles).split((H, G), dim=1)
        return (q, k, v) if view.cache is None else (q, *view.cache.append(k, v))

    def forward(
        self, x: Float[Tensor, "B T D"], view: View, memory: Memory | None = None
    ) -> Float[Tensor, "B T D"]:
        """Let every token gather from the tokens it may see, with every head, and merge the heads.

        Args:
            x: The normalised stream.
            view: What may be seen, and how order enters.
            memory: Keys and values of the encoder's output, for `CrossAttention`.

        Returns:
            What each token gathered.
        """
        q, k, v = self.project(x, view, memory)
        dropout = self.dropout if self.training else 0.0
        bias, scale, causal = view.bias, self.scale, view.causal
        if view.record is None:
            mixed = attention(q, k, v, bias=bias, scale=scale, causal=causal, dropout=dropout)
        else:
            weights = attention_weights(q, k, bias=bias, scale=scale, causal=causal)
            view.record.append(weights)
            mixed = weights @ v.repeat_interleave(q.shape[1] // v.shape[1], dim=1)
        out = self.output(mixed.transpose(1, 2).flatten(2))  # (B, T, H*K), then (B, T, D)
        return F.dropout(out, dropout) if dropout else out


class CrossAttention(Attention):
    """Attention whose keys and values come from the encoder's output, the memory.

    Args:
        config: As for `Attention`.

    Source: Vaswani et al. 2017, section 3.2.3.
    """

    def make_projections(self, config: TransformerConfig) -> None:
        """Create one matrix for the queries and one for keys and values together."""
        d, K = config.d_model, config.head_dim
        self.query = nn.Linear(d, config.n_heads * K, bias=config.bias)
        self.key_value = nn.Linear(d, 2 * config.kv_heads * K, bias=config.bias)

    def project_memory(self, memory: Float[Tensor, "B S D"]) -> Memory:
        """Make the keys and values of the memory, once for all decoding steps."""
        G = self.n_kv_heads
        k, v = split_projection(self.key_value(memory), self.d_head, G, G)
        return k, v

    def project(
        self, x: Float[Tensor, "B T D"], view: View, memory: Memory | None
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Make the queries; keys and values are the memory's.

        Args:
            x: The decoder's normalised stream.
            view: Which memory slots may be seen.
            memory: The memory's keys and values, from `project_memory`.
        """
        B, T, _ = x.shape
        assert memory is not None
        q = self.query(x).view(B, T, self.n_heads, self.d_head).transpose(1, 2)
        return q, *memory
