"""Processors as mathematics: exact supports, parity with transformers, planted faults."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor
from transformers.generation import logits_process as peer

from course_lib.generation.chain import Processor, probabilities, process
from course_lib.generation.processors import (
    min_p,
    temperature,
    top_k,
    top_p,
    typical_p,
)

INF = math.inf


def logits_of(*chances: float) -> Tensor:
    """One row of logits whose softmax is `chances`."""
    return torch.tensor([chances], dtype=torch.float64).log().float()


def support(logits: Tensor) -> Tensor:
    return logits > -INF


def kept(step: Processor, *chances: float) -> list[int]:
    return support(step(logits_of(*chances)))[0].nonzero().flatten().tolist()


# -- by hand ----------------------------------------------------------------------------------


def test_top_k_by_hand() -> None:
    assert kept(top_k(1), 0.1, 0.2, 0.3, 0.4) == [3]
    assert kept(top_k(3), 0.4, 0.1, 0.2, 0.3) == [0, 2, 3]
    assert kept(top_k(9), 0.4, 0.1, 0.2, 0.3) == [0, 1, 2, 3]
    after = probabilities(logits_of(0.1, 0.2, 0.3, 0.4), [top_k(3)])
    torch.testing.assert_close(after, torch.tensor([[0.0, 2 / 9, 3 / 9, 4 / 9]]))


def test_top_k_keeps_every_token_that_ties_with_the_kth() -> None:
    assert kept(top_k(3), *[1 / 9] * 9) == list(range(9))
    assert kept(top_k(2), 0.5, 0.2, 0.2, 0.1) == [0, 1, 2]


def test_top_p_by_hand_keeps_the_token_that_crosses() -> None:
    chances = (0.1, 0.5, 0.25, 0.15)
    assert kept(top_p(0.3), *chances) == [1]
    assert kept(top_p(0.5), *chances) == [1]
    assert kept(top_p(0.51), *chances) == [1, 2]
    assert kept(top_p(0.75), *chances) == [1, 2]
    assert kept(top_p(0.76), *chances) == [1, 2, 3]
    assert kept(top_p(1), *chances) == [0, 1, 2, 3]
    assert kept(top_p(1e-9), *chances) == [1]


def test_top_p_facts_from_other_projects() -> None:
    assert kept(top_p(0.8), 0.3, 0.1, 0.1, 0.5) == [0, 3]
    assert kept(top_p(0.8), 0.15, 0.3, 0.3, 0.25) == [1, 2, 3]
    after = probabilities(logits_of(0.1, 0.2, 0.3, 0.4), [top_p(0.7)])
    torch.testing.assert_close(after, torch.tensor([[0.0, 0.0, 3 / 7, 4 / 7]]))
    assert len(kept(top_p(0.8), 0.1, 0.2, 0.3, 0.4)) == 3


def test_top_p_breaks_ties_by_the_lowest_id() -> None:
    assert kept(top_p(0.55), *[1 / 9] * 9) == [0, 1, 2, 3, 4]
    assert kept(top_p(0.5), *[1 / 5000] * 5000) == list(range(2500))
    assert kept(top_p(0.45), 0.2, 0.3, 0.2, 0.3) == [1, 3]
    assert kept(top_p(0.7), 0.2, 0.3, 0.2, 0.3) == [0, 1, 3]


@pytest.mark.parametrize(
    ("p", "n_kept"), [(0.24, 4), (0.26, 3), (0.49, 3), (0.51, 2), (0.74, 2), (0.76, 1), (1, 1)]
)
def test_min_p_facts_from_other_projects(p: float, n_kept: int) -> None:
    assert len(kept(min_p(p), 0.1, 0.2, 0.3, 0.4)) == n_kept


def test_more_min_p_facts() -> None:
    assert kept(min_p(0.05), 0.9, 0.0274, 0.047, 0.0274) == [0, 2]
    assert kept(min_p(0.05), 0.15, 0.3, 0.3, 0.25) == [0, 1, 2, 3]
    assert kept(min_p(0.05), 0.97, 0.01, 0.01, 0.01) == [0]
    assert kept(min_p(1), 0.4, 0.1, 0.4, 0.1) == [0, 2]


def test_typical_p_can_drop_the_most_likely_token() -> None:
    assert kept(typical_p(0.5), 0.97, 0.01, 0.01, 0.01) == [0]
    assert kept(typical_p(0.5), 0.4, 0.2, 0.2, 0.2) == [1, 2, 3]


def test_temperature_by_hand() -> None:
    gap = torch.tensor([[2.0, 0.0]])
    for t, odds in ((0.5, 54.598), (1.0, 7.3891), (2.0, 2.71828)):
        first, second = probabilities(gap, [temperature(t)])[0].tolist()
        assert first / second == pytest.approx(odds, rel=1e-4)


def test_temperature_zero_keeps_the_first_maximum_only() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0, -INF]])
    assert probabilities(logits, [temperature(0)]).tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_order_matters() -> None:
    logits = logits_of(0.5, 0.3, 0.15, 0.05)
    before = support(process(logits, [temperature(2), top_p(0.9)]))
    after = support(process(logits, [top_p(0.9), temperature(2)]))
    assert before.sum() == 4
    assert after.sum() == 3


def test_min_tokens_to_keep() -> None:
    ramp = torch.arange(10.0)[None]
    equal = torch.ones(1, 10)
    assert support(top_k(1, min_tokens_to_keep=5)(ramp)).sum() == 5
    assert support(top_k(1, min_tokens_to_keep=3)(equal)).sum() == 10
    assert support(top_p(0.01, min_tokens_to_keep=2)(ramp)).sum() == 2
    assert support(min_p(1, min_tokens_to_keep=3)(ramp)).sum() == 3
    assert support(typical_p(0.01, min_tokens_to_keep=4)(ramp)).sum() == 4


# -- laws, each of which a planted fault breaks -------------------------------------------------


def exact_top_k_support(make) -> None:
    logits = torch.randn(50, 37, generator=torch.Generator().manual_seed(0))
    for k in (1, 2, 7, 36, 37, 100):
        rank = logits.argsort(-1, descending=True).argsort(-1)
        assert torch.equal(support(make(k)(logits)), rank < k)


def exact_top_p_support(make) -> None:
    """Smallest set: it reaches p, and without its least likely token it does not.

    Flat and peaked rows, so that a large vocabulary is cut within the first tokens and beyond.
    """
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([[0.5], [6.0]]).double().repeat(25, 1)
    for n_tokens in (2, 37, 1500):  # 1500: more than top-p sorts at first
        logits = torch.randn(50, n_tokens, generator=generator).double() * spread
        chances = logits.softmax(-1)
        for p in (0.05, 0.3, 0.5, 0.9, 0.99):
            keep = support(make(p)(logits))
            inside = (chances * keep).sum(-1)
            least = chances.masked_fill(~keep, 2).amin(-1)
            assert bool((inside >= p - 1e-5).all())
            assert bool((inside - least < p).all())
            assert bool((least > chances.masked_fill(keep, -1).amax(-1)).all())


def out_of_place(make) -> None:
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    make(logits)
    assert torch.equal(logits, before)


def kept_logits_stay_where_they_are(step) -> None:
    """A filter moves no token: what it keeps has its own logit at its own id."""
    logits = torch.randn(4, 200, generator=torch.Generator().manual_seed(0))
    after = step(logits)
    keep = support(after)
    assert 0 < int(keep.sum()) < logits.numel()
    assert torch.equal(after[keep], logits[keep])


def test_exact_support_of_top_k() -> None:
    exact_top_k_support(top_k)


def test_exact_support_of_top_p() -> None:
    exact_top_p_support(top_p)


@pytest.mark.parametrize("step", [top_k(3), top_p(0.5), min_p(0.1), typical_p(0.5)], ids=repr)
def test_filters_keep_logits_in_place(step: Processor) -> None:
    kept_logits_stay_where_they_are(step)


@pytest.mark.parametrize(
    "step",
    [temperature(0.5), temperature(0), top_k(3), top_p(0.5), min_p(0.1), typical_p(0.5)],
    ids=repr,
)
def test_steps_never_change_their_input(step: Processor) -> None:
    out_of_place(step)


@pytest.mark.parametrize(
    "step", [temperature(1), top_k(11), top_k(10**9), top_p(1), min_p(0), typical_p(1)], ids=repr
)
def test_neutral_settings_change_nothing(step: Processor) -> None:
    logits = torch.randn(5, 11, generator=torch.Generator().manual_seed(0))
    assert torch.equal(step(logits), logits)


@settings(max_examples=60, deadline=None)
@given(
    arrays("float32", (3, 8), elements=st.floats(-50, 50, width=32)),
    st.floats(0.01, 5),
    st.floats(0.01, 1),
    st.integers(1, 9),
)
def test_any_chain_leaves_a_distribution_that_holds_the_best_token(values, t, p, k) -> None:
    logits = torch.from_numpy(values)
    chances = probabilities(logits, [temperature(t), top_k(k), top_p(p), min_p(p / 2)])
    assert torch.allclose(chances.sum(-1), torch.ones(3))
    assert bool((chances >= 0).all())
    best = (logits / t) == (logits / t).amax(-1, keepdim=True)
    assert bool((chances * best).sum(-1).gt(0).all())


def fault_top_k_does_nothing(k: int):
    """Masks a copy and drops it: a fault of a well-known course."""

    def step(logits: Tensor) -> Tensor:
        logits.masked_fill(logits < logits.topk(min(k, logits.shape[-1])).values[:, -1:], -INF)
        return logits

    return step


def fault_in_place(k: int):
    def step(logits: Tensor) -> Tensor:
        return logits.masked_fill_(logits < logits.topk(k).values[:, -1:], -INF)

    return step


def fault_sorted_order(p: float):
    """Returns the logits in sorted order, not scattered back to their ids."""

    def step(logits: Tensor) -> Tensor:
        best = logits.sort(-1, descending=True).values
        mass = best.softmax(-1).cumsum(-1)
        return best.masked_fill(mass - best.softmax(-1) >= p, -INF)

    return step


def fault_crossing_token_dropped(p: float):
    def step(logits: Tensor) -> Tensor:
        best, ids = logits.sort(-1, descending=True)
        drop = best.softmax(-1).cumsum(-1) > p
        drop[:, 0] = False
        return logits.masked_fill(torch.zeros_like(drop).scatter(-1, ids, drop), -INF)

    return step


def fault_cumulates_over_a_short_list(p: float):
    """Looks at the best 128 tokens only and renormalizes among them."""

    def step(logits: Tensor) -> Tensor:
        best, ids = logits.topk(min(128, logits.shape[-1]))
        mass = best.softmax(-1).cumsum(-1)
        keep = mass - best.softmax(-1) < p
        kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, ids, keep)
        return logits.masked_fill(~kept, -INF)

    return step


@pytest.mark.parametrize(
    ("law", "fault"),
    [
        (exact_top_k_support, fault_top_k_does_nothing),
        (kept_logits_stay_where_they_are, fault_top_k_does_nothing(3)),
        (out_of_place, fault_in_place(3)),
        (exact_top_p_support, fault_sorted_order),
        (kept_logits_stay_where_they_are, fault_sorted_order(0.5)),
        (exact_top_p_support, fault_crossing_token_dropped),
        (exact_top_p_support, fault_cumulates_over_a_short_list),
    ],
)
def test_planted_faults_are_caught(law, fault) -> None:
    with pytest.raises(AssertionError):
        law(fault)


# -- parity with transformers ---------------------------------------------------------------------

PAIRS = [
    *[(temperature(t), peer.TemperatureLogitsWarper(t)) for t in (0.1, 0.7, 1.0, 3.0)],
    *[(top_k(k), peer.TopKLogitsWarper(k)) for k in (1, 2, 5, 50, 1000)],
    *[(top_p(p), peer.TopPLogitsWarper(p)) for p in (0.1, 0.5, 0.9, 0.999)],
    *[(min_p(p), peer.MinPLogitsWarper(p)) for p in (0.0, 0.05, 0.5, 1.0)],
    *[(typical_p(p), peer.TypicalLogitsWarper(p)) for p in (0.1, 0.5, 0.9, 0.99)],
]


def ordinary(n_tokens: int, spread: float) -> Tensor:
    generator = torch.Generator().manual_seed(n_tokens)
    return torch.randn(8, n_tokens, generator=generator) * spread


def excluded(n_tokens: int) -> Tensor:
    """About half of the tokens are already excluded."""
    logits = ordinary(n_tokens, 2.0)
    return logits.masked_fill(logits < -0.1, -INF)


INPUTS = {
    "random": ordinary(40, 2.0),
    "flat": ordinary(400, 0.3),
    "large vocabulary": ordinary(3000, 4.0),
    "already excluded": excluded(60),
    "huge": ordinary(40, 2.0) * 1e36,
    "one token": torch.tensor([[3.0], [-1e30]]),
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda x: repr(x) if x is PAIRS else None)
def test_same_distribution_as_transformers(ours: Processor, theirs, name: str) -> None:
    logits = INPUTS[name].double()  # in float32 the edge of a long tail is a matter of rounding
    expected = theirs(torch.zeros(len(logits), 0, dtype=torch.long), logits.clone()).softmax(-1)
    chances = probabilities(logits, [ours])
    assert torch.equal(chances > 0, expected > 0)
    torch.testing.assert_close(chances, expected, rtol=0, atol=1e-6)


def test_huge_logits_over_a_small_temperature_do_not_overflow() -> None:
    logits = torch.tensor([[3e38, 1.0, -3e38]])
    assert peer.TemperatureLogitsWarper(0.1)(None, logits).softmax(-1).isnan().any()
    assert probabilities(logits, [temperature(0.1)]).tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_float32_keeps_the_same_mass_as_float64(ours: Processor, theirs) -> None:
    logits = INPUTS["large vocabulary"]
    chances = probabilities(logits, [ours]).double()
    expected = probabilities(logits.double(), [ours])
    torch.testing.assert_close(chances, expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_ties_keep_as_many_tokens_as_transformers(ours: Processor, theirs) -> None:
    generator = torch.Generator().manual_seed(5)
    logits = torch.randint(0, 4, (40, 30), generator=generator).float()
    expected = theirs(torch.zeros(40, 0, dtype=torch.long), logits.clone())
    mine = ours(logits)
    # Which of several equal logits stay is left open by the peer's sort; how many is not.
    assert torch.equal(support(mine).sum(-1), support(expected).sum(-1))
    both = [x.sort(-1).values.softmax(-1) for x in (mine, expected)]
    torch.testing.assert_close(*both, rtol=0, atol=1e-6)


@pytest.mark.parametrize("t", [1e-2, 1e-4])
def test_temperature_near_zero_is_nearly_greedy(t: float) -> None:
    logits = torch.randn(20, 50, generator=torch.Generator().manual_seed(1))
    expected = peer.TemperatureLogitsWarper(t)(None, logits.double()).softmax(-1)
    chances = probabilities(logits.double(), [temperature(t)])
    torch.testing.assert_close(chances, expected, rtol=0, atol=1e-6)
    assert torch.equal(chances.argmax(-1), logits.argmax(-1))


def test_whole_chain_equals_transformers() -> None:
    logits = ordinary(500, 3.0)
    theirs = logits.clone()
    for warper in (
        peer.TemperatureLogitsWarper(0.8),
        peer.TopKLogitsWarper(50),
        peer.TopPLogitsWarper(0.9),
        peer.MinPLogitsWarper(0.02),
    ):
        theirs = warper(None, theirs)
    ours = probabilities(logits, [temperature(0.8), top_k(50), top_p(0.9), min_p(0.02)])
    torch.testing.assert_close(ours, theirs.softmax(-1), rtol=0, atol=1e-6)


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: temperature(-1), r"t got -1, wants .*>= 0"),
        (lambda: temperature(math.nan), r"t got nan"),
        (lambda: temperature(INF), r"t got inf"),
        (lambda: top_k(0), r"k got 0, wants an integer >= 1"),
        (lambda: top_p(0), r"p got 0, wants .*\(0, 1\]"),
        (lambda: top_p(1.01), r"p got 1.01, wants .*\(0, 1\]"),
        (lambda: top_p(math.nan), r"p got nan"),
        (lambda: min_p(-0.1), r"p got -0.1, wants .*\[0, 1\]"),
        (lambda: min_p(2), r"p got 2"),
        (lambda: typical_p(0), r"p got 0"),
        (lambda: top_p(0.5, min_tokens_to_keep=0), r"min_tokens_to_keep got 0"),
    ],
)
def test_bad_arguments_are_named(make, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        make()


@pytest.mark.parametrize("step", [temperature(0.5), top_k(2), top_p(0.5), min_p(0.1)], ids=repr)
@pytest.mark.parametrize(
    ("row", "what"),
    [([1.0, math.nan, 0.0], "NaN"), ([-INF] * 3, r"only -inf .*"), ([0.0, INF, 1.0], r"\+inf")],
)
def test_unusable_logits_raise_and_name_the_step(step: Processor, row, what: str) -> None:
    with pytest.raises(ValueError, match=rf"{step.name.split('(')[0]}.* got {what} in row 1"):
        step(torch.tensor([[0.0, 1.0, 2.0], row]))


def test_a_chain_names_the_step_that_spoils_the_logits() -> None:
    def shout(logits: Tensor) -> Tensor:
        return logits * math.nan

    with pytest.raises(ValueError, match="shout returned NaN in row 0"):
        process(torch.zeros(2, 3), [temperature(2), shout, top_p(0.5)])
    with pytest.raises(ValueError, match="V >= 1"):
        process(torch.zeros(2, 0), [])
    with pytest.raises(ValueError, match="the chain got NaN"):
        probabilities(torch.full((1, 3), math.nan))
