"""The form of an answer and of what it returns: checked before any value is looked at."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from course_lib.exercises.author.spec import Code
from course_lib.exercises.author.text import clean
from course_lib.exercises.code.call import Outcome
from course_lib.exercises.code.laws import Case
from course_lib.exercises.code.values import Misfit, fit, not_finite

_NONE = "Your function returns None."
_PRINTED = f"{_NONE} Did you print the result instead of returning it?"


@dataclass
class Fault:
    """One way in which an answer failed on one case."""

    status: str
    kind: str  # the same kind must be seen again while the case is made smaller
    message: str
    arguments: dict[str, Any]
    outcome: Outcome | None = None
    value: Any = None
    expected: Any = None
    named: str | None = None
    case: Case | None = None  # what laws look at, with what they have already made of it


def _message_for_blank(code: Code) -> str:
    return f"Replace the `...` in `{code.name}` with your code, then check again."


def check_form(code: Code, answer: Any) -> tuple[str, str] | None:
    """Look at an answer without calling it: (status, message), or None where it can be called."""
    signature = inspect.signature(code.reference)
    wanted = f"`{code.name}({', '.join(signature.parameters)})`"
    if answer is None or answer is ... or isinstance(answer, str):
        return "not_attempted", f"Write {wanted} and hand in the function itself."
    if not callable(answer):
        got = type(answer).__name__
        return "invalid", f"A function {wanted} is wanted; got a {got}. Leave out the call: no ()."
    if inspect.isclass(answer):
        return "invalid", f"A function {wanted} is wanted; got the class {answer.__name__}."
    try:
        inspect.signature(answer).bind(*signature.parameters)
    except TypeError:
        mine = inspect.signature(answer)
        return "invalid", f"It must be called as {wanted}; yours takes {mine}."
    except ValueError:
        return None  # some built-in functions do not tell their signature
    return None


def blanks(code: Code) -> frozenset[str]:
    """Name the variables that the starters leave as `...`."""
    return frozenset(
        target.id
        for _, source in code.starters
        for node in ast.walk(ast.parse(clean(source)))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value is ...
        for target in node.targets
        if isinstance(target, ast.Name)
    )


def _functions(source: str) -> Iterator[CodeType]:
    made = compile(source, "<starter>", "exec")
    yield from (part for part in made.co_consts if isinstance(part, CodeType))


def unwritten(code: Code, answer: Any) -> bool:
    """Tell whether an answer is a starter as it was given, or has nothing in its body.

    A body's bare `...` leaves no trace in a function, so its instructions are compared.
    """
    mine = getattr(inspect.unwrap(answer), "__code__", None)
    if mine is None:
        return False
    bare = next(_functions("def bare(): ..."))
    given = [made for _, source in code.starters for made in _functions(clean(source))]
    return any(
        (mine.co_code, mine.co_names) == (made.co_code, made.co_names) for made in [bare, *given]
    )


def broken(
    code: Code, outcome: Outcome, arguments: dict[str, Any], expected: Any, untouched: bool = False
) -> Fault | None:
    """Hold one outcome to the contract, one message for each way to break it.

    Args:
        code: The exercise.
        outcome: What one call did.
        arguments: What it was called with.
        expected: The reference's value.
        untouched: Whether nothing is written yet: what `unwritten` says.
    """
    contract = code.contract

    def fault(status: str, kind: str, message: str) -> Fault:
        return Fault(status, kind, message, arguments, outcome, outcome.value, expected)

    if outcome.blank or (outcome.dotted and outcome.dotted & blanks(code)):
        return fault("not_attempted", "blank", _message_for_blank(code))
    if outcome.error is not None:
        return fault("error", f"error {outcome.error_type}", outcome.error)
    if outcome.misfit is not None:
        return fault("invalid", "misfit", outcome.misfit)
    if outcome.patched:
        return fault(
            "incorrect",
            "patched",
            f"Your function replaced {outcome.patched[0]}. Leave libraries as they are.",
        )
    if contract.pure and outcome.changed:
        names = " and ".join(outcome.changed)
        return fault(
            "incorrect",
            "changed",
            f"Your function changed {names}. Whoever called it still needs the old values: "
            "work on a copy.",
        )
    if outcome.value is None and expected is not None:
        if outcome.printed:
            return fault("not_attempted", "none", _PRINTED)
        if untouched:
            return fault("not_attempted", "none", f"{_message_for_blank(code)} {_NONE}")
        return fault(
            "incorrect",
            "none",
            f"{_NONE} On this input it reaches its end without a `return`: look for a branch or a "
            "last line that lacks one.",
        )
    try:
        value, _ = fit(outcome.value, expected)
    except Misfit as misfit:
        return fault(misfit.status, "form", str(misfit))
    if contract.finite and (place := not_finite(value)):
        return fault(
            "incorrect",
            "finite",
            f"The result is not finite: {place}. The usual causes are exp() of a large "
            "number, a division by zero, and a row in which everything is masked.",
        )
    if not contract.alias and outcome.aliases:
        return fault(
            "incorrect",
            "alias",
            f"The result shares memory with {outcome.aliases[0]}: whoever changes one "
            "changes the other. Return a copy.",
        )
    return None


def sizes(arguments: dict[str, Any]) -> str:
    """Say how big a case is, in a few words."""
    words = []
    for name, value in arguments.items():
        shape = getattr(value, "shape", None)
        if shape is not None:
            words.append(f"{name} of shape {tuple(shape)}")
        elif isinstance(value, list | tuple | str | dict):
            words.append(f"{name} of length {len(value)}")
        elif isinstance(value, int | float):
            words.append(f"{name} = {value:.6g}")
    return ", ".join(words)
