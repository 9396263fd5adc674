"""What a figure asks of its arguments: what its signature says, before anything is drawn."""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Union, get_args, get_origin

from torch import Tensor

from course_lib.checks import (
    check_flags,
    check_lists,
    check_mappings,
    check_numbers,
    check_text,
    check_whole,
)

Check = Callable[[str, Any], Any]


def kinds_of(function: Callable[..., Any]) -> Callable[..., None]:
    """Return what refuses arguments of other kinds than a signature names.

    A text where words are wanted would be drawn letter by letter, and None where a number is
    wanted fails somewhere in the drawing.

    Args:
        function: Takes tensors, sequences, mappings, numbers, texts, flags, or objects of a class.

    Returns:
        A function of the same arguments, which raises TypeError and names the first wrong one.
    """
    signature = inspect.signature(function)
    checks = {name: _check_of(one.annotation) for name, one in signature.parameters.items()}

    def check(*args: Any, **kwargs: Any) -> None:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            asked = checks[name]
            if asked is not None:
                asked(name, value)

    return check


def _check_of(hint: Any) -> Check | None:
    """The check for an annotation; None where all will do."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [_check_of(part) for part in parts if part is not type(None)]
        if len(parts) == len(inner):
            return inner[0] if {*parts} == {int, float} else None
        return partial(_unless_none, inner[0]) if len(inner) == 1 else None
    if origin is Sequence:
        return _texts if parts == (str,) else lambda name, value: check_lists(**{name: value})
    if origin is Mapping:
        return lambda name, value: check_mappings(**{name: value})
    plain: dict[Any, Check] = {
        str: lambda name, value: check_text(**{name: value}),
        int: lambda name, value: check_whole(**{name: value}),
        float: lambda name, value: check_numbers(**{name: value}),
        bool: lambda name, value: check_flags(**{name: value}),
    }
    if hint is Any:
        return None
    if hint in plain:
        return plain[hint]
    if hint is Tensor or hasattr(hint, "dims"):  # with jaxtyping a class of its own
        return partial(_object, Tensor)
    return partial(_object, hint) if isinstance(hint, type) and origin is None else None


def _unless_none(check: Check | None, name: str, value: Any) -> None:
    if value is not None and check is not None:
        check(name, value)


def _texts(name: str, value: Any) -> None:
    check_lists(**{name: value})
    check_text(**{f"{name}[{place}]": one for place, one in enumerate(value)})


def _object(kind: type, name: str, value: Any) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r:.60}")
