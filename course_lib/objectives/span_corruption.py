"""Span corruption: cut spans out of a text, and ask a decoder for what was cut.

Chapter: 16_span_corruption
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import (
    check_flags,
    check_id_lists,
    check_ids,
    check_lists,
    check_mask,
    check_numbers,
)
from course_lib.objectives.example import IGNORE, Example
from course_lib.objectives.rows import (
    append,
    check_own_ids,
    check_rows,
    check_share,
    choose,
    close_up,
    refuse_negative,
    shifted,
)
from course_lib.shapes import Bool, Float, Int


@dataclass(frozen=True)
class Denoiser:
    """How much of a text is cut, in what spans.

    Attributes:
        rate: Share of the tokens that are cut.
        mean_span: Mean length of a span, in tokens.
        at_end: One span at the end instead: the text's beginning is read, its rest is said.
        anywhere: Spans may begin a text and need not end it, as in seqio's ``random_roll``. Without
            it a text begins with a token that stays and ends with a span, as in the paper's runs;
            a short text with one span then always loses its end.
        mode_id: An id put before the source, so that a model can be told later which of its skills
            is wanted; None puts none.
    """

    rate: float | int = 0.15
    mean_span: float | int = 3.0
    at_end: bool = False
    anywhere: bool = False
    mode_id: int | None = None

    def __post_init__(self) -> None:
        [mean_span] = check_numbers(mean_span=self.mean_span)
        [mode_id] = check_own_ids(None, mode_id=self.mode_id)
        at_end, anywhere = check_flags(at_end=self.at_end, anywhere=self.anywhere)
        plain = {
            "rate": check_share("rate", self.rate),
            "mean_span": mean_span,
            "at_end": at_end,
            "anywhere": anywhere,
            "mode_id": mode_id,
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        if not self.mean_span >= 1:
            raise ValueError(f"mean_span must be 1 token or more, got {self.mean_span}")


T5 = (Denoiser(),)
"""The one denoiser of T5."""


def ul2(
    regular: int | None = None, sequential: int | None = None, extreme: int | None = None
) -> tuple[Denoiser, ...]:
    """Give the seven denoisers of UL2: two regular, one sequential, four extreme.

    Args:
        regular: The id before a source of short spans and little noise.
        sequential: The id before the beginning of a text.
        extreme: The id before a source of long spans, or of much noise.

    Source: Tay et al. 2022, "UL2", table 1 and section 3.1. Its sequential denoiser draws the
    length of the beginning; ours cuts the quarter that is its mean.
    """
    return (
        Denoiser(0.15, 3, mode_id=regular),
        Denoiser(0.15, 8, mode_id=regular),
        Denoiser(0.25, at_end=True, mode_id=sequential),
        Denoiser(0.5, 3, mode_id=extreme),
        Denoiser(0.5, 8, mode_id=extreme),
        Denoiser(0.15, 64, mode_id=extreme),
        Denoiser(0.5, 64, mode_id=extreme),
    )


def span_corruption_example(
    ids: Int[Tensor, "*B T"],
    generator: torch.Generator,
    *,
    sentinels: Sequence[int],
    start_id: int,
    eos_id: int | None,
    denoisers: Sequence[Denoiser] = T5,
    pad_id: int = 0,
) -> Example:
    """Cut spans of each row out, and let the decoder say them behind their sentinels.

    A source is the row with one sentinel in place of each span. The targets are each sentinel with
    the tokens it stands for, in order; where the row goes on behind the last span, one sentinel
    more says that nothing is missing any more. With several denoisers each row gets one of them.

    Args:
        ids: Ids of one row or of a batch of rows, with ``IGNORE`` at their end as padding.
        generator: What is drawn from.
        sentinels: Their ids, in the order in which they are used. T5's ``<extra_id_0>``, its
            first, has the *highest* id of its vocabulary, and the others go down from there.
        start_id: What the decoder reads before its first token; T5 takes its padding.
        eos_id: Put behind source and targets; None puts none.
        denoisers: How much is cut, in what spans.
        pad_id: What padding of the source is shown as; ``source_keep`` hides it.

    Returns:
        An example whose ``inputs`` are the targets one place late. A row of fewer than two tokens
        is read whole, and nothing is asked of it.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there are more spans than sentinels, no denoiser, or a negative id.

    Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 3.1.4, and
    T5's ``random_spans_noise_mask``, by which the number of tokens and of spans follows from the
    length alone.
    """
    rows = check_rows(ids, generator)
    check_lists(denoisers=denoisers)
    [start_id, pad_id] = check_own_ids(start_id=start_id, pad_id=pad_id)
    if not denoisers:
        raise ValueError("denoisers must hold at least 1 denoiser, got 0")
    which = torch.zeros(len(rows), dtype=torch.long, device=rows.device)
    if len(denoisers) > 1:
        which = torch.randint(len(denoisers), (len(rows),), generator=generator, device=rows.device)
    cut = _draw_spans(rows, which, denoisers, generator)
    source, targets = split_spans(rows, cut, sentinels=sentinels, eos_id=eos_id)
    modes = [one.mode_id for one in denoisers]
    if any(mode is not None for mode in modes):
        if None in modes:
            raise ValueError(f"denoisers must have a mode_id each or none at all, got {modes}")
        first = torch.tensor(modes, device=rows.device)[which]
        source = torch.cat([first[:, None], source], dim=1)
    single = (lambda made: made[0]) if ids.ndim == 1 else (lambda made: made)
    there = source != IGNORE
    return Example(
        inputs=single(shifted(targets, start_id)),
        targets=single(targets),
        source=single(source.masked_fill(~there, pad_id)),
        source_keep=None if bool(there.all()) else single(there),
    )


def split_spans(
    rows: Int[Tensor, "B T"],
    cut: Bool[Tensor, "B T"],
    *,
    sentinels: Sequence[int],
    eos_id: int | None,
) -> tuple[Int[Tensor, "B S"], Int[Tensor, "B M"]]:
    """Part each row into what is read and what is said.

    Args:
        rows: Ids, with ``IGNORE`` at the end.
        cut: Which tokens are cut; neighbours make one span.
        sentinels: Their ids in the order of use.
        eos_id: Put behind both; None puts none.

    Returns:
        Source and targets, both with ``IGNORE`` at the end. A row of which nothing is cut has no
        targets.

    Raises:
        TypeError: If rows are no tensor of integers, or sentinels no list.
        ValueError: If there are more spans than sentinels, two of these are the same, or ``cut``
            has another shape.
    """
    rows = check_ids("rows", rows, "B T")
    refuse_negative("rows", rows)
    [sentinels] = check_id_lists(sentinels=sentinels)
    if len(set(sentinels)) < len(sentinels):
        raise ValueError(f"sentinels must differ, one a span, got {sentinels!r:.60}")
    [eos_id, *_] = check_own_ids(None, eos_id=eos_id, sentinels=min(sentinels, default=None))
    check_mask("cut", cut, rows.shape)
    present = rows != IGNORE
    cut = cut.bool() & present
    before = torch.nn.functional.pad(cut, (1, 0))[:, :-1]
    first = cut & ~before
    spans = first.sum(1)
    lengths = present.sum(1)
    goes_on = (spans > 0) & ~cut.gather(1, (lengths - 1).clamp(min=0)[:, None])[:, 0]
    most = int((spans + goes_on.long()).max()) if len(rows) else 0
    if most > len(sentinels):
        raise ValueError(f"a row needs {most} sentinels, there are {len(sentinels)}")
    names = torch.tensor([*sentinels, IGNORE], device=rows.device)
    number = (first.long().cumsum(1) - 1).clamp(min=0)
    named = names[number.clamp(max=len(sentinels))]

    source = close_up(torch.where(first, named, rows), present & (first | ~cut))
    # Twice as many places: a sentinel's before each token, which only a span's first one uses.
    pairs = torch.stack([named, rows], dim=2).flatten(1)
    used = torch.stack([first, cut], dim=2).flatten(1)
    end = torch.where(goes_on, names[spans.clamp(max=len(sentinels))], IGNORE)
    pairs = torch.cat([pairs, end[:, None]], dim=1)
    targets = close_up(pairs, torch.cat([used, goes_on[:, None]], dim=1))
    if eos_id is not None:
        source, targets = append(source, eos_id), append(targets, eos_id)
        targets = targets.masked_fill((spans == 0)[:, None], IGNORE)
    if targets.shape[1] == 0:  # a decoder has to read something
        targets = torch.full_like(rows[:, :1], IGNORE)
    return source, targets


def join_spans(
    source: Sequence[int], targets: Sequence[int], sentinels: Sequence[int]
) -> list[int]:
    """Put the spans back: the text from what is read and what is said.

    Args:
        source: Ids of one source, without padding and end.
        targets: Ids of its targets, without padding and end.
        sentinels: Their ids.

    Returns:
        The ids before anything was cut.

    Raises:
        TypeError: If one of them is no list.
    """
    [source, targets, sentinels] = check_id_lists(
        source=source, targets=targets, sentinels=sentinels
    )
    known, spans = set(sentinels), dict[int, list[int]]()
    current: list[int] = []
    for one in targets:
        if one in known:
            current = spans.setdefault(one, [])
        else:
            current.append(one)
    whole: list[int] = []
    for one in source:
        whole += spans.get(one, []) if one in known else [one]
    return whole


def _draw_spans(
    rows: Int[Tensor, "B T"],
    which: Int[Tensor, " B"],
    denoisers: Sequence[Denoiser],
    generator: torch.Generator,
) -> Bool[Tensor, "B T"]:
    """Say which tokens of each row are cut."""
    length = (rows != IGNORE).sum(1)
    rate, mean = (
        torch.tensor(values, dtype=torch.float64, device=rows.device)[which]
        for values in ([d.rate for d in denoisers], [d.mean_span for d in denoisers])
    )
    at_end, anywhere = (
        torch.tensor(values, device=rows.device)[which]
        for values in ([d.at_end for d in denoisers], [d.anywhere for d in denoisers])
    )
    noise, spans = span_counts(length, rate, mean)
    spans = torch.where(at_end, spans.clamp(max=1), spans)
    n = int(spans.max()) if len(rows) else 0
    if n == 0:
        return torch.zeros_like(rows, dtype=torch.bool)
    cut_lengths = _segments(noise, spans, n, generator)
    # What is kept before each span. Where spans may be anywhere, a part more stays behind the last
    # one, and the first and the last part may be empty: draw them one longer, and take that off.
    free = (anywhere & ~at_end & (spans > 0)).long()
    kept_lengths = _segments(length - noise + 2 * free, spans + free, n + 1, generator)
    kept_lengths[:, 0] -= free
    kept_lengths = kept_lengths[:, :n]
    # kept, cut, kept, cut, ...: where each begins, and between which beginnings a token lies
    bounds = torch.stack([kept_lengths, cut_lengths], dim=2).flatten(1).cumsum(1)  # (B, 2n)
    places = torch.arange(rows.shape[1], device=rows.device).expand(rows.shape).contiguous()
    segment = torch.searchsorted(bounds, places, right=True)
    return (segment % 2 == 1) & (places < length[:, None]) & (spans > 0)[:, None]


def span_counts(
    length: Int[Tensor, " B"], rate: Float[Tensor, " B"], mean_span: Float[Tensor, " B"]
) -> tuple[Int[Tensor, " B"], Int[Tensor, " B"]]:
    """Say how many tokens of a text are cut, and in how many spans.

    Args:
        length: Tokens of each text.
        rate: Share to cut.
        mean_span: Mean length of a span.

    Returns:
        Tokens and spans; at least one of each is cut and one token kept, and none of a text of
        fewer than two.

    Source: T5's ``random_spans_noise_mask``.
    """
    can = length >= 2
    noise = (length * rate).round().long().clamp(min=1)
    noise = torch.minimum(noise, length - 1) * can
    spans = (noise / mean_span).round().long().clamp(min=1)
    spans = torch.minimum(torch.minimum(spans, noise), length - noise) * can
    return noise, spans


def _segments(
    total: Int[Tensor, " B"], n: Int[Tensor, " B"], most: int, generator: torch.Generator
) -> Int[Tensor, "B N"]:
    """Cut each total into n parts of 1 or more, every way as likely as any other.

    Args:
        total: Of each row.
        n: Parts of each row.
        most: Columns; parts beyond n are 0.
        generator: What is drawn from.
    """
    widest = int(total.max())
    places = torch.arange(widest, device=total.device)
    gaps = (places >= 1) & (places < total[:, None])
    begins = choose(gaps, n - 1, generator) | (places == 0)
    part = (begins.long().cumsum(1) - 1).clamp(max=most - 1)
    inside = (places < total[:, None]).long()
    made = torch.zeros((len(total), most), dtype=torch.long, device=total.device)
    return made.scatter_add(1, part, inside)
