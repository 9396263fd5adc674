"""How wrong arguments at the doors that users call are tried: `DOORS` of each folder are the table.

A door is a function with one right call of it and the kind of each argument; each kind has wrong
values of its own. Each must be refused by its name, in words of ours, with what it wants.
"""

import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import Transformer, TransformerConfig

WRONG: dict[str, Callable[[Any], list[Any]]] = {
    "ids": lambda right: ["abc", right.tolist(), right.float(), right.bool(), right[None, None]],
    "floats": lambda right: ["abc", right.tolist(), right.long(), right[None, None]],
    "mask": lambda right: ["abc", right.tolist(), right.float(), right[None]],
    "whole": lambda right: [str(right), right + 0.5, float(right), True, [right], float("nan")],
    "number": lambda right: [str(right), True, [right]],
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
    told = {}
    for wrong in wrong_values(kinds[argument], right()[argument]):
        given = {**right(), argument: wrong}
        told[repr(wrong)] = fault(lambda given=given: call(**given), argument)
    return {wrong: said for wrong, said in told.items() if said}


def trials(doors: dict[str, Door]) -> tuple[Callable[..., None], Callable[..., None]]:
    """The two tests of a table: right calls pass, each wrong argument is refused by its name."""

    @pytest.mark.parametrize("name", doors)
    def right_calls(name: str) -> None:
        call, right, _ = doors[name]
        call(**right())

    @pytest.mark.parametrize(("name", "argument"), arguments(doors))
    def wrong_arguments(name: str, argument: str) -> None:
        told = badly_refused(doors[name], argument)
        assert not told, told

    return right_calls, wrong_arguments
