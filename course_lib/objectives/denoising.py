"""Denoising: spoil a text in some way, and ask a decoder for all of it.

Each kind of noise takes rows and gives rows, with ``IGNORE`` at their end, so that they can follow
one another.

Chapter: 16_span_corruption
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.checks import check_id_lists, check_lists, check_numbers
from course_lib.objectives.example import IGNORE, Example
from course_lib.objectives.rows import (
    any_of,
    check_batch,
    check_own_ids,
    check_rows,
    check_share,
    choose,
    close_up,
    permuted,
    shifted,
    stochastic_round,
)
from course_lib.shapes import Int

Noise = Callable[[Tensor, torch.Generator], Tensor]


def denoising_example(
    ids: Int[Tensor, "*B T"],
    generator: torch.Generator,
    *,
    noises: Sequence[Noise],
    start_id: int,
    pad_id: int = 0,
) -> Example:
    """Let the encoder read a spoiled text, and the decoder say the text.

    Args:
        ids: Ids of one row or of a batch of rows, with ``IGNORE`` at their end as padding.
        generator: What is drawn from.
        noises: What spoils it, one after the other: functions of rows and a generator, such as
            ``lambda rows, g: infill(rows, g, mask_id=4)``. BART used infilling after a
            permutation of sentences.
        start_id: What the decoder reads before its first token; BART takes its end of text.
        pad_id: What padding of the source is shown as; ``source_keep`` hides it.

    Returns:
        An example whose targets are the ids themselves.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If an id follows padding, or there are more than two dimensions.

    Source: Lewis et al. 2020, "BART", section 2.2.
    """
    rows = check_rows(ids, generator)
    check_lists(noises=noises)
    for place, noise in enumerate(noises):
        if not callable(noise):
            raise TypeError(f"noises[{place}] must be a function of rows, got {noise!r:.60}")
    [start_id, pad_id] = check_own_ids(start_id=start_id, pad_id=pad_id)
    source = rows
    for noise in noises:
        source = noise(source, generator)
    if source.shape[1] == 0:  # everything deleted: an encoder has to read something
        source = torch.full_like(rows[:, :1], IGNORE)
    there = source != IGNORE
    there[:, 0] = True
    single = (lambda made: made[0]) if ids.ndim == 1 else (lambda made: made)
    return Example(
        inputs=single(shifted(rows, start_id)),
        targets=single(rows.clone()),
        source=single(source.masked_fill(source == IGNORE, pad_id)),
        source_keep=None if bool(there.all()) else single(there),
    )


def mask_tokens(
    rows: Int[Tensor, "B T"],
    generator: torch.Generator,
    *,
    mask_id: int,
    rate: float | int = 0.15,
    special_ids: Sequence[int] = (),
) -> Int[Tensor, "B T"]:
    """Show some tokens as a mask: one mask a token, so their number can be seen.

    Args:
        rows: Ids.
        generator: What is drawn from.
        mask_id: The id that hides.
        rate: Share of the tokens that are hidden.
        special_ids: Ids that are never hidden.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the rows are no batch, or the share is none.
    """
    rows = check_batch(rows, generator)
    [mask_id] = check_own_ids(mask_id=mask_id)
    [special_ids] = check_id_lists(special_ids=special_ids)
    rate = check_share("rate", rate)
    candidates = (rows != IGNORE) & ~any_of(rows, tuple(special_ids))
    n = stochastic_round(rate * candidates.sum(1).double(), generator)
    return rows.masked_fill(choose(candidates, n, generator), mask_id)


def delete_tokens(
    rows: Int[Tensor, "B T"],
    generator: torch.Generator,
    *,
    rate: float | int = 0.15,
    special_ids: Sequence[int] = (),
) -> Int[Tensor, "B M"]:
    """Take some tokens out without a trace: a model has to find out where something is missing.

    Args:
        rows: Ids.
        generator: What is drawn from.
        rate: Share of the tokens that go.
        special_ids: Ids that never go.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the rows are no batch, or the share is none.
    """
    rows = check_batch(rows, generator)
    [special_ids] = check_id_lists(special_ids=special_ids)
    rate = check_share("rate", rate)
    present = rows != IGNORE
    candidates = present & ~any_of(rows, tuple(special_ids))
    n = stochastic_round(rate * candidates.sum(1).double(), generator)
    return close_up(rows, present & ~choose(candidates, n, generator))


def infill(
    rows: Int[Tensor, "B T"],
    generator: torch.Generator,
    *,
    mask_id: int,
    rate: float | int = 0.3,
    mean_span: float | int = 3.0,
) -> Int[Tensor, "B M"]:
    """Show spans as one mask each, whatever their length; a span of length 0 only puts a mask in.

    A model has to find out how many tokens are missing, and may find that none is.

    Args:
        rows: Ids.
        generator: What is drawn from.
        mask_id: The id that hides.
        rate: Share of the tokens that are hidden.
        mean_span: Mean of the Poisson distribution of a span's length.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the rows are no batch, the share is none, or the mean is not positive.

    Source: Lewis et al. 2020, section 2.2: lengths are drawn until they reach the share, and the
    last one is cut to fit. Places are drawn so that every arrangement is as likely as any other;
    at either end of a row fewer spans can reach a token.
    """
    rows = check_batch(rows, generator)
    [mask_id] = check_own_ids(mask_id=mask_id)
    [mean_span] = check_numbers(mean_span=mean_span)
    rate = check_share("rate", rate)
    if not 0 < mean_span < float("inf"):
        raise ValueError(f"mean_span must be positive, got {mean_span}")
    length = (rows != IGNORE).sum(1)
    budget = stochastic_round(rate * length.double(), generator)
    lengths = _draw_lengths(budget, mean_span, generator)  # (B, N), IGNORE where there is no span
    # In another order than they were drawn in: the one that reaches the budget is never empty, and
    # the last span of a text may be.
    order = torch.rand(lengths.shape, generator=generator, device=rows.device)
    lengths = permuted(lengths, order)
    is_drawn = lengths != IGNORE
    n = is_drawn.sum(1)
    hidden = lengths.clamp(min=0).sum(1)
    slots = length - hidden + n  # a slot is a token that stays, or a span
    places = torch.arange(int(slots.max()) if len(rows) else 0, device=rows.device)
    candidates = places < slots[:, None]
    is_span = choose(candidates, n, generator)
    number = (is_span.long().cumsum(1) - 1).clamp(min=0, max=max(lengths.shape[1] - 1, 0))
    own = (
        torch.where(is_span, lengths.gather(1, number), 1)
        if lengths.shape[1]
        else candidates.long()
    )
    before = own.cumsum(1) - own  # tokens of the text that lie before a slot
    shown = rows.gather(1, before.clamp(max=rows.shape[1] - 1))
    made = torch.where(is_span, mask_id, shown)
    return made.masked_fill(~candidates, IGNORE)


def permute_sentences(
    rows: Int[Tensor, "B T"], generator: torch.Generator, *, stop_ids: Sequence[int]
) -> Int[Tensor, "B T"]:
    """Put the sentences of each row in a random order.

    Args:
        rows: Ids.
        generator: What is drawn from.
        stop_ids: Ids that end a sentence; what follows the last of them is a sentence, too.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the rows are no batch.
    """
    rows = check_batch(rows, generator)
    [stop_ids] = check_id_lists(stop_ids=stop_ids)
    stops = any_of(rows, tuple(stop_ids))
    sentence = stops.long().cumsum(1) - stops.long()  # a stop belongs to the sentence it ends
    noise = torch.rand(
        (len(rows), rows.shape[1] + 1), generator=generator, device=rows.device, dtype=torch.float64
    )
    return permuted(rows, noise.gather(1, sentence))


def rotate(rows: Int[Tensor, "B T"], generator: torch.Generator) -> Int[Tensor, "B T"]:
    """Begin each row at a token drawn from it, and put what came before at the end.

    Args:
        rows: Ids.
        generator: What is drawn from.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the rows are no batch.
    """
    rows = check_batch(rows, generator)
    length = (rows != IGNORE).sum(1)
    draw = torch.rand(len(rows), generator=generator, device=rows.device, dtype=torch.float64)
    start = (draw * length).long()
    places = torch.arange(rows.shape[1], device=rows.device)
    return permuted(rows, (places - start[:, None]) % length.clamp(min=1)[:, None])


def _draw_lengths(
    budget: Int[Tensor, " B"], mean_span: float | int, generator: torch.Generator
) -> Int[Tensor, "B N"]:
    """Draw lengths of spans until they reach each row's budget."""
    most = int(budget.max()) if len(budget) else 0
    drawn = torch.zeros((len(budget), 0), dtype=torch.long, device=budget.device)
    while most and bool((drawn.sum(1) < budget).any()):
        more = torch.full((len(budget), most + 8), float(mean_span), device=budget.device)
        drawn = torch.cat([drawn, torch.poisson(more, generator=generator).long()], dim=1)
    before = drawn.cumsum(1) - drawn
    cut = torch.minimum(drawn, budget[:, None] - before)
    return cut.masked_fill(before >= budget[:, None], IGNORE)
