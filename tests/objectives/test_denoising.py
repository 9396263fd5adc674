"""BART's five kinds of noise, each by what it must keep."""

import math
from collections import Counter
from functools import partial

import pytest
import torch

from course_lib.objectives import (
    IGNORE,
    delete_tokens,
    denoising_example,
    infill,
    mask_tokens,
    permute_sentences,
    rotate,
)
from course_lib.objectives.denoising import Noise

MASK, STOP = 4, 9


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texts(n: int, longest: int, seed: int = 0) -> torch.Tensor:
    made = torch.randint(9, 300, (n, longest), generator=generator(seed))
    ends = torch.randint(0, longest + 1, (n,), generator=generator(seed + 1))
    made[torch.arange(longest) >= ends[:, None]] = IGNORE
    return made


def plain(row: torch.Tensor) -> list[int]:
    kept = [one for one in row.tolist() if one != IGNORE]
    assert row.tolist()[: len(kept)] == kept, "padding stands at the end"
    return kept


def is_subsequence(short: list[int], long: list[int]) -> bool:
    rest = iter(long)
    return all(one in rest for one in short)


def test_masking_hides_a_share_and_keeps_the_length() -> None:
    ids = texts(500, 40)
    got = mask_tokens(ids, generator(), mask_id=MASK, rate=0.3, special_ids=(STOP,))
    assert got.shape == ids.shape
    hidden = got == MASK
    assert torch.equal(got[~hidden], ids[~hidden])
    assert not bool((hidden & ((ids == STOP) | (ids == IGNORE))).any())
    n = int(((ids != IGNORE) & (ids != STOP)).sum())
    assert abs(int(hidden.sum()) / n - 0.3) < 5 * math.sqrt(0.21 / n)


def test_deletion_leaves_no_mark() -> None:
    ids = texts(500, 40)
    got = delete_tokens(ids, generator(), rate=0.3, special_ids=(STOP,))
    lost, n = 0, 0
    for before, after in zip(ids, got, strict=True):
        long, short = plain(before), plain(after)
        assert is_subsequence(short, long)
        assert short.count(STOP) == long.count(STOP)
        lost, n = lost + len(long) - len(short), n + len(long) - long.count(STOP)
    assert abs(lost / n - 0.3) < 5 * math.sqrt(0.21 / n)
    thank = torch.tensor([[10, 11, 12, 13, 14]])
    assert plain(delete_tokens(thank, generator(), rate=1.0)[0]) == []


def test_infilling_puts_one_mask_for_each_span() -> None:
    ids = texts(3000, 60)
    got = infill(ids, generator(), mask_id=MASK)
    hidden, n, masks = 0, 0, 0
    for before, after in zip(ids, got, strict=True):
        long, short = plain(before), plain(after)
        left = [one for one in short if one != MASK]
        assert is_subsequence(left, long)
        hidden, n, masks = hidden + len(long) - len(left), n + len(long), masks + short.count(MASK)
    assert abs(hidden / n - 0.3) < 0.01
    assert 2.4 < hidden / masks < 3  # the last span is cut to fit


def test_infilled_spans_have_lengths_of_a_poisson_distribution() -> None:
    ids = torch.arange(10, 410).expand(400, 400)
    got = infill(ids, generator(), mask_id=MASK)
    left = int((got != MASK).sum()) - int((got == IGNORE).sum())
    assert (400 * 400 - left) / int((got == MASK).sum()) == pytest.approx(3.0, rel=0.03)
    lengths: Counter[int] = Counter()
    for after in got:
        last, masks = 9, 0
        for one in [*plain(after), 410]:
            if one == MASK:
                masks += 1
            else:
                if masks == 1:  # spans side by side cannot be told apart
                    lengths[one - last - 1] += 1
                last, masks = one, 0
    total = sum(lengths.values())
    for k in range(7):
        wanted = math.exp(-3) * 3**k / math.factorial(k)
        assert lengths[k] / total == pytest.approx(wanted, abs=0.02), k
    assert math.exp(-3) == pytest.approx(0.0498, abs=1e-4)


@pytest.mark.parametrize("mean_span", [3, 2.5, 1])
def test_whole_numbers_are_settings_too(mean_span: float) -> None:
    ids = texts(50, 40)
    as_float = infill(ids, generator(), mask_id=MASK, rate=1, mean_span=float(mean_span))
    assert torch.equal(
        infill(ids, generator(), mask_id=MASK, rate=1, mean_span=mean_span), as_float
    )
    for noise in (partial(mask_tokens, mask_id=MASK), delete_tokens):
        assert torch.equal(noise(ids, generator(), rate=1), noise(ids, generator(), rate=1.0))


def test_the_last_span_is_empty_as_often_as_the_first() -> None:
    """The length that reaches the budget is drawn last and never empty: it may stand anywhere."""
    ids = torch.arange(10, 50).expand(4000, 40)
    got = infill(ids, generator(), mask_id=MASK)
    empty = {"first": 0, "last": 0}
    for row in map(plain, got):
        places = [n for n, one in enumerate(row) if one == MASK]
        for end, place in (("first", places[0]), ("last", places[-1])):
            before = row[place - 1] if place else 9
            after = row[place + 1] if place + 1 < len(row) else 50
            empty[end] += after - before == 1
    assert empty["first"] > 80 and empty["last"] == pytest.approx(empty["first"], rel=0.3)


def test_infilling_reaches_every_place_alike() -> None:
    ids = torch.arange(10, 40).expand(6000, 30)
    got = infill(ids, generator(), mask_id=MASK)
    left = torch.stack([(got == one).sum() for one in range(10, 40)]) / 6000
    inside = left[5:-5]  # at either end fewer spans can reach a token
    assert float((inside - inside.mean()).abs().max()) < 0.04
    assert float((left - left.flip(0)).abs().max()) < 0.04


def sentences(row: list[int]) -> list[tuple[int, ...]]:
    made, current = [], []
    for one in row:
        current.append(one)
        if one == STOP:
            made.append(tuple(current))
            current = []
    return [*made, tuple(current)] if current else made


def test_sentences_change_places_and_stay_whole() -> None:
    ids = texts(2000, 30)
    ids[(torch.rand(ids.shape, generator=generator(9)) < 0.2) & (ids != IGNORE)] = STOP
    got = permute_sentences(ids, generator(), stop_ids=(STOP,))
    moved = 0
    for before, after in zip(ids, got, strict=True):
        long, other = plain(before), plain(after)
        assert Counter(long) == Counter(other)
        one = sentences(long)
        if long and long[-1] == STOP:
            assert Counter(one) == Counter(sentences(other))
        moved += long != other
    assert moved > 1000
    first = torch.tensor([[10, STOP, 11, STOP, 12, STOP]]).expand(6000, 6)
    orders = Counter(map(tuple, permute_sentences(first, generator(), stop_ids=(STOP,)).tolist()))
    assert len(orders) == 6 and min(orders.values()) > 850


def test_rotation_begins_anywhere() -> None:
    ids = texts(500, 20)
    got = rotate(ids, generator())
    for before, after in zip(ids, got, strict=True):
        long, other = plain(before), plain(after)
        assert any(long[k:] + long[:k] == other for k in range(len(long) + 1))
    starts = Counter(rotate(torch.arange(10, 15).expand(5000, 5), generator())[:, 0].tolist())
    assert set(starts) == set(range(10, 15)) and min(starts.values()) > 850


LETTERS = {"_": MASK, ".": STOP} | {letter: 10 + n for n, letter in enumerate("ABCDE")}
WORDS = "Thank you for inviting me to your party last week .".split()


@pytest.mark.parametrize(
    ("noise", "made"),
    [
        (partial(mask_tokens, mask_id=MASK, rate=0.3), "A_C._E."),
        (partial(delete_tokens, rate=0.3), "AC.E."),
        (partial(infill, mask_id=MASK, rate=0.3), "A_.D_E."),
        (partial(permute_sentences, stop_ids=(STOP,)), "DE.ABC."),
        (rotate, "C.DE.AB"),
    ],
)
def test_the_papers_letters_are_among_what_is_drawn(noise: Noise, made: str) -> None:
    """Lewis et al. 2020, figure 2, of the text `ABC.DE.`; its deletion is not one of that text."""
    rows = torch.tensor([[LETTERS[one] for one in "ABC.DE."]]).expand(4000, 7)
    drawn = {tuple(plain(row)) for row in noise(rows, generator())}
    assert tuple(LETTERS[one] for one in made) in drawn


@pytest.mark.parametrize(
    ("noise", "made"),
    [
        (partial(mask_tokens, mask_id=99), "Thank you <M> <M> me to your party <M> week ."),
        (delete_tokens, "Thank you me to your party week ."),
    ],
)
def test_the_papers_words_are_among_what_is_drawn(noise: Noise, made: str) -> None:
    """Raffel et al. 2020, table 3: MASS-style, and dropped tokens."""
    number = {word: n for n, word in enumerate(WORDS)} | {"<M>": 99}
    rows = torch.arange(len(WORDS)).expand(4000, len(WORDS))
    drawn = {tuple(plain(row)) for row in noise(rows, generator(), rate=3 / len(WORDS))}
    assert tuple(number[word] for word in made.split()) in drawn


NOISES = {
    "nothing": [],
    "mask": [partial(mask_tokens, mask_id=MASK)],
    "delete": [partial(delete_tokens, rate=1.0)],
    "bart": [partial(permute_sentences, stop_ids=(STOP,)), partial(infill, mask_id=MASK)],
    "all": [
        partial(mask_tokens, mask_id=MASK),
        partial(delete_tokens),
        partial(infill, mask_id=MASK),
        partial(permute_sentences, stop_ids=(STOP,)),
        rotate,
    ],
}


@pytest.mark.parametrize("name", NOISES)
def test_the_decoder_says_the_whole_text(name: str) -> None:
    ids = texts(2000, 40)
    example = denoising_example(ids, generator(), noises=NOISES[name], start_id=2, pad_id=1)
    assert torch.equal(example.targets, ids)
    assert bool((example.inputs[:, 0] == 2).all())
    inside = ids[:, 1:] != IGNORE
    assert torch.equal(example.inputs[:, 1:][inside], ids[:, :-1][inside])
    assert not bool((example.source == IGNORE).any())
    if example.source_keep is not None:
        assert bool((example.source[~example.source_keep] == 1).all())
        assert bool(example.source_keep[:, 0].all())  # an encoder that may look nowhere is NaN
    if name == "nothing":
        assert torch.equal(example.source[ids != IGNORE], ids[ids != IGNORE])


def test_a_single_row_gives_a_single_example() -> None:
    row = torch.arange(10, 30)
    example = denoising_example(row, generator(), noises=NOISES["all"], start_id=2)
    assert example.targets.shape == example.inputs.shape == (20,) and example.source.ndim == 1


def test_the_same_seed_gives_the_same_noise() -> None:
    ids = texts(30, 40)
    one, same, other = (
        denoising_example(ids, generator(s), noises=NOISES["all"], start_id=2) for s in (1, 1, 2)
    )
    assert torch.equal(one.source, same.source)
    assert one.source.shape != other.source.shape or not torch.equal(one.source, other.source)


def test_bad_settings_are_refused() -> None:
    ids = texts(3, 10)
    for noise in (mask_tokens, infill):
        with pytest.raises(ValueError, match="rate must be 0 to 1, got 1.1"):
            noise(ids, generator(), mask_id=MASK, rate=1.1)
    with pytest.raises(ValueError, match="rate must be 0 to 1, got -1"):
        delete_tokens(ids, generator(), rate=-1.0)
    with pytest.raises(ValueError, match="mean_span must be positive, got 0"):
        infill(ids, generator(), mask_id=MASK, mean_span=0.0)
    with pytest.raises(ValueError, match="at the end of a row only"):
        denoising_example(torch.tensor([IGNORE, 3]), generator(), noises=[], start_id=2)


@pytest.mark.parametrize(("mean", "rate"), [(3, 0.3), (2, 1), (1, 1)])
def test_whole_numbers_do_as_well_as_decimals(mean: int, rate: float) -> None:
    ids = texts(50, 20)
    for noise in (mask_tokens, infill):
        options = {"mask_id": MASK, "rate": rate} | ({"mean_span": mean} if noise is infill else {})
        decimals = {name: float(value) for name, value in options.items() if name != "mask_id"}
        one, other = (noise(ids, generator(), **(options | more)) for more in ({}, decimals))
        assert torch.equal(one, other)
