"""Bring what an answer returns to plain values, hold it to a contract, compare, and show it.

Objects with their own `__eq__`, lazy results and generators never reach a comparison: a value is
converted by its exact type, or refused with a message.
"""

from __future__ import annotations

import collections
import sys
from typing import Any

import numpy as np

_SCALARS = (type(None), type(...), bool, int, float, complex, str, bytes)
_DICTS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
SINGLE = 5e-4  # how far numbers of single precision may be off: their last digits are rounding
_KINDS = {"f": "decimal numbers", "i": "whole numbers", "b": "True or False"}


class Misfit(Exception):
    """A result breaks the contract.

    Args:
        message: What came, what is wanted, the likely cause.
        status: Status of the verdict.
    """

    def __init__(self, message: str, status: str = "invalid") -> None:
        super().__init__(message)
        self.status = status


def to_plain(value: Any) -> Any:
    """Copy a result to builtins and NumPy arrays, by exact type.

    Args:
        value: Anything an answer returned.

    Returns:
        The same value built only of numbers, texts, lists, tuples, sets, dictionaries, arrays.

    Raises:
        Misfit: If any part is of another type.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise Misfit("A masked array came back; return a plain array.")
    if kind is np.ndarray:
        if value.dtype.kind not in "fiubcUS":
            raise Misfit(
                f"An array of {value.dtype} came back. That happens when its entries differ in "
                "length or type, or when a `...` is left in it; return an array of numbers."
            )
        return value.copy()
    if isinstance(value, np.generic):
        return value.item() if value.dtype.kind in "fiubcUS" else _refuse(kind)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    # what most results are, many times quicker; a copy of a set has another order than the set
    if kind in (list, tuple) and all(type(item) in _SCALARS for item in value):
        return kind(value)
    if kind in (list, tuple, set, frozenset):
        return kind(to_plain(item) for item in value)
    if kind in _DICTS:
        return {to_plain(key): to_plain(item) for key, item in value.items()}
    return _refuse(kind)


def _refuse(kind: type) -> Any:
    hint = " Call list() on it first." if kind.__name__ in ("generator", "map", "filter") else ""
    raise Misfit(f"A value of type {kind.__name__} came back, which cannot be compared.{hint}")


def _cause(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """Name the likely cause of a wrong shape."""
    if sorted(got) == sorted(want):
        return "The same sizes in another order: look for a missing transpose."
    if tuple(n for n in got if n != 1) == tuple(n for n in want if n != 1):
        return "A dimension of size 1 is lost or added: look for squeeze or keepdims."
    if got == want[1:]:
        return "The first dimension, the batch, is missing."
    if got == want[:-1]:
        return "The last dimension is missing: a sum or mean went one axis too far."
    if got == want + want[-1:]:
        return "The last dimension is there twice."
    return ""


def fit(value: Any, expected: Any, where: str = "the result") -> tuple[Any, list[str]]:
    """Hold a plain value to the form of the expected one: type, shape, kind of number.

    Args:
        value: A plain value.
        expected: What the reference returned for the same input.
        where: How to call the value in a message.

    Returns:
        The value, converted where that is harmless, and a note for each conversion.

    Raises:
        Misfit: If the form is wrong.
    """
    if isinstance(expected, np.ndarray):
        return _fit_array(value, expected, where)
    notes: list[str] = []
    if isinstance(value, np.ndarray) and value.ndim == 0:
        notes.append(f"{where} is an array without dimensions; it was taken as a number")
        value = value.item()
    if isinstance(expected, list | tuple) and isinstance(value, np.ndarray):
        notes.append(f"{where} was taken as a {type(expected).__name__}")
        value = type(expected)(to_plain(row) for row in value)
    if isinstance(expected, bool) or isinstance(value, bool):
        if isinstance(expected, bool) != isinstance(value, bool):
            raise Misfit(_type_message(where, value, expected))
        return value, notes
    if isinstance(expected, float):
        if not isinstance(value, int | float):
            raise Misfit(_type_message(where, value, expected))
        return float(value), notes
    if isinstance(expected, list | tuple) and isinstance(value, list | tuple):
        if isinstance(expected, tuple) and len(value) != len(expected):
            raise Misfit(f"{where} has {len(value)} values; {len(expected)} are wanted.")
        if type(value) is not type(expected):
            notes.append(f"{where} was taken as a {type(expected).__name__}")
        items = []
        for index, item in enumerate(value):
            if index < len(expected):
                item, more = fit(item, expected[index], f"{where}[{index}]")
                notes += more
            items.append(item)
        return type(expected)(items), notes
    if type(value) is not type(expected):
        raise Misfit(_type_message(where, value, expected))
    return value, notes


def _type_message(where: str, value: Any, expected: Any) -> str:
    return f"{where} is a {type(value).__name__}; a {type(expected).__name__} is wanted."


def _fit_array(value: Any, expected: np.ndarray, where: str) -> tuple[Any, list[str]]:
    notes: list[str] = []
    if isinstance(value, list | tuple):
        try:
            value = np.array(value)
        except ValueError:
            raise Misfit(f"{where} is a list whose rows differ in length.") from None
        if expected.dtype.kind == "f" and value.dtype.kind in "iu":
            value = value.astype(float)  # in a list, as alone, 1 is the number 1.0
        notes.append(f"{where} is a list; it was taken as an array")
    if not isinstance(value, np.ndarray):
        if isinstance(value, bool | int | float):
            raise Misfit(f"{where} is one number; an array of shape {expected.shape} is wanted.")
        raise Misfit(_type_message(where, value, expected).replace("ndarray", "NumPy array"))
    if value.shape != expected.shape:
        cause = _cause(value.shape, expected.shape)
        raise Misfit(
            f"{where} has shape {value.shape}; {expected.shape} is wanted. {cause}".rstrip()
        )
    kinds = {"f": "f", "i": "iu", "u": "iu", "b": "b"}.get(expected.dtype.kind)
    if kinds is not None and value.dtype.kind not in kinds:
        wanted = _KINDS[kinds[0]]
        raise Misfit(f"{where} holds {value.dtype}; {wanted} ({expected.dtype}) are wanted.")
    return value, notes


def difference(
    got: Any, want: Any, tolerance: float, where: str = "", single: float = 0.0
) -> str | None:
    """Say where two plain values differ, or None where they agree; any two can be compared.

    Args:
        got: The answer's value.
        want: The expected value.
        tolerance: Allowed distance, times max(1, size of the expected number).
        where: Path of the value inside the result.
        single: The same, for numbers that were computed in single precision.
    """
    try:
        return _difference(got, want, tolerance, where, single)
    except (TypeError, ValueError, OverflowError) as error:
        return f"{where or 'the result'} cannot be compared: {error}"


def _difference(got: Any, want: Any, tolerance: float, where: str, single: float) -> str | None:
    if isinstance(want, np.ndarray) or isinstance(got, np.ndarray):
        return _array_difference(np.asarray(got), np.asarray(want), tolerance, where, single)
    if isinstance(want, float) and isinstance(got, int | float):
        return _array_difference(np.asarray(float(got)), np.asarray(want), tolerance, where, single)
    if isinstance(want, list | tuple) and isinstance(got, list | tuple):
        if len(got) != len(want):
            return f"{where or 'the result'} has {len(got)} entries, expected {len(want)}"
        for index, pair in enumerate(zip(got, want, strict=True)):
            text = _difference(*pair, tolerance, f"{where}[{index}]", single)
            if text:
                return text
        return None
    if isinstance(want, dict) and isinstance(got, dict):
        if set(got) != set(want):
            return f"{where or 'the result'} has keys {sorted(map(str, got))}"
        for key in want:
            text = _difference(got[key], want[key], tolerance, f"{where}[{key!r}]", single)
            if text:
                return text
        return None
    if type(got) is type(want) and got == want:
        return None
    return f"at {where}: yours {got!r}, expected {want!r}" if where else f"{got!r} is not {want!r}"


def _is_single(values: np.ndarray) -> bool:
    """Tell whether numbers may come from single precision: none has digits beyond it."""
    if values.dtype.kind != "f" or values.dtype.itemsize < 4:
        return False  # half precision is told apart from right answers, as rounding too coarse
    return bool(np.all((values.astype(np.float32) == values) | np.isnan(values)))


def _array_difference(
    got: np.ndarray, want: np.ndarray, tolerance: float, where: str, single: float
) -> str | None:
    if got.shape != want.shape:
        return f"{where or 'the result'} has shape {got.shape}, expected {want.shape}"
    if (got.dtype.kind in "US") != (want.dtype.kind in "US"):
        return f"{where or 'the result'} holds {got.dtype.name}, expected {want.dtype.name}"
    if got.dtype == want.dtype and not got.dtype.hasobject and (got == want).all():
        return None
    if single > tolerance:
        with np.errstate(all="ignore"):
            tolerance = single if _is_single(got) else tolerance
    if got.dtype.kind in "US" or want.dtype.kind in "US" or want.dtype.kind in "iub":
        bad = got != want
    else:
        with np.errstate(all="ignore"):
            near = np.abs(got - want) <= tolerance * np.maximum(1.0, np.abs(want))
            near &= np.isfinite(want)
        bad = ~(near | (got == want) | (np.isnan(got) & np.isnan(want)))
    if not np.any(bad):
        return None
    place = tuple(int(index) for index in np.argwhere(bad)[0])
    label = where + (str(list(place)) if place else "")
    prefix = f"at {label}: " if label else ""
    return f"{prefix}yours {_apart(got[place], want[place])}"


def _apart(got: Any, want: Any) -> str:
    """Write two different numbers with as many digits as it takes to see that they differ."""
    texts = [str(got), str(want)]
    if isinstance(got, np.floating) and isinstance(want, np.floating):
        for digits in (6, 9, 12, 17):
            texts = [f"{float(got):.{digits}g}", f"{float(want):.{digits}g}"]
            if texts[0] != texts[1]:
                break
    return ", expected ".join(texts)


def not_finite(value: Any) -> str | None:
    """Say where a plain value holds NaN or infinity, or None."""
    if isinstance(value, float):
        return None if np.isfinite(value) else f"{value}"
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        bad = ~np.isfinite(value)
        if bad.any():
            place = tuple(int(index) for index in np.argwhere(bad)[0])
            return f"{value[place]} at {list(place)}"
    if isinstance(value, list | tuple):
        return next((text for text in map(not_finite, value) if text), None)
    return None


def show(value: Any, limit: int = 400) -> str:
    """Print a value small enough to read."""
    if isinstance(value, np.ndarray):
        with np.printoptions(precision=4, suppress=True, threshold=40, linewidth=88):
            text = f"array of shape {value.shape}\n{value}" if value.ndim > 1 else str(value)
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, np.random.Generator):
        text = "a NumPy random generator"
    elif isinstance(value, tuple | list) and any(isinstance(v, np.ndarray) for v in value):
        text = "\n".join(show(item, limit // len(value)) for item in value)
    else:
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
