"""What goes wrong is named: rank, unit, operation, and soon."""

import inspect
import time

import fault_cases as cases
import pytest

from course_lib.distributed import RankFailure, Ranks, launch

TROUBLES = [
    "forward without backward",
    "forward without gradients",
    "two backwards",
    "two forwards, one backward",
    "backward of what needs none",
    "exception in forward",
    "exception in backward",
]


def test_ranks_that_disagree_are_told_before_anything_happens(pools):
    expected = {
        "shape": "first at 'blocks.1.up.weight': blocks.1.up.weight [7, 10] float32 trainable "
        "against blocks.1.up.weight [9, 10] float32 trainable",
        "dtype": "norm.weight [10] float32 trainable against norm.weight [10] float64 trainable",
        "frozen": "norm.weight [10] float32 trainable against norm.weight [10] float32 frozen",
        "more": "the number differs (19 and 21 parameters), first at 'extra.weight'",
        "units": "units differs: rank 0 has ['blocks.0', 'blocks.1', 'blocks.2'], "
        "ranks [1] have ['blocks.0']",
        "stage": "stage differs: rank 0 has 2, ranks [1] have 3",
        "version": "torch version differs: rank 0 has '2.0', ranks [1] have '2.1'",
    }
    for how, message in expected.items():
        for text in pools(2).run(cases.disagree, how, timeout=60):
            assert text.startswith("RankMismatch: ")
            assert message in text


def test_initial_weights_come_from_rank_0_or_are_compared(pools):
    for text in pools(2).run(cases.other_weights, True, timeout=60):
        assert text == "no error, equal: True"
    for text in pools(2).run(cases.other_weights, False, timeout=60):
        assert "initial weights differ, first at 'embed.weight': ranks [1] against rank 0" in text


def test_batch_that_does_not_divide(pools):
    assert pools(2).run(cases.batch, 4) == [[0, 1], [2, 3]]
    for n_rows in (0, 1, 5):
        for text in pools(2).run(cases.batch, n_rows):
            assert f"a batch of {n_rows} rows does not divide over 2 ranks" in text


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_step_after_trouble_is_exact(pools, stage):
    for trouble in TROUBLES:
        assert cases_on_one_rank(stage, trouble) == []
        for wrong in pools(2).run(cases.interrupted, stage, trouble, timeout=120):
            assert wrong == [], (stage, trouble)


def cases_on_one_rank(stage, trouble):
    return cases.interrupted(stage, trouble)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_gradients_that_are_not_finite(pools, value):
    for stage in (0, 1, 3):
        for result in pools(2).run(cases.not_finite, stage, value, timeout=60):
            norm, stepped, same, skipped, raised, later = result
            assert norm != norm or norm == float("inf")
            assert (stepped, same, skipped) == (False, True, 1)
            assert "the gradient norm is" in raised
            assert later is True


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("killed", "died from signal SIGKILL"),
        ("exit", "ended with exit code 3"),
        ("raises", "ValueError: this rank has had enough"),
    ],
)
def test_a_lost_rank_is_named_within_seconds(tmp_path, how, cause):
    stamp = tmp_path / "stamp"
    with Ranks(3, echo=False, collective_timeout=120) as ranks:
        with pytest.raises(RankFailure) as error:
            ranks.run(cases.lose_a_rank, how, str(stamp), timeout=120)
    assert time.monotonic() - float(stamp.read_text()) < 5
    assert error.value.rank == 1
    assert f"rank 1 of 3 failed first: {cause}" in str(error.value)
    if how == "raises":
        assert "in lose_a_rank" in error.value.details  # the traceback of that rank


def test_a_hanging_rank_is_named():
    for starter in (launch, Ranks):  # a minute, where the backends' own is half an hour
        assert inspect.signature(starter).parameters["collective_timeout"].default == 60
    with Ranks(2, echo=False, collective_timeout=3) as ranks:
        with pytest.raises(RankFailure) as error:
            ranks.run(cases.hang, timeout=120)
    text = str(error.value)
    assert "rank 0 of 2 failed first: CollectiveTimeout: rank 0 waited 3 s for rank 1" in text
    assert "at operation 1, all-gather of 'root'; rank 1 never came there" in text


def test_ranks_that_diverge_find_out_at_once():
    expected = {
        "skip": ("all-gather of 'blocks.1'", "all-gather of 'blocks.2'"),
        "order": ("all-gather of 'blocks.0'", "all-gather of 'blocks.1'"),
        "size": ("4 elements of float32", "5 elements of float32"),
        "dtype": ("4 elements of float32", "4 elements of bfloat16"),
    }
    with Ranks(2, echo=False, collective_timeout=120) as ranks:
        for how, (first, second) in expected.items():
            start = time.monotonic()
            texts = ranks.run(cases.diverge, how, timeout=100)
            assert time.monotonic() - start < 60
            for text in texts:
                assert text.startswith("RankMismatch: the ranks no longer agree"), how
                assert first in text and second in text
            assert "rank 0 is at" in texts[0] and "rank 1 is at" in texts[1]


# ---- planted faults: each has to be caught by the check named here


def test_planted_unsharded_wrapper_fails_the_test_of_state_bytes(pools):
    for measured, plan in pools(2).run(cases.bytes_with, "unsharded wrapper", timeout=60):
        assert measured.parameters > plan.parameters


def test_planted_missing_reduce_fails_the_test_of_bit_identity(pools):
    assert all(pools(2).run(cases.exact_with, "missing reduce", timeout=60))


def test_planted_lost_remainder_fails_the_test_of_bit_identity(pools):
    assert all(pools(2).run(cases.exact_with, "last remainder lost", timeout=60))


def test_planted_shifted_stage_fails_the_test_of_state_bytes(pools):
    for measured, plan in pools(2).run(cases.shifted_stage, timeout=60):
        assert measured.gradients > plan.gradients


def test_planted_mean_of_means_is_not_the_mean(pools):
    for difference in pools(2).run(cases.uneven_tokens, True, timeout=60):
        assert difference > 1e-3  # averaging averages: wrong, and seen
    for difference in pools(2).run(cases.uneven_tokens, False, timeout=60):
        assert difference < 1e-6
