"""The block every model in this course is a pile of, and the pile."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.attention import Attention, CrossAttention, View
from course_lib.model.cache import KVCache
from course_lib.model.layers import make_feed_forward, make_norm
from course_lib.model.masks import as_bias, causal_mask, combine, count_kept, padding_mask
from course_lib.model.positions import make_positions

Memory = tuple[Tensor, Tensor]


class Block(nn.Module):
    """Gather from other tokens, then think alone; each step adds to the stream.

    Args:
        config: Sizes and choices.
        cross: Whether a second attention looks at the encoder's memory.

    Source: Vaswani et al. 2017, section 3.1; norm first: Radford et al. 2019, section 2.3.
    Chapter: 08_detailed_architecture
    """

    def __init__(self, config: TransformerConfig, *, cross: bool) -> None:
        super().__init__()
        self.norm_first = config.norm_placement == "pre"
        self.attention_norm = make_norm(config)
        self.attention = Attention(config)
        self.has_cross = cross
        if cross:
            self.cross_attention_norm = make_norm(config)
            self.cross_attention = CrossAttention(config)
        self.feed_forward_norm = make_norm(config)
        self.feed_forward = make_feed_forward(config)

    def project_memory(self, memory: Float[Tensor, "B S D"]) -> Memory:
        """Make this block's keys and values of the encoder's output."""
        return self.cross_attention.project_memory(memory)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        view: View,
        memory: Memory | None = None,
        memory_view: View | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        records: tuple[list[Tensor], list[Tensor]] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Pass the stream through one block.

        Args:
            x: The stream.
            view: What each token may see of the others.
            memory: Keys and values of the encoder's output, for a block that looks at it.
            memory_view: What each token may see of the memory.
            cache: Keys and values of earlier tokens.
            layer: The block's number.
            records: If given, two lists that take the weights of self- and cross-attention.

        Returns:
            The stream with what the block added.
        """
        own, crossed = (None, None) if records is None else records
        if self.norm_first:
            x = x + self.attention(self.attention_norm(x), view, cache, layer, own)
            if self.has_cross:
                seen = self.cross_attention_norm(x)
                x = x + self.cross_attention(seen, memory, memory_view, crossed)
            return x + self.feed_forward(self.feed_forward_norm(x))
        x = self.attention_norm(x + self.attention(x, view, cache, layer, own))
        if self.has_cross:
            gathered = self.cross_attention(x, memory, memory_view, crossed)
            x = self.cross_attention_norm(x + gathered)
        return self.feed_forward_norm(x + self.feed_forward(x))


class Stack(nn.Module):
    """An encoder or a decoder: order, blocks, and a norm at either end where the model has one.

    The two differ in one thing only: whether a token may see later ones.

    Args:
        config: Sizes and choices.
        n_layers: Blocks.
        causal: Whether later tokens are hidden.
        cross: Whether the blocks look at an encoder's memory.

    Source: Vaswani et al. 2017, figure 1.
    Chapter: 08_detailed_architecture
    """

    def __init__(
        self, config: TransformerConfig, n_layers: int, *, causal: bool, cross: bool = False
    ) -> None:
        super().__init__()
        self.causal = causal
        self.has_cross = cross
        self.dropout = config.dropout
        self.positions = make_positions(config, bidirectional=not causal)
        self.segments = (
            nn.Embedding(config.n_segments, config.d_model) if config.n_segments else None
        )
        self.embedding_norm = make_norm(config) if config.embedding_norm else None
        self.blocks = nn.ModuleList(Block(config, cross=cross) for _ in range(n_layers))
        self.final_norm = make_norm(config) if config.final_norm else None

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        keep: Bool[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        memory: Float[Tensor, "B S D"] | None = None,
        memory_keep: Bool[Tensor, "B S"] | None = None,
        cache: KVCache | None = None,
        records: tuple[list[Tensor], list[Tensor]] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Run the stack over embedded tokens.

        Args:
            x: Token embeddings.
            keep: True for real tokens; None means all are.
            segments: Segment of each token; None means segment 0.
            positions: Position of each token; None counts the real tokens.
            memory: The encoder's output, on the first call with a cache or without one.
            memory_keep: Which slots of the memory are real.
            cache: Earlier tokens; filled with these.
            records: If given, two lists that take the weights of self- and cross-attention.

        Returns:
            The hidden states.
        """
        n_tokens = x.shape[1]
        start = 0 if cache is None else cache.length
        keep_keys = keep if cache is None else cache.start(x.shape[0], n_tokens, keep)
        slots = torch.arange(start + n_tokens, device=x.device)
        new_slots = slots[start:] if start else slots
        if positions is not None:
            at = positions
        else:
            at = new_slots if keep_keys is None else count_kept(keep_keys)[:, start:]

        order = self.positions.embed(at)
        if order is not None:
            x = x + order.to(x.dtype)
        if self.segments is None:
            if segments is not None:
                raise ValueError("segments given, but n_segments=0: this model has no segments")
        else:
            x = x + (self.segments.weight[0] if segments is None else self.segments(segments))
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        if self.dropout and self.training:
            x = F.dropout(x, self.dropout)

        turned = new_slots if positions is None else positions
        view = self._view(x.dtype, slots, start, keep_keys, turned)
        memories = self._memories(memory, memory_keep, cache)
        memory_view = None
        if self.has_cross:
            memory_keep = memory_keep if cache is None else cache.memory_keep
            memory_view = View(
                bias=None
                if memory_keep is None
                else as_bias(padding_mask(memory_keep), None, x.dtype)
            )
        for layer, block in enumerate(self.blocks):
            seen = memories[layer] if self.has_cross else None
            x = block(x, view, seen, memory_view, cache, layer, records)
        if cache is not None:
            cache.advance(n_tokens)
        return x if self.final_norm is None else self.final_norm(x)

    def _view(
        self,
        dtype: torch.dtype,
        slots: Int[Tensor, " S"],
        start: int,
        keep_keys: Bool[Tensor, "B S"] | None,
        turned: Int[Tensor, "..."],
    ) -> View:
        """Decide once, for all blocks, what may be seen and how order enters."""
        new_slots = slots[start:]
        angles = self.positions.angles(turned)
        bias = self.positions.bias(new_slots, slots)
        if bias is not None:
            bias = bias[None]  # (1, H, T, S): the fused kernel is slow with a mask of three axes
        causal = self.causal and len(new_slots) > 1  # one new token may see all that is there
        if bias is None and keep_keys is None and (start == 0 or not causal):
            return View(causal, None, angles)
        keep = None if keep_keys is None else padding_mask(keep_keys)
        if causal:
            keep = combine(keep, causal_mask(len(new_slots), len(slots), device=slots.device))
        return View(False, as_bias(keep, bias, dtype), angles)

    def _memories(
        self,
        memory: Float[Tensor, "B S D"] | None,
        memory_keep: Bool[Tensor, "B S"] | None,
        cache: KVCache | None,
    ) -> list[Memory]:
        """Project the memory for every block, or take what the cache holds from the first call."""
        if not self.has_cross:
            return []
        if cache is not None and cache.memory:
            return cache.memory
        if memory is None:
            raise ValueError("memory=None: this decoder looks at an encoder's output, give it one")
        memories = [block.project_memory(memory) for block in self.blocks]  # type: ignore[operator]
        if cache is not None:
            cache.memory, cache.memory_keep = memories, memory_keep
        return memories
