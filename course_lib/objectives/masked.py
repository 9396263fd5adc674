"""Masked language modelling: hide some tokens, and ask for them from both sides.

Chapter: 14_masked_language_modeling
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.checks import check_id_lists, check_whole
from course_lib.objectives.example import IGNORE, Example
from course_lib.objectives.rows import (
    any_of,
    check_own_ids,
    check_rows,
    check_share,
    lowest,
    round_by,
)
from course_lib.shapes import Bool, Int

_Draws = tuple[Tensor, Tensor, Tensor, Tensor]


def masked_example(
    ids: Int[Tensor, "*B T"],
    generator: torch.Generator,
    *,
    mask_id: int,
    vocab_size: int,
    special_ids: Sequence[int] = (),
    rate: float | int = 0.15,
    masked: float | int = 0.8,
    randomised: float | int = 0.1,
    continues_word: Bool[Tensor, " V"] | None = None,
    static_copies: int | None = None,
    pad_id: int = 0,
) -> Example:
    """Choose some tokens as targets; show most of them as a mask, some as another token.

    The mask never occurs when the model is used. So a tenth of the chosen tokens are shown as they
    are, and a tenth as a random one: the model cannot tell which of the tokens it sees are right,
    and has to keep an opinion on each.

    Every token that is not special is chosen with probability ``rate``, and the number chosen in a
    row differs from ``rate`` times its length by less than one.

    Args:
        ids: Ids of one row or of a batch of rows, with ``IGNORE`` at their end as padding.
        generator: What is drawn from.
        mask_id: The id that hides; it may lie behind the vocabulary that is drawn from.
        vocab_size: V; random tokens are drawn from all ids below it that are not special.
        special_ids: Ids that are never chosen, never hidden and never drawn.
        rate: Share of the tokens that become targets.
        masked: Share of the targets that are shown as ``mask_id``.
        randomised: Share of the targets that are shown as a random token; the rest stays.
        continues_word: Which ids go on with the word of the token before. Then words are chosen,
            with all their tokens. None chooses tokens.
        static_copies: None draws anew in every call (RoBERTa's dynamic masking). A number gives
            each row one of as many fixed masks (BERT's static masking had 10), which follow from
            its ids alone; the generator chooses among them.
        pad_id: What padding is shown as; ``keep`` hides it.

    Returns:
        An example as long as the rows; its targets are ``IGNORE`` but for the chosen.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If an id is negative, a share is none, or no token is left to draw.

    Source: Devlin et al. 2019, "BERT", section 3.1 and appendix A.1; Liu et al. 2019, "RoBERTa",
    section 4.1 (dynamic masking). BERT rounds the number of targets of a row and takes at least
    one; we round at random, so that the rate is exact for short rows too.
    """
    rows = check_rows(ids, generator)
    [mask_id, pad_id] = check_own_ids(mask_id=mask_id, pad_id=pad_id)
    [vocab_size] = check_whole(vocab_size=vocab_size)
    [static_copies] = check_whole(None, static_copies=static_copies)
    [special_ids] = check_id_lists(special_ids=special_ids)
    rate, masked = check_share("rate", rate), check_share("masked", masked)
    randomised = check_share("randomised", randomised)
    if masked + randomised > 1:
        raise ValueError(f"masked {masked} and randomised {randomised} must not exceed 1 together")
    if vocab_size < 1:
        raise ValueError(f"vocab_size must be at least 1, got {vocab_size}")
    ordinary = torch.ones(vocab_size, dtype=torch.bool)
    ordinary[[one for one in (*special_ids, mask_id) if 0 <= one < vocab_size]] = False
    words = ordinary.nonzero().flatten().to(rows.device)
    if not len(words):
        raise ValueError(f"vocab_size {vocab_size} must leave a token that is not special")

    noise, extra, kind, which = _noise(rows, generator, static_copies)
    present = rows != IGNORE
    candidates = present & ~any_of(rows, tuple(special_ids))
    if continues_word is None:
        n = round_by(float(rate) * candidates.sum(1), extra)
        chosen = lowest(noise, candidates, n)
    else:
        chosen = _whole_words(rows, candidates, noise, extra, rate, continues_word)

    random_ids = words[(which * len(words)).long().clamp(max=len(words) - 1)]
    inputs = rows.masked_fill(~present, pad_id)
    inputs = torch.where(chosen & (kind < masked), mask_id, inputs)
    swapped = chosen & (kind >= masked) & (kind < masked + randomised)
    inputs = torch.where(swapped, random_ids, inputs)
    targets = rows.masked_fill(~chosen, IGNORE)
    keep = None if bool(present.all()) else present.reshape(ids.shape)
    return Example(inputs.reshape(ids.shape), targets.reshape(ids.shape), keep=keep)


def _whole_words(
    rows: Int[Tensor, "B T"],
    candidates: Bool[Tensor, "B T"],
    noise: Tensor,
    extra: Tensor,
    rate: float | int,
    continues_word: Bool[Tensor, " V"],
) -> Bool[Tensor, "B T"]:
    """Choose words, and with a word all its tokens."""
    goes_on = continues_word.to(rows.device)[rows.clamp(min=0, max=len(continues_word) - 1)]
    before = torch.nn.functional.pad(candidates, (1, 0))[:, :-1]
    first = candidates & ~(goes_on & before)  # a special token ends a word
    n = round_by(float(rate) * first.sum(1), extra)
    chosen_first = lowest(noise, first, n)
    word = first.long().cumsum(1)  # 0 before the first word
    hits = torch.nn.functional.pad(torch.zeros_like(word), (0, 1))
    hits = hits.scatter_add(1, word, chosen_first.long())
    return candidates & (hits.gather(1, word) > 0)


def _noise(
    rows: Int[Tensor, "B T"], generator: torch.Generator, static_copies: int | None
) -> _Draws:
    """Draw numbers from 0 to 1: which tokens, how many of a row, shown how, as which."""
    if static_copies is None:
        drawn = torch.rand((3, *rows.shape), generator=generator, device=rows.device)
        extra = torch.rand(len(rows), generator=generator, device=rows.device)
        return drawn[0], extra, drawn[1], drawn[2]
    if static_copies < 1:
        raise ValueError(f"static_copies must be at least 1, got {static_copies}")
    copy = torch.randint(static_copies, (len(rows),), generator=generator, device=rows.device)
    return _hashed(rows, copy)


def _hashed(rows: Int[Tensor, "B T"], copy: Int[Tensor, " B"]) -> _Draws:
    """Make numbers from 0 to 1 that follow from the ids of a row, and look like drawn ones."""
    places = torch.arange(rows.shape[1], device=rows.device)
    of_row = (_mix(rows.long() + _mix(places)) * (2 * places + 1)).sum(1)  # wraps around
    of_copy = _mix(of_row + _mix(copy + 1))
    numbers = [_unit(_mix(of_copy[:, None] + _mix(places + (use + 1) * 2**40))) for use in range(3)]
    return numbers[0], _unit(_mix(of_copy + 1)), numbers[1], numbers[2]


def _mix(x: Tensor) -> Tensor:
    """Scramble 64 bits (the finalizer of splitmix64): one bit changed changes half of them."""
    x = x + -7046029254386353131
    x = (x ^ ((x >> 30) & (2**34 - 1))) * -4658895280553007687
    x = (x ^ ((x >> 27) & (2**37 - 1))) * -7723592293110705685
    return x ^ ((x >> 31) & (2**33 - 1))


def _unit(x: Tensor) -> Tensor:
    return ((x >> 40) & (2**24 - 1)).float() / 2**24
