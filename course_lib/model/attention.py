"""Attention: each token asks, every visible token answers in proportion to how well it fits."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.cache import KVCache
from course_lib.model.masks import as_bias, causal_mask, combine
from course_lib.model.positions import Angles, turn

_PLAIN_KEYS = 512  # up to so many, holding the weights of a layer costs little memory


class View(NamedTuple):
    """What one forward pass knows about order and sight; built once, shared by all blocks.

    Attributes:
        causal: Whether the kernel itself must hide later tokens (no `bias` needed for it).
        bias: Added to the scores, broadcastable to (B, H, T, S); minus infinity hides a key.
        angles: Cosines and sines that turn queries and keys, or None.
    """

    causal: bool = False
    bias: Tensor | None = None
    angles: Angles | None = None


def attention_weights(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    *,
    keep: Bool[Tensor, "..."] | None = None,
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

    Source: Vaswani et al. 2017, section 3.2.1; grouped heads: Ainslie et al. 2023, section 2.2.
    Chapter: 06_attention
    """
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
    keep: Bool[Tensor, "..."] | None = None,
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

    Source: Vaswani et al. 2017, section 3.2.1; kernel: Dao et al. 2022.
    Chapter: 06_attention
    """
    plain = v.is_cpu and v.dtype is torch.bfloat16 and v.requires_grad and k.shape[2] <= _PLAIN_KEYS
    masked = keep is not None or bias is not None or q.shape[2] != k.shape[2]
    if causal and (plain or masked):
        keep = combine(keep, causal_mask(q.shape[2], k.shape[2], device=q.device))
        causal = False
    bias = as_bias(keep, bias, q.dtype)
    if plain:
        return _plain_attention(q, k, v, bias, scale, dropout)
    return F.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=bias,
        dropout_p=dropout,
        is_causal=causal,
        scale=scale,
        enable_gqa=q.shape[1] != k.shape[1],
    )


def _plain_attention(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float | None, dropout: float
) -> Tensor:
    # For training in bfloat16 on a CPU: torch's fused kernel is slower there than two products,
    # which the processor does in 16 bits.
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


class Attention(nn.Module):
    """Self-attention: project to heads, attend, merge the heads.

    One matrix makes queries, keys and values: its rows are the H query heads, then the G key
    heads, then the G value heads, K rows each.

    Args:
        config: Reads d_model, n_heads, n_kv_heads, d_head, bias, scale_scores, dropout.

    Source: Vaswani et al. 2017, section 3.2.2.
    Chapter: 06_attention
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

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        view: View,
        cache: KVCache | None = None,
        layer: int = 0,
        record: list[Tensor] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Let every token gather from the tokens it may see.

        Args:
            x: The normalised stream.
            view: What may be seen, and how order enters.
            cache: Holds the keys and values of earlier tokens; None for none.
            layer: This layer's place in the cache.
            record: If given, the weights (B, H, T, S) are appended to it.

        Returns:
            What each token gathered.
        """
        B, T, _ = x.shape
        H, G = self.n_heads, self.n_kv_heads
        heads = self.qkv(x).view(B, T, H + 2 * G, self.d_head).transpose(1, 2)  # (B, H+2G, T, K)
        if view.angles is None:
            q, k, v = heads.split_with_sizes((H, G, G), dim=1)
        else:
            qk, v = heads.split((H + G, G), dim=1)
            q, k = turn(qk, view.angles).split((H, G), dim=1)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        return self.merge(q, k, v, view, record)

    def merge(
        self,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B G S K"],
        v: Float[Tensor, "B G S K"],
        view: View,
        record: list[Tensor] | None,
    ) -> Float[Tensor, "B T D"]:
        """Attend with every head and bring their results back to the stream's width."""
        dropout = self.dropout if self.training else 0.0
        if record is None:
            mixed = attention(
                q, k, v, bias=view.bias, scale=self.scale, causal=view.causal, dropout=dropout
            )
        else:
            record.append(
                attention_weights(q, k, bias=view.bias, scale=self.scale, causal=view.causal)
            )
            mixed = record[-1] @ v.repeat_interleave(q.shape[1] // v.shape[1], dim=1)
        merged = mixed.transpose(1, 2).flatten(2)  # (B, T, H*K)
        out = self.output(merged)
        return F.dropout(out, dropout) if dropout else out


class CrossAttention(Attention):
    """Attention whose keys and values come from the encoder's output, the memory.

    Args:
        config: As for `Attention`.

    Source: Vaswani et al. 2017, section 3.2.3.
    Chapter: 08_detailed_architecture
    """

    def make_projections(self, config: TransformerConfig) -> None:
        """Create one matrix for the queries and one for keys and values together."""
        d, K = config.d_model, config.head_dim
        self.query = nn.Linear(d, config.n_heads * K, bias=config.bias)
        self.key_value = nn.Linear(d, 2 * config.kv_heads * K, bias=config.bias)

    def project_memory(
        self, memory: Float[Tensor, "B S D"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Make the keys and values of the memory, once for all decoding steps."""
        B, S, _ = memory.shape
        heads = self.key_value(memory).view(B, S, 2 * self.n_kv_heads, self.d_head).transpose(1, 2)
        k, v = heads.chunk(2, dim=1)
        return k, v

    def forward(  # type: ignore[override]
        self,
        x: Float[Tensor, "B T D"],
        memory: tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]],
        view: View,
        record: list[Tensor] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Let every token gather from the memory.

        Args:
            x: The decoder's normalised stream.
            memory: The memory's keys and values, from `project_memory`.
            view: Which memory slots may be seen.
            record: If given, the weights (B, H, T, S) are appended to it.

        Returns:
            What each token gathered.
        """
        B, T, _ = x.shape
        q = self.query(x).view(B, T, self.n_heads, self.d_head).transpose(1, 2)
        return self.merge(q, *memory, view, record)
