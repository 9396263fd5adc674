"""What the doors ask of an argument: right ones of every type pass, others are refused by name."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from course_lib import checks

FLOATS, IDS = torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64)


class Letters:
    def encode(self, text: str) -> list[str]:
        return list(text)


# A check of one value, values that pass, and values that are refused with what a message says.
CHECKS: dict[str, tuple[Callable[[Any], Any], list[Any], dict[Any, str]]] = {
    "whole": (
        lambda value: checks.check_whole(x=value),
        [0, -3, np.int64(3), torch.tensor(3)],
        {3.0: "3.0", True: "True", "3": "'3'", None: "None", FLOATS: "Tensor"},
    ),
    "whole or none": (lambda value: checks.check_whole(None, x=value), [1, None], {0.5: "0.5"}),
    "number": (
        lambda value: checks.check_numbers(x=value),
        [0, 0.5, float("nan"), np.float32(1), np.int8(1), torch.tensor(0.5)],
        {
            True: "True",
            "0.5": "'0.5'",
            None: "None",
            1j: "complex",
            FLOATS: "Tensor",
            np.str_("0.5"): "0.5",
            np.complex64(2j): "complex64",
            torch.tensor(True): "Tensor",
        },
    ),
    "text": (lambda value: checks.check_text(x=value), ["", "a"], {b"a": "b'a'", 1: "1"}),
    "list": (
        lambda value: checks.check_lists(x=value),
        [[], (1,), range(3), np.zeros(2), IDS],
        {
            "abc": "'abc'",
            b"a": "b'a'",
            None: "None",
            3: "3",
            iter([1]): "list_iterator",
            torch.tensor(3): "Tensor",
            list: "type",
        },
    ),
    "ids": (
        lambda value: checks.check_id_lists(x=value),
        [[], [1, 2], range(3)],
        {"12": "'12'", (1, 2.0): r"\[1\].*2.0", ("a",): r"\[0\].*'a'"},
    ),
    "mapping": (
        lambda value: checks.check_mappings(x=value),
        [{}, {"a": 1}],
        {("a",): "tuple", "a": "'a'", None: "None"},
    ),
    "tensor of ids": (
        lambda value: checks.check_ids("x", value, "B T"),
        [IDS, IDS.to(torch.uint8)],
        {FLOATS: "float32", IDS.bool(): "bool", (1, 2): "tuple", None: "None"},
    ),
    "tensor of floats": (
        lambda value: checks.check_floats("x", value, "B T", "B T V"),
        [FLOATS, FLOATS[None], FLOATS.bfloat16()],
        {IDS: "int64", FLOATS.to(torch.complex64): "complex64", 0.5: "0.5"},
    ),
    "ids to a tensor": (
        lambda value: checks.tensor_of_ids("x", value),
        [[], [1, 2], (np.int32(3),), IDS[0], np.arange(3)],
        {(1, 2.5): r"\[1\].*2.5", (1, "a"): r"\[1\].*'a'", FLOATS[0]: r"\[0\].*0.0"},
    ),
    "mask": (
        lambda value: checks.check_mask("x", value, (2, 3)),
        [IDS, IDS.bool()],
        {FLOATS: "float32", (True,): "tuple"},
    ),
    "module": (
        lambda value: checks.check_module(value, "x"),
        [torch.nn.Linear(1, 1)],
        {None: "None", torch.nn.Linear: "type"},
    ),
    "generator": (
        lambda value: checks.check_generator(value, "x"),
        [torch.Generator()],
        {0: "0", None: "None", np.random.default_rng(0): "Generator"},
    ),
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_right_passes(name: str) -> None:
    check, right, _ = CHECKS[name]
    for value in right:
        check(value)


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_wrong_is_refused_by_name_and_shown(name: str) -> None:
    check, _, wrong = CHECKS[name]
    for value, shown in wrong.items():
        with pytest.raises(TypeError, match=f"^x.*{shown}"):
            check(value)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda: checks.check_ids("x", IDS[0], "B T"), r"of shape \(B, T\), got shape \(3,\)"),
        (lambda: checks.check_floats("x", FLOATS[0], "B T", "B"), None),
        (lambda: checks.check_floats("x", FLOATS[0, 0], "B T", "B"), r"\(B, T\) or \(B\)"),
        (lambda: checks.check_mask("x", IDS, (3, 2)), r"of shape \(3, 2\), got shape \(2, 3\)"),
        (lambda: checks.check_mask("x", IDS, "B T V"), r"of shape \(B, T, V\)"),
        (lambda: checks.check_mask("x", IDS, "B T"), None),
    ],
)
def test_a_shape_is_asked_for(check: Callable[[], None], said: str | None) -> None:
    if said is None:
        check()
        return
    with pytest.raises(ValueError, match=said):
        check()


def test_ids_become_a_tensor_of_their_own() -> None:
    made = checks.tensor_of_ids("x", IDS[0].to(torch.int32))
    assert made.dtype == torch.int64 and made.tolist() == [0, 0, 0]
    made = checks.tensor_of_ids("x", IDS[0])
    made[0] = 5
    assert IDS[0, 0] == 0
    assert checks.tensor_of_ids("x", []).dtype == torch.int64


@pytest.mark.parametrize("value", [np.int64(5), torch.tensor(5), 5])
def test_a_whole_number_of_any_type_becomes_an_int(value: Any) -> None:
    assert type(checks.whole_number(value, "x", 5)) is int
    with pytest.raises(ValueError, match="x got 5, wants an integer >= 6"):
        checks.whole_number(value, "x", 6)


def test_a_long_value_is_shown_short() -> None:
    with pytest.raises(TypeError) as error:
        checks.check_whole(x="long" * 1000)
    assert len(str(error.value)) < 120


def test_numbers_of_any_type_become_plain() -> None:
    given = [np.int64(3), torch.tensor(3), np.array(3), 3]
    assert [type(one) for value in given for one in checks.check_whole(x=value)] == [int] * 4
    given = [np.float32(0.5), torch.tensor(0.5), np.array(0.5), Fraction(1, 2), 0.5]
    assert [type(one) for value in given for one in checks.check_numbers(x=value)] == [float] * 5
    assert checks.check_whole(None, a=None, b=2) == [None, 2]
    assert checks.check_id_lists(a=torch.tensor([1, 2]), b=(3,)) == [[1, 2], [3]]
    assert checks.check_ids("x", IDS.byte()).dtype == torch.int64
    with pytest.raises(ValueError, match="x must be at least 1, got 0"):
        checks.check_sizes(x=0)
