"""One new token through a decoder, with the calls between the layers cut away.

A small model spends more time on the way from one layer to the next than inside them. This module
does the arithmetic of `Transformer.decode` for a single new token as a flat list of tensor
operations, and what depends on nothing but the position is computed once, before the first token.
A test holds the two equal for every kind of decoder; whatever is not known to be equal (hooks,
replaced layers) goes through the model itself.
"""

from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.generation.fast.products import linear
from course_lib.generation.fast.token_layers import open_head, open_layers, open_norm
from course_lib.model.cache import KVCache
from course_lib.model.layers import add
from course_lib.model.positions import Angles
from course_lib.model.transformer import Transformer
from course_lib.shapes import Bool, Float, Int

_WORTH_COPYING = 32  # tokens, of all rows together, that pay for copies of the matrices
_MOST_COPIED_BYTES = 2**29


class FastReader:
    """Read one new token per row and return the logits of the next.

    Args:
        model: A model with a decoder, for which `fits` is True.
        cache: What the model has read so far, the prompt at least; for an encoder-decoder also the
            memory. Later its rows may only change places with rows of the same prompt and source.
        n_tokens: How many tokens each row will read: many are worth a copy of the matrices.
    """

    def __init__(self, model: Transformer, cache: KVCache, n_tokens: int = 1) -> None:
        decoder, config, table = model.decoder, model.config, model.embedding.weight
        assert decoder is not None
        B, H, G, K = cache.batch_size, config.n_heads, config.kv_heads, config.head_dim
        self.cache, self.table, self.embedding_scale = cache, table, model.embedding.scale
        self.embedding_norm = open_norm(decoder.embedding_norm)
        self.final_norm = open_norm(decoder.final_norm)
        make = partial(linear, n_rows=B, reorder=_reorder_pays(model, B, n_tokens))
        self.layers = open_layers(decoder, make)
        self.logits = open_head(model, make)
        # Each of the G key-value heads of each of the B rows serves R = H / G queries. The products
        # of attention take them as N = B * G small matrices.
        self.n_shared = H // G
        self.heads = (B, H // G + 2, G, K)  # the H queries, the G keys, the G values
        self.queries = (B * G, H // G, K)
        self.scale = K**-0.5 if config.scale_scores else 1.0
        precise = table.dtype in (torch.float32, torch.float64)
        by_hand = partial(_by_hand, nothing=table.new_zeros(1, 1, 1))
        self.attend = by_hand if precise and table.device.type == "cpu" else _fused

        slots = torch.arange(cache.max_length, device=table.device)
        order, angles = decoder.positions.embed(slots), decoder.positions.angles(slots)
        self.order = None if order is None else order.to(table.dtype)  # (M, D)
        self.angles = None if angles is None else _signed(*(t.to(table.dtype) for t in angles))
        # A bias depends on the distance alone: the last slot's row holds that of every other.
        bias = decoder.positions.bias(slots[-1:], slots)
        if bias is not None:
            bias = bias.to(table.dtype).view(G, H // G, -1).repeat(B, 1, 1)  # (N, R, M)
        self.distance_bias = bias
        self.padding_bias = self.n_padding = None
        if cache.keep is not None:
            keep = cache.keep.index_fill(1, slots[cache.length :], True)
            self.n_padding = (~keep).sum(-1)
            self.padding_bias = _hide(keep, G, table.dtype)
        memory_keep = cache.memory_keep
        self.memory_bias = None if memory_keep is None else _hide(memory_keep, G, table.dtype)
        self.room, self.views = cache.room, _views(cache.room)
        self.memories = [_flat(k, v, memory_keep) for k, v in cache.memory]

    def __call__(self, tokens: Int[Tensor, " B"]) -> Float[Tensor, "B V"]:
        """Return the logits after one more token, and add it to the cache.

        Args:
            tokens: The new token of each row.
        """
        cache, attend, scale, R = self.cache, self.attend, self.scale, self.n_shared
        at, B = cache.length, len(tokens)
        cache.check_room(B, 1)
        bias = self._bias(at)
        angles = self.angles and (self.angles[0].narrow(0, at, 1), self.angles[1].narrow(0, at, 1))
        x = self._embed(tokens, at)
        memories = iter(self.memories)
        for layer, (new, keys, values) in zip(self.layers, self._slots(), strict=True):
            before, enter, leave, after = layer.attention
            heads = enter(before(x)).view(self.heads)
            if angles is not None:
                _turn(heads.narrow(1, 0, R + 1), angles)
            q, kv = heads.split_with_sizes((R, 2), 1)
            new.copy_(kv)
            mixed = attend(q.reshape(self.queries), keys, values, bias, scale)
            x = after(add(x, leave(mixed.view(B, -1))))
            if layer.cross is not None:
                before, enter, leave, after = layer.cross
                q = enter(before(x)).view(self.queries)
                mixed = attend(q, *next(memories), self.memory_bias, scale)
                x = after(add(x, leave(mixed.view(B, -1))))
            before, enter, leave, after = layer.feed_forward
            x = after(add(x, leave(enter(before(x)))))
        cache.advance(1)
        return self.logits(self.final_norm(x))

    def _slots(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Return for each layer where new keys and values belong, and those of all tokens."""
        cache = self.cache
        if cache.room is not self.room:  # its rows have changed places
            self.room, self.views = cache.room, _views(cache.room)
        if cache.keep is not None:
            cache.keep[:, cache.length] = True
        new, keys, values = self.views
        return zip(
            new.select(0, cache.length).unbind(),
            keys.narrow(3, 0, cache.length + 1).unbind(),
            values.narrow(2, 0, cache.length + 1).unbind(),
            strict=True,
        )

    def _embed(self, tokens: Int[Tensor, " B"], slot: int) -> Float[Tensor, "B D"]:
        """Return the token's vectors, with what the positions add."""
        x = F.embedding(tokens, self.table)
        if self.embedding_scale is not None:
            x = x * self.embedding_scale
        if self.order is not None:
            if self.n_padding is None:
                x = x + self.order.narrow(0, slot, 1)
            else:
                x = x + self.order.index_select(0, slot - self.n_padding)
        return self.embedding_norm(x)

    def _bias(self, slot: int) -> Float[Tensor, "N R S"] | None:
        """Return what the token in this slot adds to its scores; minus infinity hides a key."""
        bias = self.distance_bias
        if bias is not None:
            bias = bias.narrow(2, bias.shape[2] - slot - 1, slot + 1)
        if self.padding_bias is None:
            return bias
        hidden = self.padding_bias.narrow(2, 0, slot + 1)
        return hidden if bias is None else bias + hidden


def _reorder_pays(model: Transformer, n_rows: int, n_tokens: int) -> bool:
    """Say whether so many tokens pay for copies of the matrices, and memory allows them."""
    table, decoder = model.embedding.weight, model.decoder
    assert decoder is not None
    n_bytes = table.nbytes + sum(parameter.nbytes for parameter in decoder.parameters())
    many = n_rows * n_tokens >= _WORTH_COPYING
    return many and table.device.type == "cpu" and n_bytes <= _MOST_COPIED_BYTES


def _by_hand(
    q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None, scale: float, *, nothing: Tensor
) -> Tensor:
    """Attend with one query: for so little work, three products are quicker than the kernel."""
    if bias is None:  # a product that scales on its way, and adds nothing, is one call less
        scores = torch.baddbmm(nothing, q, keys, beta=0, alpha=scale)  # (N, R, S)
    else:
        scores = torch.baddbmm(bias, q, keys, alpha=scale)
    return torch.bmm(torch.softmax(scores, -1), values)


def _fused(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """Attend in torch's kernel: where launches cost much, or sums need more digits than inputs."""
    q, keys, values = q[None], keys.transpose(1, 2)[None], values[None]  # N heads of one row
    bias = None if bias is None else bias[None]
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=bias, scale=scale)[0]


def _signed(cos: Float[Tensor, "M K"], sin: Float[Tensor, "M K"]) -> Angles:
    """Give the sines of the first half the sign with which they enter `turn`."""
    first, second = sin.chunk(2, dim=-1)
    return cos, torch.cat((-first, second), dim=-1)


def _turn(heads: Float[Tensor, "B R G K"], angles: Angles) -> None:
    """Do what `turn` does, in place."""
    cos, signed_sin = angles
    swapped = heads.roll(heads.shape[-1] // 2, -1)
    heads.mul_(cos).addcmul_(swapped, signed_sin)


def _hide(keep: Bool[Tensor, "B S"], n_groups: int, dtype: torch.dtype) -> Float[Tensor, "N 1 S"]:
    """Return minus infinity on padding, except in a row that has nothing else."""
    hidden = ~keep & keep.any(1, keepdim=True)
    bias = torch.zeros(keep.shape, dtype=dtype, device=keep.device)
    return bias.masked_fill(hidden, -torch.inf).repeat_interleave(n_groups, 0)[:, None]


def _views(
    room: Float[Tensor, "2 L B G M K"],
) -> tuple[Float[Tensor, "M L B 2 G K"], Float[Tensor, "L N K M"], Float[Tensor, "L N M K"]]:
    """View the cache as `torch.bmm` wants it: batch and heads as one dimension, keys turned."""
    keys, values = room.flatten(2, 3).unbind()  # (L, N, M, K) each
    return room.permute(4, 1, 2, 0, 3, 5), keys.transpose(2, 3), values


def _flat(
    k: Float[Tensor, "B G S K"], v: Float[Tensor, "B G S K"], keep: Bool[Tensor, "B S"] | None
) -> tuple[Float[Tensor, "N K S"], Float[Tensor, "N S K"]]:
    """Lay the memory out for the products; padding gets zeros, which is what a blind query sees."""
    if keep is not None:
        v = v.masked_fill(~keep[:, None, :, None], 0.0)
    return k.flatten(0, 1).transpose(1, 2), v.flatten(0, 1)
