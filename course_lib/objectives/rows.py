"""What the noisy objectives share: rows of unequal length, and choices among their places.

A batch is a rectangle. A shorter text is a row with ``IGNORE`` at its end; the functions here take
such rows and give such rows, a whole batch at a time.
"""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks import check_generator, check_ids, check_numbers, check_whole
from course_lib.objectives.example import IGNORE
from course_lib.shapes import Bool, Float, Int


def check_rows(ids: Int[Tensor, "*B T"], generator: torch.Generator) -> Int[Tensor, "B T"]:
    """Bring one row or a batch of rows into the form of a batch.

    Args:
        ids: Ids, with ``IGNORE`` at the end of a row only.
        generator: On the device of the ids.

    Raises:
        TypeError: If ``ids`` is no tensor of integers, or ``generator`` none.
        ValueError: If an id follows padding, or there are more than two dimensions.
    """
    ids = check_ids("ids", ids, "T", "B T")
    check_generator(generator)
    if ids.device.type != generator.device.type:
        raise ValueError(f"generator is on {generator.device}, ids are on {ids.device}")
    rows = ids if ids.ndim == 2 else ids[None]
    padding = rows == IGNORE
    if bool((padding[:, :-1] & ~padding[:, 1:]).any()):
        raise ValueError(f"ids must hold {IGNORE} at the end of a row only, found an id after it")
    refuse_negative("ids", rows)
    return rows


def check_batch(rows: Int[Tensor, "B T"], generator: torch.Generator) -> Int[Tensor, "B T"]:
    """Refuse what no noise can work on.

    Args:
        rows: Ids, a batch.
        generator: What is drawn from.

    Returns:
        The rows in int64.

    Raises:
        TypeError: If rows are no tensor of integers, or the generator is none.
        ValueError: If they are no batch.
    """
    rows = check_ids("rows", rows, "B T")
    check_generator(generator)
    refuse_negative("rows", rows)
    return rows


def refuse_negative(name: str, ids: Int[Tensor, "*B T"]) -> None:
    """Raise ``ValueError`` for an id below 0 that is no padding: no model has such a token."""
    wrong = ids[(ids < 0) & (ids != IGNORE)]
    if len(wrong):
        raise ValueError(f"{name} must hold ids of 0 or more, or {IGNORE}; got {int(wrong[0])}")


def check_own_ids(*others: object, **values: int | None) -> list[Any]:
    """Return ids that an objective puts in, as `check_whole` does; none may be below 0.

    Args:
        *others: What will do instead, such as None.
        **values: Ids by name.

    Raises:
        TypeError: Naming the first that is no whole number.
        ValueError: Naming the first that is negative.
    """
    plain = check_whole(*others, **values)
    for name, value in zip(values, plain, strict=True):
        if value is not None and value < 0:
            raise ValueError(f"{name} must be an id, 0 or more, got {value}")
    return plain


def check_share(name: str, value: float | int) -> float | int:
    """Return a number as Python's own, and raise unless it is a share, from 0 to 1."""
    share: float | int
    [share] = check_numbers(**{name: value})
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be 0 to 1, got {value}")
    return share


def any_of(ids: Int[Tensor, "B T"], wanted: tuple[int, ...]) -> Bool[Tensor, "B T"]:
    """Say which ids are among a few."""
    found = torch.zeros_like(ids, dtype=torch.bool)
    for one in wanted:
        found |= ids == one
    return found


def stochastic_round(value: Float[Tensor, " B"], generator: torch.Generator) -> Int[Tensor, " B"]:
    """Round up or down at random, so that the mean is the value itself.

    Rounding 15 % of 10 tokens to 2 would hide a fifth of them.
    """
    draw = torch.rand(value.shape, generator=generator, device=value.device, dtype=torch.float64)
    return round_by(value, draw)


def round_by(value: Float[Tensor, " B"], draw: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Round up or down by a draw from 0 to 1; see ``stochastic_round``."""
    return (value.double() + draw.double()).floor().long()


def choose(
    candidates: Bool[Tensor, "B T"], n: Int[Tensor, " B"], generator: torch.Generator
) -> Bool[Tensor, "B T"]:
    """Choose n of the candidates of each row, every set of n as likely as any other."""
    noise = torch.rand(candidates.shape, generator=generator, device=candidates.device)
    return lowest(noise, candidates, n)


def lowest(
    noise: Float[Tensor, "B T"], candidates: Bool[Tensor, "B T"], n: Int[Tensor, " B"]
) -> Bool[Tensor, "B T"]:
    """Choose the n candidates of each row with the lowest noise."""
    order = noise.masked_fill(~candidates, 2.0).argsort(dim=1, stable=True)
    rank = torch.empty_like(order)
    places = torch.arange(noise.shape[1], device=noise.device).expand_as(order)
    rank.scatter_(1, order, places)
    return candidates & (rank < n[:, None])


def close_up(ids: Int[Tensor, "B T"], keep: Bool[Tensor, "B T"]) -> Int[Tensor, "B M"]:
    """Move what is kept to the left, in its order, and fill with ``IGNORE``.

    Args:
        ids: Rows.
        keep: What stays.

    Returns:
        Rows as long as the longest of them.
    """
    order = (~keep).long().argsort(dim=1, stable=True)
    counts = keep.sum(1)
    longest = int(counts.max()) if len(ids) else 0
    moved = ids.gather(1, order[:, :longest])
    beyond = torch.arange(longest, device=ids.device) >= counts[:, None]
    return moved.masked_fill(beyond, IGNORE)


def append(rows: Int[Tensor, "B T"], one: int | None) -> Int[Tensor, "B M"]:
    """Put an id behind the last one of each row; None puts none."""
    if one is None:
        return rows
    longer = torch.nn.functional.pad(rows, (0, 1), value=IGNORE)
    lengths = (rows != IGNORE).sum(1, keepdim=True)
    return longer.scatter(1, lengths, one)


def permuted(
    ids: Int[Tensor, "B T"], key: Float[Tensor, "B T"] | Int[Tensor, "B T"]
) -> Int[Tensor, "B T"]:
    """Put the ids of each row in the order of their keys; equal keys keep their order.

    Padding stays at the end.
    """
    padding = ids == IGNORE
    last = torch.finfo(torch.float64).max
    order = key.double().masked_fill(padding, last).argsort(dim=1, stable=True)
    return ids.gather(1, order)


def shifted(targets: Int[Tensor, "B T"], start_id: int) -> Int[Tensor, "B T"]:
    """Give what a decoder reads to say the targets: all of them, one place late.

    Without the shift it would see at each place the very token it is asked for.

    Args:
        targets: Wanted ids, with ``IGNORE`` at the end.
        start_id: What stands before the first.
    """
    start = torch.full_like(targets[:, :1], start_id)
    return torch.cat([start, targets[:, :-1]], dim=1).masked_fill(targets == IGNORE, start_id)
