"""How wrong arguments at the doors that users call are tried: `DOORS` of each folder are the table.

A door is a function with one right call of it and the kind of each argument; each kind has wrong
values of its own. Each must be refused by its name, in words of ours, with what it wants. And each
has other forms of a right value, as NumPy, torch and the standard library give them: with those a
call does what it does with the plain one.
"""

import re
import traceback
from collections import UserList
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from course_lib import Transformer, TransformerConfig

WRONG: dict[str, Callable[[Any], list[Any]]] = {
    "ids": lambda right: ["abc", right.tolist(), right.float(), right.bool(), right[None, None]],
    "floats": lambda right: ["abc", right.tolist(), right.long(), right[None, None]],
    "mask": lambda right: ["abc", right.tolist(), right.float(), right[None]],
    "whole": lambda right: [str(right), right + 0.5, float(right), True, [right], float("nan")],
    "number": lambda right: [str(right), True, [right]],
    "factor": lambda right: [str(right), True, [right], float("nan"), float("inf")],
    "flag": lambda right: ["no", 3, 0.5, [right]],
    "bias": lambda right: ["abc", right.tolist(), right.long(), right.bool()],
    "slots": lambda right: ["abc", right.tolist(), right.float(), right.bool()],
    "share": lambda right: [str(right), True, [right], -0.5, 1.5, float("nan")],
    "several": lambda right: [3, "abc", iter([]), (one for one in right)],
    "id list": lambda right: [3, "abc", iter([]), ["a"], [1.5], [None]],
    "lists": lambda right: [3, "abc", [3], ["abc"]],
    "texts": lambda right: [3, "abc", b"abc", [3], [None]],
    "text": lambda right: [3, right.encode(), [right]],
    "mapping": lambda right: [3, "abc", list(right)],
    "generator": lambda right: [0, "abc"],
    "model": lambda right: ["model", 3],
    "steps": lambda right: [3, [3], "ab"],
    "function": lambda right: [3, "abc"],
    "object": lambda right: [3, "abc"],
}
"""Wrong values of each kind. None is one of each, but of a kind that ends in a question mark."""

_NUMBERS = [np.float32, np.float64, np.array, torch.tensor, Fraction]
EQUAL: dict[str, Callable[[Any], list[Any]]] = {
    "ids": lambda right: [
        right.int(),
        right.short(),
        right.byte(),
        right.repeat_interleave(2, -1)[..., ::2],
    ],
    "floats": lambda right: [right.clone().requires_grad_()],
    "mask": lambda right: [right.long(), right.byte()],
    "whole": lambda right: [np.int32(right), np.int64(right), np.array(right), torch.tensor(right)],
    "number": lambda right: [one(float(right)) for one in _NUMBERS],
    "share": lambda right: [one(float(right)) for one in _NUMBERS],
    "factor": lambda right: [one(float(right)) for one in _NUMBERS if one is not Fraction],
    "flag": lambda right: [int(right), np.bool_(right)],
    "slots": lambda right: [right.int(), right.short(), right.byte()],
    "bias": lambda right: [right.clone().requires_grad_()],
    "several": lambda right: [tuple(right), UserList(right)],
    "id list": lambda right: [tuple(right), np.array(right), torch.tensor(right)],
    "lists": lambda right: [tuple(right), [tuple(one) for one in right]],
    "texts": lambda right: [tuple(right), list(map(np.str_, right)), np.array(right)],
    "text": lambda right: [np.str_(right)],
    "mapping": lambda right: [MappingProxyType(right)],
}
"""Other forms of a right value of each kind; a kind that is not here has none."""

CONFIG = TransformerConfig(
    vocab_size=12, d_model=8, n_heads=2, max_seq_len=16, n_decoder_layers=1, dropout=0.0
)
ROWS = torch.arange(40).view(8, 5) % 11


def model() -> Transformer:
    return Transformer(CONFIG, generator=torch.Generator().manual_seed(0)).eval()


def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


Door = tuple[Callable[..., Any], Callable[[], dict[str, Any]], dict[str, str]]
"""A function, the arguments of a right call, made anew each time, and the kinds of some of them."""

WANTS = re.compile(r"must|wants|expected|needs")


def wrong_values(kind: str, right: Any) -> list[Any]:
    return [*WRONG[kind.rstrip("?")](right), *([] if kind.endswith("?") else [None])]


def fault(call: Callable[[], Any], argument: str) -> str:
    """What is wrong with how a call is refused; empty where nothing is."""
    try:
        call()
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        own = "course_lib" in Path(last.filename).parts and str(last.line).startswith("raise")
        right = isinstance(error, TypeError | ValueError) and own and argument in str(error)
        return "" if right and WANTS.search(str(error)) else f"{type(error).__name__}: {error}"
    return "nothing was said"


def arguments(doors: dict[str, Door]) -> list[tuple[str, str]]:
    return [(name, argument) for name, (_, _, kinds) in doors.items() for argument in kinds]


def badly_refused(door: Door, argument: str) -> dict[str, str]:
    """The wrong values that a door does not refuse as it should, with what it says."""
    call, right, kinds = door
    answers = {}
    for wrong in wrong_values(kinds[argument], right()[argument]):
        given = {**right(), argument: wrong}
        answers[repr(wrong)] = fault(lambda given=given: call(**given), argument)
    return {wrong: said for wrong, said in answers.items() if said}


def told(result: Any, depth: int = 4) -> Any:
    """What a result says, in plain values: of what has no value, such as a function, its type."""
    if isinstance(result, torch.nn.Module):
        result = dict(result.named_parameters())
    if isinstance(result, torch.Tensor | np.ndarray | np.generic):
        result = result.tolist()
    if isinstance(result, bool | int | float):
        return f"{result:.5g}"  # 3 and 3.0 are one number
    if isinstance(result, str | None) or callable(result) or not depth:
        return result if isinstance(result, str | None) else type(result).__name__
    if isinstance(result, Mapping):
        return {str(name): told(one, depth - 1) for name, one in result.items()}
    if isinstance(result, list | tuple | UserList):  # and no iterator: some have no end
        return [told(one, depth - 1) for one in result]
    left_out = {"seconds", "room"}  # one differs each time, the other is filled later
    kept = {name: one for name, one in getattr(result, "__dict__", {}).items()}
    return told({name: one for name, one in kept.items() if name not in left_out}, depth - 1)


def called(door: Door, **changed: Callable[[Any], Any]) -> Any:
    """What a door does with its right arguments, some of them in another form."""
    call, right, _ = door
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # some right arguments are drawn, and dropout draws, too
        given = right()
        return told(call(**{**given, **{name: one(given[name]) for name, one in changed.items()}}))


def differing(door: Door, argument: str) -> dict[str, str]:
    """The forms of a right value with which a door does something else, and what that is."""
    _, right, kinds = door
    forms = EQUAL.get(kinds[argument].rstrip("?"), lambda right: [])
    wanted, found = called(door), {}
    for place, form in enumerate(forms(right()[argument])):
        try:
            got = called(door, **{argument: lambda one, place=place: forms(one)[place]})
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        if got != wanted:
            found[f"{type(form).__name__} {form!r:.60}"] = f"{got!r:.300}, wants {wanted!r:.300}"
    return found


def trials(doors: dict[str, Door]) -> list[Callable[..., None]]:
    """The three tests of a table.

    Right calls pass, each wrong argument is refused by its name, other forms do the same.
    """

    @pytest.mark.parametrize("name", doors)
    def right_calls(name: str) -> None:
        call, right, _ = doors[name]
        call(**right())

    @pytest.mark.parametrize(("name", "argument"), arguments(doors))
    def wrong_arguments(name: str, argument: str) -> None:
        said = badly_refused(doors[name], argument)
        assert not said, said

    @pytest.mark.parametrize(("name", "argument"), arguments(doors))
    def other_forms(name: str, argument: str) -> None:
        found = differing(doors[name], argument)
        assert not found, found

    return [right_calls, wrong_arguments, other_forms]
