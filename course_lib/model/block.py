"""The block every model in this course is a pile of, and the pile."""

import torch
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.attention import Attention, CrossAttention, Memory, View
from course_lib.model.cache import KVCache
from course_lib.model.checks import check_input
from course_lib.model.embedding import Entrance
from course_lib.model.layers import add, make_feed_forward, make_norm
from course_lib.model.masks import (
    Mask,
    as_bias,
    as_keep,
    causal_mask,
    combine,
    count_kept,
    padding_mask,
)
from course_lib.shapes import Float, Int


class Block(nn.Module):
    """Gather from other tokens, then think alone; each step adds to the stream.

    Args:
        config: Sizes and choices.
        cross: Whether a second attention looks at the encoder's memory.

    Source: Vaswani et al. 2017, section 3.1; norm first: Radford et al. 2019, section 2.3.
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
    ) -> Float[Tensor, "B T D"]:
        """Pass the stream through one block.

        Args:
            x: The stream.
            view: What each token may see of the others, and this layer's cache.
            memory: Keys and values of the encoder's output, for a block that looks at it.
            memory_view: What each token may see of the memory.

        Returns:
            The stream with what the block added.
        """
        if self.norm_first:
            x = add(x, self.attention(self.attention_norm(x), view))
            if self.has_cross:
                seen = self.cross_attention_norm(x)
                x = add(x, self.cross_attention(seen, memory_view, memory))
            return add(x, self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(add(x, self.attention(x, view)))
        if self.has_cross:
            x = self.cross_attention_norm(add(x, self.cross_attention(x, memory_view, memory)))
        return self.feed_forward_norm(add(x, self.feed_forward(x)))


class Stack(Entrance):
    """An encoder or a decoder: order, blocks, and a norm at either end where the model has one.

    The two differ in one thing only: whether a token may see later ones.

    Args:
        config: Sizes and choices.
        n_layers: Blocks.
        causal: Whether later tokens are hidden.
        cross: Whether the blocks look at an encoder's memory.

    Source: Vaswani et al. 2017, figure 1.
    """

    def __init__(
        self, config: TransformerConfig, n_layers: int, *, causal: bool, cross: bool = False
    ) -> None:
        super().__init__(config, bidirectional=not causal)
        self.causal = causal
        self.has_cross = cross
        self.blocks = nn.ModuleList(Block(config, cross=cross) for _ in range(n_layers))
        self.final_norm = make_norm(config) if config.final_norm else None

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        keep: Mask[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        memory: Float[Tensor, "B S D"] | None = None,
        memory_keep: Mask[Tensor, "B S"] | None = None,
        cache: KVCache | None = None,
        record: list[Tensor] | None = None,
        cross_record: list[Tensor] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Run the stack over the tokens' vectors.

        Args:
            x: Vectors of the tokens, from the table.
            keep: True for real tokens; None means all are.
            segments: Segment of each token; None means segment 0.
            positions: Position of each token; None counts the real tokens.
            memory: The encoder's output, on the first call with a cache or without one.
            memory_keep: Which slots of the memory are real.
            cache: Earlier tokens; filled with these.
            record: If given, takes each layer's weights of self-attention.
            cross_record: If given, takes each layer's weights over the memory.

        Returns:
            The hidden states.

        Raises:
            ValueError: If a shape does not fit, or the tokens outgrow a table of positions.
        """
        n_tokens = x.shape[1]
        start = 0 if cache is None else cache.length
        keep, memory_keep = as_keep(keep), as_keep(memory_keep, "memory_keep")
        limit, least = self.positions.limit, -self.positions.offset
        segments, positions = check_input(
            x.shape[:2], keep, segments, positions, start=start, limit=limit, least=least
        )
        if cache is not None:
            keep = cache.start(x.shape[0], n_tokens, keep)
        memories = self._memories(memory, memory_keep, cache)
        memory_keep = memory_keep if cache is None else cache.memory_keep
        slots = torch.arange(start + n_tokens, device=x.device)
        new_slots = slots[start:] if start else slots
        counted = new_slots if keep is None else count_kept(keep)[:, start:]
        x = self.enter(x, counted if positions is None else positions, segments)

        # Masks, order and sight are decided here, once for all blocks.
        bias = self.positions.bias(new_slots, slots)
        if bias is not None:
            bias = bias[None]  # (1, H, T, S): the fused kernel is slow with a mask of three axes
        hidden = None if keep is None else padding_mask(keep)
        causal = self.causal and n_tokens > 1  # one new token may see all that is there
        if causal and (start or bias is not None or hidden is not None):
            hidden = combine(hidden, causal_mask(n_tokens, len(slots), device=x.device))
            causal = False
        angles = self.positions.angles(new_slots if positions is None else positions)
        view = View(causal, as_bias(hidden, bias, x.dtype), angles, None, record)
        hidden = None if memory_keep is None else padding_mask(memory_keep)
        memory_view = View(bias=as_bias(hidden, None, x.dtype), record=cross_record)

        for layer, block in enumerate(self.blocks):
            seen = view if cache is None else view._replace(cache=cache.at(layer))
            x = block(x, seen, memories[layer] if memories else None, memory_view)
        if cache is not None:
            cache.advance(n_tokens)
        return x if self.final_norm is None else self.final_norm(x)

    def _memories(
        self,
        memory: Float[Tensor, "B S D"] | None,
        memory_keep: Mask[Tensor, "B S"] | None,
        cache: KVCache | None,
    ) -> list[Memory]:
        """Project the memory for every block, or take what the cache holds from the first call."""
        if not self.has_cross:
            return []
        if cache is not None and cache.memory:
            return cache.memory
        if memory is not None and memory_keep is not None:
            if memory_keep.shape != memory.shape[:2]:
                raise ValueError(
                    f"memory_keep of shape {tuple(memory_keep.shape)} for a memory of "
                    f"{tuple(memory.shape[:2])} slots"
                )
        if memory is None:
            raise ValueError("memory=None: this decoder looks at an encoder's output, give it one")
        memories = [block.project_memory(memory) for block in self.blocks]  # type: ignore[operator]
        if cache is not None:
            cache.memory, cache.memory_keep = memories, memory_keep
        return memories
