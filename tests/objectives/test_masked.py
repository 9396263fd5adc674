"""Masked language modelling: the published shares, and nothing else touched."""

import math
from typing import Any

import pytest
import torch

from course_lib.objectives import IGNORE, masked_example
from course_lib.objectives.masked import _mix, _unit

MASK, CLS, SEP = 5, 2, 3
V = 1000
SPECIAL = (0, 1, CLS, SEP, 4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(n: int, length: int, seed: int = 0, ragged: bool = False) -> torch.Tensor:
    made = torch.randint(10, V, (n, length), generator=generator(seed))
    made[:, 0], made[:, -1] = CLS, SEP
    if ragged:
        ends = torch.randint(1, length + 1, (n,), generator=generator(seed + 1))
        made[torch.arange(length) >= ends[:, None]] = IGNORE
    return made


def mask(ids: torch.Tensor, seed: int = 0, **changes: Any):
    options = {"mask_id": MASK, "vocab_size": V, "special_ids": SPECIAL} | changes
    return masked_example(ids, generator(seed), **options)


def within(share: float, wanted: float, n: int) -> bool:
    return abs(share - wanted) <= 5 * math.sqrt(wanted * (1 - wanted) / n)


@pytest.mark.parametrize("copies", [None, 1, 10])
@pytest.mark.parametrize("length", [7, 12, 130])
@pytest.mark.parametrize("rate", [0.15, 0.3, 0.4])
def test_shares_are_the_published_ones(rate: float, length: int, copies: int | None) -> None:
    ids = rows(300, length)
    example = mask(ids, rate=rate, static_copies=copies)
    chosen = example.targets != IGNORE
    n_ordinary, n = 300 * (length - 2), int(chosen.sum())
    assert within(n / n_ordinary, rate, n_ordinary)
    assert torch.equal(example.targets[chosen], ids[chosen])
    shown, true = example.inputs[chosen], ids[chosen]
    hidden, kept = (shown == MASK), (shown == true)
    assert within(float(hidden.float().mean()), 0.8, n)
    assert within(float(kept.float().mean()), 0.1, n)
    assert within(float((~hidden & ~kept).float().mean()), 0.1, n)
    swapped = shown[~hidden & ~kept]
    assert all(one not in (*SPECIAL, MASK) for one in swapped.tolist())
    assert torch.equal(example.inputs[~chosen], ids[~chosen])
    assert not bool(chosen[:, 0].any() | chosen[:, -1].any())
    assert example.keep is None
    # every ordinary place is chosen as often as any other
    of_place = chosen[:, 1:-1].float().mean(0)
    assert all(within(float(share), rate, 300) for share in of_place)


def test_the_number_of_targets_differs_from_its_share_by_less_than_one() -> None:
    ids = rows(200, 40, ragged=True)
    example = mask(ids)
    ordinary = ((ids != IGNORE) & (ids != CLS) & (ids != SEP)).sum(1)
    n = (example.targets != IGNORE).sum(1)
    assert bool(((n - 0.15 * ordinary).abs() < 1).all())


def test_padding_is_never_a_target_and_is_hidden() -> None:
    ids = rows(50, 20, ragged=True)
    example = mask(ids, pad_id=9, rate=1.0)
    assert torch.equal(example.keep, ids != IGNORE)
    assert bool((example.targets[ids == IGNORE] == IGNORE).all())
    assert bool((example.inputs[ids == IGNORE] == 9).all())


def test_what_is_hidden_can_be_put_back() -> None:
    ids = rows(100, 30, ragged=True)
    example = mask(ids)
    rebuilt = torch.where(example.targets != IGNORE, example.targets, example.inputs)
    assert torch.equal(rebuilt.masked_fill(~example.keep, IGNORE), ids)


def test_the_papers_example() -> None:
    """``my dog is hairy``: [MASK], apple or hairy in its place, and hairy is the target."""
    my_dog_is_hairy = torch.tensor([11, 12, 13, 14])
    shown = set()
    for seed in range(400):
        example = mask(my_dog_is_hairy, seed, rate=0.25)
        if example.targets.tolist() == [IGNORE, IGNORE, IGNORE, 14]:
            assert example.inputs.tolist()[:3] == [11, 12, 13]
            shown.add("mask" if (one := int(example.inputs[3])) == MASK else one == 14)
    assert shown == {"mask", True, False}


def test_static_masks_follow_from_the_row_and_dynamic_ones_do_not() -> None:
    ids = rows(40, 50)
    turned = ids.flip(0)
    for one, other in ((1, 2), (3, 4)):
        a, b = mask(ids, one, static_copies=1), mask(turned, other, static_copies=1)
        assert torch.equal(a.inputs, b.inputs.flip(0)) and torch.equal(a.targets, b.targets.flip(0))
        a, b = mask(ids, one), mask(ids, other)
        assert not torch.equal(a.targets, b.targets)
    one_row = ids[:1]
    seen = {tuple(mask(one_row, seed, static_copies=10).targets[0].tolist()) for seed in range(300)}
    assert len(seen) == 10
    changed = one_row.clone()
    changed[0, 7] += 1
    a, b = (mask(x, static_copies=1).targets != IGNORE for x in (one_row, changed))
    assert not torch.equal(a, b)


def test_whole_words_are_chosen_whole() -> None:
    continues = torch.zeros(V, dtype=torch.bool)
    continues[500:] = True
    ids = rows(300, 40, ragged=True)
    chosen = mask(ids, continues_word=continues, rate=0.3).targets != IGNORE
    ordinary = (ids != IGNORE) & (ids != CLS) & (ids != SEP)
    total, n = 0, 0
    for row, hit, there in zip(ids.tolist(), chosen.tolist(), ordinary.tolist(), strict=True):
        word: list[bool] = []
        for place, one in enumerate(row):
            if not there[place]:
                assert not hit[place]
            elif place and there[place - 1] and one >= 500:
                assert hit[place] == word[-1]
            word.append(hit[place])
        total, n = total + sum(there), n + sum(hit)
    assert abs(n / total - 0.3) < 5 * math.sqrt(2 * 0.3 * 0.7 / total)
    alone = mask(ids, continues_word=torch.zeros(V, dtype=torch.bool), rate=0.3)
    assert torch.equal(alone.targets, mask(ids, rate=0.3).targets)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 1.5}, "rate must be 0 to 1, got 1.5"),
        ({"rate": float("nan")}, "rate must be 0 to 1, got nan"),
        ({"masked": -0.1}, "masked must be 0 to 1"),
        ({"masked": 0.8, "randomised": 0.3}, "must not exceed 1 together"),
        ({"static_copies": 0}, "static_copies must be at least 1, got 0"),
        ({"vocab_size": 6}, "vocab_size 6 must leave a token that is not special"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mask(rows(2, 8), **changes)


def test_an_id_behind_padding_is_refused_and_short_rows_are_taken() -> None:
    with pytest.raises(ValueError, match="at the end of a row only"):
        mask(torch.tensor([[1, IGNORE, 7]]))
    for ids in (torch.tensor([CLS]), torch.tensor([[IGNORE]]), torch.tensor([[CLS, SEP]])):
        example = mask(ids, rate=1.0)
        assert example.inputs.shape == ids.shape and bool((example.targets == IGNORE).all())
    one = mask(torch.tensor([17]), rate=1.0)
    assert one.targets.tolist() == [17]


def test_whole_numbers_do_as_well_as_decimals() -> None:
    ids = rows(20, 12)
    words = torch.zeros(V, dtype=torch.bool)
    for continues in (None, words):
        for rate in (0, 1):
            whole, decimal = (
                mask(
                    ids,
                    rate=kind(rate),
                    masked=kind(1),
                    randomised=kind(0),
                    continues_word=continues,
                )
                for kind in (int, float)
            )
            assert torch.equal(whole.inputs, decimal.inputs)
            chosen = whole.targets != IGNORE
            assert int(chosen.sum()) == rate * 20 * 10


def test_static_masks_are_the_same_in_every_version() -> None:
    """A model that is trained on goes on with the masks it began with."""
    ids = torch.full((2, 9), IGNORE)
    ids[0] = torch.tensor([CLS, 11, 12, 13, 14, 15, 16, 17, SEP])
    ids[1, :7] = torch.tensor([CLS, 21, 22, 23, 24, 25, SEP])
    first, second = (mask(ids, seed, rate=0.5, static_copies=3) for seed in range(2))
    assert first.inputs.tolist() == [
        [2, 11, 12, 13, 5, 5, 5, 17, 3],
        [2, 5, 5, 23, 24, 25, 3, 0, 0],
    ]
    assert second.inputs.tolist() == [
        [2, 626, 719, 5, 14, 15, 5, 17, 3],
        [2, 5, 22, 23, 24, 356, 3, 0, 0],
    ]
    shown = [(one.targets != IGNORE).nonzero().tolist() for one in (first, second)]
    assert shown[0] == [[0, 4], [0, 5], [0, 6], [1, 1], [1, 2], [1, 3]]
    assert shown[1] == [[0, 1], [0, 2], [0, 3], [0, 6], [1, 1], [1, 5]]
    many = mask(rows(40, 6), rate=0.3, static_copies=1).targets != IGNORE
    assert "".join(map(str, many.sum(1).tolist())) == "1111112121211111111111112111111111111111"


def test_numbers_are_scrambled_as_published() -> None:
    """The first outputs of splitmix64 from the state 1234567 (Steele, Lea, Flood 2014)."""
    golden = -7046029254386353131
    states = torch.tensor([1234567, 1234567 + golden, 1234567 + 2 * golden + 2**64])
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [one % 2**64 for one in _mix(states).tolist()] == wanted
    assert _unit(torch.tensor([-1, 0, 2**63 - 1, 2**40])).tolist() == [
        1 - 2**-24,
        0,
        0.5 - 2**-24,
        2**-24,
    ]
