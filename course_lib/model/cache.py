"""The key-value cache: what decoding keeps of the tokens it has already read."""

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.checks import check_whole
from course_lib.shapes import Bool, Float, Int


class LayerCache(NamedTuple):
    """One layer's keys and values: where those of the new tokens belong, and those of all so far.

    Attributes:
        new_keys: Room for the keys of the new tokens.
        new_values: Room for their values.
        keys: Keys of all tokens, the new ones last.
        values: Values of all tokens.
    """

    new_keys: Float[Tensor, "B G T K"]
    new_values: Float[Tensor, "B G T K"]
    keys: Float[Tensor, "B G S K"]
    values: Float[Tensor, "B G S K"]

    def append(
        self, k: Float[Tensor, "B G T K"], v: Float[Tensor, "B G T K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Write the new keys and values after the old ones, and return all, as views.

        Args:
            k: Keys of the new tokens.
            v: Values of the new tokens.
        """
        self.new_keys.copy_(k)
        self.new_values.copy_(v)
        return self.keys, self.values


class KVCache:
    """Room, taken once, for the keys and values of a whole generation.

    The cache belongs to the caller: the model holds no state. It also remembers which slots are
    padding, and for an encoder-decoder the keys and values of the memory. It is for inference:
    a model given a cache computes no gradients.

    Args:
        n_layers: Decoder blocks.
        batch_size: Sequences, B.
        n_kv_heads: Key-value heads, G.
        max_length: Slots, the most tokens it can hold.
        d_head: Width of a head, K.
        device: Where the tensors live.
        dtype: Their type.

    Raises:
        ValueError: If `batch_size` or `max_length` is less than 1.
    """

    def __init__(
        self,
        n_layers: int,
        batch_size: int,
        n_kv_heads: int,
        max_length: int,
        d_head: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        [batch_size, max_length] = check_whole(batch_size=batch_size, max_length=max_length)
        for name, value in (("batch_size", batch_size), ("max_length", max_length)):
            if value < 1:
                raise ValueError(f"{name}={value}: expected at least 1")
        self.max_length = max_length
        self.length = 0
        shape = (2, n_layers, batch_size, n_kv_heads, max_length, d_head)
        # Keys and values in one tensor: a single new token is then written in one piece.
        self.room: Float[Tensor, "2 L B G M K"] = torch.empty(shape, device=device, dtype=dtype)
        self.keep: Bool[Tensor, "B M"] | None = None
        self.memory: list[tuple[Tensor, Tensor]] = []
        self.memory_keep: Bool[Tensor, "B S"] | None = None
        self._slots: tuple[tuple[Tensor, ...], ...] = ()

    @property
    def batch_size(self) -> int:
        """Sequences it holds, B."""
        return self.room.shape[2]

    @property
    def nbytes(self) -> int:
        """Memory taken, in bytes, filled or not; the memory's keys and values included."""
        tensors = [self.room, *(t for pair in self.memory for t in pair)]
        return sum(t.numel() * t.element_size() for t in tensors)

    def start(
        self, n_sequences: int, n_tokens: int, keep: Bool[Tensor, "B T"] | None
    ) -> Bool[Tensor, "B S"] | None:
        """Make room for new tokens, and note which of them are padding.

        Args:
            n_sequences: Sequences of the new tokens.
            n_tokens: New tokens of each.
            keep: True for real tokens; None means all are.

        Returns:
            Which of all slots, old and new, are real; None if all are.

        Raises:
            ValueError: If the batch is another or the tokens do not fit.
        """
        end = self.check_room(n_sequences, n_tokens)
        new, seen = self.room.narrow(4, self.length, n_tokens), self.room.narrow(4, 0, end)
        self._slots = tuple(t.unbind() for t in (*new.unbind(), *seen.unbind()))
        if self.keep is None:
            if keep is None:
                return None
            ones = torch.ones(n_sequences, self.max_length, dtype=torch.bool, device=keep.device)
            self.keep = ones
        self.keep[:, self.length : end] = True if keep is None else keep
        return self.keep[:, :end]

    def check_room(self, n_sequences: int, n_tokens: int) -> int:
        """Refuse new tokens that do not fit.

        Args:
            n_sequences: Sequences of the new tokens.
            n_tokens: New tokens of each.

        Returns:
            How many slots will be filled.

        Raises:
            ValueError: If the batch is another or the tokens do not fit.
        """
        end = self.length + n_tokens
        if end > self.max_length:
            raise ValueError(
                f"cache of max_length={self.max_length} tokens holds {self.length} and cannot "
                f"take {n_tokens} more"
            )
        if n_sequences != self.batch_size:
            raise ValueError(f"cache of batch_size={self.batch_size} got {n_sequences} sequences")
        return end

    def at(self, layer: int) -> "LayerCache":
        """Return one layer's part of the room that `start` made.

        Every layer writes to its own; `advance` moves on once all have written.

        Args:
            layer: Which layer.
        """
        return LayerCache(*(views[layer] for views in self._slots))

    def advance(self, n_tokens: int) -> None:
        """Count the new tokens as read."""
        self.length += n_tokens

    def reorder(self, rows: Int[Tensor, " N"], *, same_prompt: bool = False) -> None:
        """Make row i continue what row `rows[i]` has read; beams need this.

        Args:
            rows: For each new row, the old row it continues. There may be more or fewer rows
                than before, and a row may be taken several times.
            same_prompt: True if every row continues one with its own prompt and source: padding
                and memory are then alike, and stay where they are.
        """
        self.room = self.room.index_select(2, rows)
        if same_prompt:
            return
        self.memory = [(k.index_select(0, rows), v.index_select(0, rows)) for k, v in self.memory]
        self.keep = None if self.keep is None else self.keep.index_select(0, rows)
        if self.memory_keep is not None:
            self.memory_keep = self.memory_keep.index_select(0, rows)

    def crop(self, length: int) -> None:
        """Forget the last tokens; a rejected guess needs this.

        Args:
            length: Tokens to keep, from the start.

        Raises:
            TypeError: If it is no whole number.
            ValueError: If the cache holds fewer.
        """
        [length] = check_whole(length=length)
        if not 0 <= length <= self.length:
            raise ValueError(f"length={length}: the cache holds {self.length} tokens")
        self.length = length
