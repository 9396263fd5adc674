"""Continuous batching: rows of one batch that begin and end at different times.

A batch of `generate` lives until its last row ends, and nobody may join it. Here a row joins as
soon as there is room, and its room is free the step after its last token. Reading one token of
eight rows costs hardly more than reading one token of one: the weights are read once for all.

Rows of different lengths stand flush right, so that the newest token of each is in one column::

    step 1    step 2       step 3 (C joins)    step 4 (A has left)
    A A A     A A A a      A A A a a           . . . . . .
    . B B     . B B b      . B B b b           B B b b b .
                           . . . C C           . . C C c .
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.generation.checks import check_model
from course_lib.model.cache import KVCache
from course_lib.model.transformer import Transformer
from course_lib.shapes import Float, Int


class ContinuousBatch:
    """The keys and values of rows that join and leave between steps.

    A row computes what it would compute alone: it counts its own positions, and padding before it
    is hidden from it. Only the order of sums inside a product may differ, in the last digit.

    Args:
        model: A decoder-only model, in evaluation mode.

    Raises:
        ValueError: If it is of another family.

    Source: Yu et al. 2022 (Orca), section 3.1; there rows are not padded but read apart.
    """

    def __init__(self, model: Transformer) -> None:
        check_model(model)
        if model.config.family != "decoder-only":
            raise ValueError(f"model got an {model.config.family} model, wants a decoder-only one")
        self.model = model
        self.cache: KVCache | None = None
        self.lengths: list[int] = []  # tokens read of each row
        self.budgets: list[int] = []  # tokens each row may still read

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.lengths)

    def join(self, prompt: Sequence[int], n_more: int) -> Float[Tensor, "1 V"]:
        """Read a prompt alone, and give it the last row.

        Args:
            prompt: Its ids, at least one.
            n_more: Tokens that this row may read after its prompt.

        Returns:
            The logits of its first token.
        """
        tokens = torch.tensor([list(prompt)], device=self._device())
        with torch.inference_mode():
            own = self.model.new_cache(1, len(prompt))
            hidden = self.model.decode(tokens, cache=own)
            logits = self.model.logits(hidden[:, -1:])[:, 0].float()
            self._rebuild([*range(len(self))], own, n_more)
        return logits

    def step(self, tokens: Sequence[int]) -> Float[Tensor, "B V"]:
        """Read the newest token of every row.

        Args:
            tokens: One for each row, in the order of the rows.

        Returns:
            The logits of what comes next.
        """
        assert self.cache is not None and len(tokens) == len(self)
        column = torch.tensor(tokens, device=self._device())[:, None]
        positions = torch.tensor(self.lengths, device=self._device())[:, None]
        with torch.inference_mode():
            hidden = self.model.decode(column, cache=self.cache, positions=positions)
            logits = self.model.logits(hidden)[:, 0].float()
        self.lengths = [length + 1 for length in self.lengths]
        self.budgets = [budget - 1 for budget in self.budgets]
        return logits

    def leave(self, rows: Sequence[int]) -> None:
        """Take rows out; those behind them move up.

        Args:
            rows: Their numbers.
        """
        if rows:
            gone = set(rows)
            with torch.inference_mode():
                self._rebuild([row for row in range(len(self)) if row not in gone])

    def _rebuild(self, kept: list[int], joins: KVCache | None = None, n_more: int = 0) -> None:
        """Lay the kept rows, and one that joins, flush right into room for all they may read."""
        old, old_lengths = self.cache, self.lengths
        lengths = [old_lengths[row] for row in kept]
        budgets = [self.budgets[row] for row in kept]
        if joins is not None:
            lengths, budgets = [*lengths, joins.length], [*budgets, n_more]
        if not lengths:
            self.lengths, self.budgets, self.cache = [], [], None
            return
        end = max(lengths)
        cache = self.model.new_cache(len(lengths), end + max(1, *budgets))
        starts = torch.tensor([end - length for length in lengths], device=self._device())
        if kept:
            assert old is not None
            width = max(lengths[: len(kept)])
            rows = torch.tensor(kept, device=self._device())
            seen = old.room[..., old.length - width : old.length, :].index_select(2, rows)
            cache.room[:, :, : len(kept), :, end - width : end] = seen
        if joins is not None:
            cache.room[:, :, -1:, :, end - joins.length : end] = joins.room[..., : joins.length, :]
        slots = torch.arange(cache.max_length, device=self._device())
        keep = slots >= starts[:, None]  # (B, M)
        # What is hidden is multiplied by zero, and zero times what memory happened to hold is NaN.
        hidden = ~keep[:, :end]
        cache.room[..., :end, :].masked_fill_(hidden[None, None, :, None, :, None], 0.0)
        cache.keep = None if bool(keep.all()) else keep
        cache.length = end
        # Not before all is made: where memory runs out, the rows that are there go on.
        self.lengths, self.budgets, self.cache = lengths, budgets, cache

    def _device(self) -> torch.device:
        return self.model.embedding.weight.device


def alone(model: Transformer, prompt: Sequence[int], n_tokens: int) -> Int[Tensor, " N"]:
    """Write greedily in a batch of one: what every row of a larger batch should equal.

    Args:
        model: As for `ContinuousBatch`.
        prompt: Ids, at least one.
        n_tokens: How many to write.
    """
    batch = ContinuousBatch(model)
    written = [int(batch.join(prompt, n_tokens).argmax())]
    while len(written) < n_tokens:
        written.append(int(batch.step(written[-1:]).argmax()))
    return torch.tensor(written)
