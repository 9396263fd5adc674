"""The pieces of the engine, each by hand: draws, shrinking, comparison, mutants, transport."""

import copy
import threading

import numpy as np
import pytest

from course_lib.exercises import load
from course_lib.exercises.catalog import find
from course_lib.exercises.code.call import call, copied_value
from course_lib.exercises.code.draw import Draw, draw_case, shrink
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.judge import judge
from course_lib.exercises.code.mutants import mutants
from course_lib.exercises.code.values import Misfit, difference, fit, show, to_plain
from course_lib.exercises.result import Result


def two_sizes(draw):
    rows, columns = draw.size(1, 9), draw.size(1, 9)
    return {"x": draw.array(rows, columns)}


def test_decisions_replay_a_case():
    first, choices, lows = draw_case(two_sizes, 5)
    again, made, _ = draw_case(two_sizes, 99, choices)
    assert made == choices
    assert np.array_equal(first["x"], again["x"])
    assert lows == [1, 1, 0, 0]


def test_early_cases_are_small():
    sizes = [draw_case(two_sizes, seed, growth=0.01)[0]["x"].shape for seed in range(20)]
    assert set(sizes) == {(1, 1)}


def test_shrinking_finds_the_smallest_case():
    def fails(choices):
        arguments, made, lows = draw_case(two_sizes, 0, choices)
        return (made, lows) if arguments["x"].shape[0] >= 3 else None

    choices, lows = draw_case(two_sizes, 3)[1:]
    choices[0] = 8
    assert shrink(choices, lows, fails) == [3, 1, 0, 0]


def test_shrinking_stops():
    calls = []

    def never(choices):
        calls.append(1)

    shrink([9] * 50, [0] * 50, never, tries=30)
    assert len(calls) == 30


def test_draws():
    draw = Draw(0)
    assert draw.keep(3, 4).dtype == bool
    assert draw.integers(50, low=2, high=4).max() == 4
    assert draw.pick(["a"]) == "a"
    assert draw.rng().random() != Draw(1).rng().random()


@pytest.mark.parametrize(
    ("got", "want", "text"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, 2.5]), "at [1]: yours 2, expected 2.5"),
        (np.array([-0.0]), np.array([0.0]), None),
        (np.array([np.nan]), np.array([np.nan]), None),
        (np.array([np.inf]), np.array([1.0]), "at [0]: yours inf, expected 1"),
        (np.array([1.0]), np.array([np.inf]), "at [0]: yours 1, expected inf"),
        (1.0 + 1e-9, 1.0, None),
        (3, 4, "3 is not 4"),
        ([1, 2], [1, 2, 3], "the result has 2 entries, expected 3"),
        ((1, [2, 3]), (1, [2, 4]), "at [1][1]: yours 3, expected 4"),
        ({"a": 1}, {"a": 2}, "at ['a']: yours 1, expected 2"),
        ({"a": 1}, {"b": 1}, "the result has keys ['a']"),
        (True, 1, "True is not 1"),
        ("x", "x", None),
    ],
)
def test_difference(got, want, text):
    assert difference(got, want, 1e-6) == text


@pytest.mark.parametrize(
    ("value", "expected", "words"),
    [
        (np.zeros((2, 5)), np.zeros((2, 5, 4)), "got|last dimension is missing"),
        (np.zeros((5, 4)), np.zeros((2, 5, 4)), "batch, is missing"),
        (np.zeros((4, 5)), np.zeros((5, 4)), "missing transpose"),
        (np.zeros((5, 5)), np.zeros(5), "twice"),
        ([[1], [1, 2]], np.zeros((2, 2)), "rows differ in length"),
        (True, 1, "bool; a int"),
        (1.0, 1, "float; a int"),
        ("1", 1.0, "str; a float"),
        ((1, 2, 3), (1, 2), "3 values; 2 are wanted"),
    ],
)
def test_wrong_form(value, expected, words):
    with pytest.raises(Misfit, match=words):
        fit(value, expected)


def test_harmless_conversions():
    assert fit(np.array(2.0), 1.0)[0] == 2.0
    assert fit(2, 1.0) == (2.0, [])
    assert fit([1, 2], (1, 2)) == ((1, 2), ["the result was taken as a tuple"])
    whole, _ = fit([[1, 0], [0, 1]], np.eye(2))
    assert whole.dtype == float and whole.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    value, notes = fit([[1.0, 2.0]], np.zeros((1, 2)))
    assert isinstance(value, np.ndarray)
    assert len(notes) == 1


def test_plain_values():
    assert to_plain(np.float64(2)) == 2.0
    assert type(to_plain(np.int32(2))) is int
    original = np.zeros(3)
    assert not np.shares_memory(to_plain(original), original)
    for value in (object(), iter([1]), np.array([None]), lambda: 1):
        with pytest.raises(Misfit):
            to_plain(value)


def test_a_set_is_shown_in_the_order_that_the_argument_is_shown_in():
    """`set(value)` lays the same items out in another order."""
    value: set[int] = set()
    for item in (6, 101, 3, 68, 176):
        value.add(item)
    assert list(set(value)) != list(value)
    assert list(to_plain(value)) == list(value)


class _Never(type):
    """Makes classes that equal nothing and cannot be looked up."""

    def __eq__(cls, other):
        return False


class _Odd(metaclass=_Never):
    pass


@pytest.mark.parametrize("value", [_Odd(), [1, _Odd()], (_Odd(),)], ids=["it", "list", "tuple"])
def test_a_value_of_a_class_that_cannot_be_looked_up_is_refused(value):
    outcome = call(lambda x: value, {"x": 1})
    assert outcome.error is None and "cannot be compared" in outcome.misfit


def test_values_are_shown_short():
    assert len(show(list(range(10_000)))) <= 400
    assert show(np.eye(2)).startswith("array of shape (2, 2)")
    assert show(0.1 + 0.2) == "0.3"


def test_outcome_of_a_call():
    def busy(x):
        print("hello")
        x[0] = 5.0
        return x

    given = np.zeros(2)
    outcome = call(busy, {"x": given})
    assert outcome.printed == "hello\n"
    assert outcome.aliases == ("x",)
    assert outcome.changed["x"][0] == 5.0
    assert given[0] == 0.0


NAN = float("nan")
ROW = np.arange(3.0)
COPIED = {
    "number": 1.5,
    "numbers": [1, 2.0, NAN, "a", None],
    "array": np.eye(2),
    "arrays": [np.eye(2), np.arange(3)],
    "tuple": ("all_gather", np.eye(2)),
    "other layouts": [np.zeros((2, 3)).T, np.broadcast_to(np.arange(3.0), (4, 3))],
    "another layout": np.zeros((2, 3, 4)).transpose(1, 2, 0),
    "tuple of numbers": (1, "a"),
    "lists": [[1, 2], [3]],
    "nested": [np.eye(2), (1, [np.eye(3)])],
    "twice": [ROW, ROW],
    "twice, deeper": [ROW, (1, [ROW])],
    "lists twice": [[1], [1]] * 2,
    "itself": [],
    "objects": np.array([[1], "a"], dtype=object),
    "objects inside": [np.array([[1], "a"], dtype=object)],
    "dict": {"a": [1], "b": np.eye(2)},
    "set": {1, 2},
    "generator": np.random.default_rng(3),
    "subclass": np.ma.masked_array([1, 2], [True, False]),
}
COPIED["itself"].append(COPIED["itself"])


def _parts(value):
    """Every list, tuple, dictionary, array and generator in it, in order, and once."""
    found, left = [], [value]
    while left:
        part = left.pop(0)
        if isinstance(part, list | tuple | dict | np.ndarray | np.random.Generator):
            if any(part is other for other in found):
                continue
            found.append(part)
        if isinstance(part, dict):
            left += part.values()
        elif isinstance(part, list | tuple):
            left += part
        elif isinstance(part, np.ndarray) and part.dtype == object:
            left += part.ravel().tolist()
    return found


@pytest.mark.parametrize("name", COPIED)
def test_a_copy_is_that_of_deepcopy(name):
    """Equal, of the same types, sharing nothing, and what is there twice is there twice."""
    value = COPIED[name]
    mine, wanted = copied_value(value), copy.deepcopy(value)
    ours, theirs = _parts(mine), _parts(wanted)
    assert [type(part) for part in ours] == [type(part) for part in theirs]
    layouts = [[p.strides for p in q if isinstance(p, np.ndarray)] for q in (ours, theirs)]
    assert layouts[0] == layouts[1]
    if not isinstance(value, np.random.Generator) and name != "itself":
        assert repr(mine) == repr(wanted)
    for part in ours:
        if isinstance(part, np.random.Generator):
            assert part.bit_generator.state == value.bit_generator.state
        changes = isinstance(part, list | dict | np.ndarray | np.random.Generator)
        assert not (changes and any(part is other for other in _parts(value)))
        if isinstance(part, np.ndarray):
            arrays = [other for other in _parts(value) if isinstance(other, np.ndarray)]
            assert not any(np.shares_memory(part, other) for other in arrays)


def half(x):
    return x / 2


def test_edit_changes_one_place():
    assert edit(half, ("/ 2", "* 2"))(3) == 6
    with pytest.raises(ValueError, match="occurs 0 times"):
        edit(half, ("+", "-"))
    with pytest.raises(ValueError, match="occurs 2 times"):
        edit(half, ("x", "y"))


def test_mutants_by_hand():
    assert sorted(text for text, _ in mutants(half)) == [
        "return x * 2",
        "return x / 1",
        "return x / 3",
    ]


def test_result_is_true_only_when_correct():
    assert Result("correct", "")
    for status in ("incorrect", "not_attempted", "error", "timeout", "invalid", "checker_fault"):
        assert not Result(status, "")
    with pytest.raises(ValueError, match="status: got 'fine'"):
        Result("fine", "")
    assert Result("correct", "a", seconds=1.0) == Result("correct", "a", seconds=2.0)
    shown = str(Result("error", "boom", checks=(("sums", False),), counterexample={"x": "1"}))
    assert shown == (
        "Your code stopped with an error: boom\nSmallest case found:\n  x = 1\nChecked: sums fails."
    )


def test_catalog_lists_each_exercise_once_in_order():
    from course_lib.exercises.catalog import all_specs, is_published

    names = [spec.id for spec in all_specs()]
    assert names == sorted(set(names))
    assert is_published(find("01.c"))


def test_steps_of_a_faded_exercise():
    exercise = load("06.c")
    blanks = [exercise.starter(step).count("...") for step in (1, 2, 3)]
    given = [len(exercise.starter(step)) for step in (1, 2, 3)]
    assert blanks == [1, 2, 1]
    assert given == sorted(given, reverse=True)
    with pytest.raises(ValueError, match="want 1 to 3"):
        exercise.starter(4)


def test_answer_from_another_thread():
    found = []
    spec = find("01.c")
    thread = threading.Thread(target=lambda: found.append(judge(spec, spec.code.reference)))
    thread.start()
    thread.join()
    assert found[0]
