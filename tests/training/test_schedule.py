import math

import pytest

from course_lib.training import constant, linear, warmup_cosine, warmup_stable_decay


def test_warm_up_rises_in_equal_steps_and_never_starts_at_zero() -> None:
    for schedule in (
        constant(warmup=3),
        linear(steps=1000, warmup=3),
        warmup_cosine(steps=1000, warmup=3),
        warmup_stable_decay(steps=1000, warmup=3, decay=10),
    ):
        assert [schedule(step) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_constant_stays() -> None:
    schedule = constant()
    assert [schedule(step) for step in (0, 1, 10**9)] == [1.0, 1.0, 1.0]


def test_linear_by_hand() -> None:
    schedule = linear(steps=12, warmup=2, final=0.2)
    assert schedule(2) == pytest.approx(1.0)
    assert schedule(7) == pytest.approx(0.6)  # half way from 1 to 0.2
    assert schedule(12) == schedule(99) == pytest.approx(0.2)


def test_cosine_by_hand() -> None:
    schedule = warmup_cosine(steps=14, warmup=2, final=0.1)
    assert schedule(2) == pytest.approx(1.0)
    assert schedule(8) == pytest.approx(0.55)  # half way
    assert schedule(6) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 3)) / 2)
    assert schedule(14) == schedule(99) == pytest.approx(0.1)


def test_stable_then_decay_by_hand() -> None:
    schedule = warmup_stable_decay(steps=20, warmup=1, decay=5, final=0.0)
    assert [schedule(step) for step in range(1, 16)] == [1.0] * 15
    assert [schedule(step) for step in (16, 17, 20, 21)] == pytest.approx([0.8, 0.6, 0.0, 0.0])
    # Until the decay nothing depends on the length of the run.
    longer = warmup_stable_decay(steps=2000, warmup=1, decay=5)
    assert [longer(step) for step in range(15)] == [schedule(step) for step in range(15)]


@pytest.mark.parametrize("final", [0.0, 0.5])
def test_no_decay_at_all_stays_until_the_run_is_over(final: float) -> None:
    schedule = warmup_stable_decay(steps=5, warmup=0, decay=0, final=final)
    assert [schedule(step) for step in range(5)] == [1.0] * 5
    assert schedule(5) == schedule(99) == final


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(warmup=-1), "warmup must be 0 or more, got -1"),
        (lambda: linear(steps=0), "steps must be at least 1, got 0"),
        (lambda: linear(steps=5, final=1.5), "final must be a factor from 0 to 1, got 1.5"),
        (lambda: warmup_cosine(steps=5, warmup=6), "warmup must not exceed steps 5, got 6"),
        (
            lambda: warmup_stable_decay(steps=5, warmup=3, decay=3),
            "warmup 3 and decay 3 must fit into steps 5",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_numbers_at_their_bounds_are_taken_and_those_beyond_refused() -> None:
    assert linear(steps=1)(0) == 1 and linear(steps=1)(1) == 0
    assert linear(steps=3, warmup=3)(2) == 0.75
    assert linear(steps=4, final=1.0)(4) == 1
    assert warmup_cosine(steps=4, warmup=0)(4) == pytest.approx(0.1)
    stable = warmup_stable_decay(steps=4, warmup=1, decay=3)
    assert [stable(step) for step in range(5)] == pytest.approx([0.5, 1, 2 / 3, 1 / 3, 0])
    for makes in (
        lambda: constant(warmup=-1),
        lambda: linear(steps=0),
        lambda: linear(steps=3, warmup=4),
        lambda: linear(steps=3, final=1.1),
        lambda: warmup_cosine(steps=3, warmup=0, final=-0.1),
        lambda: warmup_stable_decay(steps=4, warmup=1, decay=-1),
        lambda: warmup_stable_decay(steps=4, warmup=2, decay=3),
        lambda: warmup_stable_decay(steps=4, warmup=1, decay=1, final=2.0),
    ):
        with pytest.raises(ValueError, match="must"):
            makes()
