"""Every scheme of order against its formula and published values."""

import math

import pytest
import torch

from course_lib.model.positions import (
    ALiBi,
    Learned,
    Positions,
    Relative,
    Rotary,
    Sinusoidal,
    alibi_slopes,
    relative_bucket,
    rotary_frequencies,
    slow_frequencies,
)

SLOTS = torch.arange(12)
CAUSAL = {0: 0, 7: 7, 15: 15, 16: 16, 19: 17, 22: 18, 31: 21, 45: 23, 46: 24, 63: 26, 90: 29}
CAUSAL |= {113: 31, 127: 31, 500: 31}
BACK = {7: 7, 8: 8, 11: 8, 12: 9, 15: 9, 16: 10, 22: 10, 23: 11, 31: 11, 32: 12, 45: 12, 46: 13}
BACK |= {63: 13, 64: 14, 90: 14, 91: 15, 500: 15}


def test_none_does_nothing():
    none, x = Positions(), torch.ones(1, 1, 3, 4)
    assert none.embed(SLOTS) is None and none.bias(SLOTS, SLOTS) is None
    assert none.angles(SLOTS) is None and none.rotate(x, SLOTS) is x


def test_sinusoid_is_the_formula():
    waves = Sinusoidal(8).embed(torch.tensor([0, 5]))
    assert waves[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    for i in range(4):
        angle = 5 / 10_000 ** (2 * i / 8)
        assert waves[1, i].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert waves[1, 4 + i].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_learned_starts_at_its_offset():
    learned = Learned(10, 4, offset=2)
    assert learned.table.weight.shape == (12, 4)
    assert torch.equal(learned.embed(torch.tensor([0, -1])), learned.table.weight[[2, 1]])


def test_rotary_turns_pairs_by_hand():
    rotary = Rotary((math.pi / 2, 0.0))
    x = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    turned = rotary.rotate(x, torch.tensor([1]))  # a quarter turn of (1, 3), none of (2, 4)
    torch.testing.assert_close(turned, torch.tensor([[[[-3.0, 2.0, 1.0, 4.0]]]]))


def test_rotary_scores_depend_on_distance_only():
    rotary = Rotary(rotary_frequencies(8, 10_000.0))
    q, k = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))
    scores = [
        (rotary.rotate(q, torch.tensor([a])) * rotary.rotate(k, torch.tensor([b]))).sum().item()
        for a, b in [(3, 1), (10, 8), (2, 0), (10, 7)]
    ]
    assert scores[:3] == pytest.approx([scores[0]] * 3, abs=1e-5)
    assert abs(scores[3] - scores[0]) > 1e-3


def test_rotary_takes_positions_of_each_row():
    rotary = Rotary(rotary_frequencies(8, 10_000.0))
    x = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([[0, 1, 2, 3], [5, 6, 7, 8]])
    both = rotary.rotate(x, rows)
    torch.testing.assert_close(both[1:], rotary.rotate(x[1:], rows[1]))


def test_slowing_gives_the_published_ratios():
    frequencies = rotary_frequencies(128, 5e5)
    slowed = slow_frequencies(frequencies, 8.0, 1.0, 4.0, 8192)
    ratios = [b / a for a, b in zip(frequencies, slowed, strict=True)]
    assert ratios[:29] == pytest.approx([1.0] * 29)
    between = [0.828168, 0.643743, 0.493507, 0.371122, 0.271425, 0.190211]
    assert ratios[29:35] == pytest.approx(between, abs=1e-6)
    assert ratios[35:] == pytest.approx([0.125] * 29)
    assert slowed[63] == pytest.approx(3.068926e-07, rel=1e-6)
    slowed32 = slow_frequencies(frequencies, 32.0, 1.0, 4.0, 8192)
    assert slowed32[29] / frequencies[29] == pytest.approx(0.809758, abs=1e-6)
    assert slowed32[34] / frequencies[34] == pytest.approx(0.103448, abs=1e-6)
    assert slow_frequencies(frequencies, 1.0, 1.0, 4.0, 8192) == pytest.approx(frequencies)


def test_alibi_slopes():
    eight = [2.0**-i for i in range(1, 9)]
    assert alibi_slopes(8) == pytest.approx(eight)
    more = [0.707107, 0.353553, 0.176777, 0.088388]
    assert alibi_slopes(12) == pytest.approx([*eight, *more], abs=1e-6)
    assert alibi_slopes(5) == pytest.approx([0.25, 0.0625, 0.015625, 0.00390625, 0.5])
    assert alibi_slopes(40)[:2] == pytest.approx([0.840896, 0.707107], abs=1e-6)
    assert alibi_slopes(1) == pytest.approx([2.0**-8])


def test_alibi_lowers_scores_with_distance():
    bias = ALiBi(8).bias(torch.tensor([4]), torch.arange(5))
    assert bias.shape == (8, 1, 5)
    assert bias[0, 0].tolist() == [-2.0, -1.5, -1.0, -0.5, 0.0]


@pytest.mark.parametrize(("distances", "bidirectional"), [(CAUSAL, False), (BACK, True)])
def test_relative_buckets_back(distances, bidirectional):
    back = -torch.tensor(list(distances))
    found = relative_bucket(back, 32, 128, bidirectional=bidirectional)
    assert found.tolist() == list(distances.values())


def test_relative_buckets_ahead():
    ahead = torch.tensor([1, 8, 500])
    assert relative_bucket(ahead, 32, 128, bidirectional=True).tolist() == [17, 24, 31]
    assert relative_bucket(ahead, 32, 128, bidirectional=False).tolist() == [0, 0, 0]


def test_relative_bias_is_its_table_row():
    relative = Relative(4, 32, 128, bidirectional=False)
    bias = relative.bias(SLOTS, SLOTS)
    assert bias.shape == (4, 12, 12)
    assert torch.equal(bias[:, 7, 4], relative.table.weight[3])
