"""What a function that users call asks of its arguments, before any work starts.

Kind, type and shape are all that is asked here: that costs microseconds and waits for no device.
What the numbers of a tensor are is asked where they are read anyway.
"""

import numbers
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, SupportsIndex


def whole_number(value: SupportsIndex, name: str, at_least: int) -> int:
    """Return a number of any integer type as an `int`.

    Args:
        value: The number; 3.0 and True are none.
        name: How messages call it.
        at_least: The least it may be.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is too small.
    """
    if not _is_whole(value):
        raise TypeError(f"{name} got {value!r}, wants an integer")
    number = operator.index(value)
    if number < at_least:
        raise ValueError(f"{name} got {number}, wants an integer >= {at_least}")
    return number


def check_sizes(**sizes: int) -> list[int]:
    """Refuse what is no whole number of at least 1.

    Args:
        **sizes: Arguments by name.

    Returns:
        Each as an `int`, in order.

    Raises:
        TypeError: Naming the first that is no whole number.
        ValueError: Naming the first that is less than 1.
    """
    plain = check_whole(**sizes)
    for name, size in zip(sizes, plain, strict=True):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    return plain


def check_whole(*others: object, **values: Any) -> list[Any]:
    """Refuse what is no whole number, of any integer type; 3.0 and True are none.

    Args:
        *others: What will do instead, such as None.
        **values: Arguments by name.

    Returns:
        Each as an `int`, in order: where NumPy's integers and tensors of one will do, torch's
        functions and a set of seen values must not get them.

    Raises:
        TypeError: Naming the first that is none.
    """
    _refuse_others("a whole number", _is_whole, values, others)
    return [_plain(value, others) for value in values.values()]


def check_numbers(*others: object, **values: Any) -> list[Any]:
    """Refuse what is no number; True is none, and a text that looks like one neither.

    Args:
        *others: What will do instead, such as None.
        **values: Arguments by name.

    Returns:
        Each as an `int` or a `float`, in order.

    Raises:
        TypeError: Naming the first that is none.
    """
    _refuse_others("a number", _is_number, values, others)
    return [_plain(value, others) for value in values.values()]


def check_flags(**values: Any) -> list[bool]:
    """Refuse what is neither true nor false: a text or None would count as one of them.

    Args:
        **values: Arguments by name; 0 and 1 will do, of any type.

    Returns:
        Each as a `bool`, in order.

    Raises:
        TypeError: Naming the first that is none.
    """
    _refuse_others("true or false", _is_flag, values)
    return [bool(value) for value in values.values()]


def check_text(**values: Any) -> None:
    """Refuse what is no text.

    Args:
        **values: Arguments by name.

    Raises:
        TypeError: Naming the first that is none.
    """
    _refuse_others("a text", lambda value: isinstance(value, str), values)


def check_lists(*others: object, **values: Any) -> None:
    """Refuse what cannot be read by index and more than once: a text, a mapping, a generator.

    A text is a sequence, too, but nobody who gives one means a list of its letters.

    Args:
        *others: What will do instead, such as None.
        **values: Arguments by name.

    Raises:
        TypeError: Naming the first that is no list.
    """
    _refuse_others("a list", _is_list, values, others)


def check_id_lists(**values: Any) -> list[list[int]]:
    """Refuse what is no list of whole numbers.

    Args:
        **values: Arguments by name, each short: all of it is looked at.

    Returns:
        Each as a list of `int`, in order: two tensors of one number are not equal as members.

    Raises:
        TypeError: Naming the first that is no list, or the first place that is no whole number.
    """
    check_lists(**values)
    return [
        list(ids)
        if set(map(type, ids)) <= {int}  # almost always, and at once
        else check_whole(**{f"{name}[{place}]": one for place, one in enumerate(ids)})
        for name, ids in values.items()
    ]


def check_mappings(**values: Any) -> None:
    """Refuse what is no mapping from names to something.

    Args:
        **values: Arguments by name.

    Raises:
        TypeError: Naming the first that is none.
    """
    wanted = "a mapping, such as a dict"
    _refuse_others(wanted, lambda value: isinstance(value, Mapping), values)


def check_ids(name: str, ids: Any, *shapes: str) -> Any:
    """Refuse what is no tensor of integers, or one of another number of dimensions.

    Args:
        name: How messages call it.
        ids: What should be one.
        *shapes: The shapes that will do, with a letter for each dimension: "B T"; none: any.

    Returns:
        The same in int64. Without that -100 among bytes is 156, which is the id of a token, and
        torch looks up and compares with some types only.

    Raises:
        TypeError: If it is no tensor, or not of integers.
        ValueError: If it has another number of dimensions.
    """
    _check_tensor(name, ids, "integers", shapes)
    return ids.long()


def check_floats(name: str, values: Any, *shapes: str) -> None:
    """Refuse what is no tensor of floats, or one of another number of dimensions.

    Args:
        name: How messages call it.
        values: What should be one.
        *shapes: The shapes that will do, with a letter for each dimension: "B T V"; none: any.

    Raises:
        TypeError: If it is no tensor, or not of floats.
        ValueError: If it has another number of dimensions.
    """
    _check_tensor(name, values, "floats", shapes)


def tensor_of_ids(name: str, ids: Any) -> Any:
    """Make a tensor of ids: a fraction among them is refused, and not cut off.

    Args:
        name: How messages call them.
        ids: Whole numbers.

    Returns:
        A tensor of int64 with one dimension.

    Raises:
        TypeError: Naming the first that is no whole number.
    """
    import torch  # here: what reads texts alone needs none of it

    check_lists(**{name: ids})
    plain = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    try:
        made = torch.tensor(plain, dtype=None if plain else torch.int64)
    except (TypeError, ValueError, RuntimeError):  # a text, say, or None, which it cannot name
        made = None
    if made is None or made.ndim != 1 or made.dtype != torch.int64:
        check_whole(**{f"{name}[{index}]": one for index, one in enumerate(plain)})
        made = torch.tensor([int(one) for one in plain])  # integers of another type
    return made


def check_mask(name: str, mask: Any, shape: Iterable[int] | str) -> None:
    """Refuse what is no mask of a shape: a tensor of booleans, or of integers 0 and 1.

    Args:
        name: How messages call it.
        mask: What should be one.
        shape: The shape it must have, or a letter for each dimension: "B T".

    Raises:
        TypeError: If it is no tensor, or one of floats.
        ValueError: If it has another shape.
    """
    import torch  # here: what reads texts alone needs none of it

    wanted = f"{name} must be a tensor of booleans"
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"{wanted}, got {_shown(mask)}")
    if mask.is_floating_point() or mask.is_complex():
        raise TypeError(f"{wanted}, got one of {_dtype(mask)}")
    letters = shape.split() if isinstance(shape, str) else None
    if len(letters) != mask.ndim if letters else tuple(mask.shape) != tuple(shape):
        asked = f"({', '.join(letters)})" if letters else tuple(shape)
        raise ValueError(f"{wanted} of shape {asked}, got shape {tuple(mask.shape)}")


def check_methods(*methods: str, **values: Any) -> None:
    """Refuse what lacks a method, such as a tokenizer that is none.

    Args:
        *methods: Names of what it must have.
        **values: Arguments by name.

    Raises:
        TypeError: Naming the first that lacks one.
    """
    for name, value in values.items():
        missing = [method for method in methods if not hasattr(value, method)]
        if missing or isinstance(value, type | str):  # a text has an encode of its own
            asked = " and ".join(methods)
            raise TypeError(f"{name} must be an object with {asked}, got {_shown(value)}")


def check_module(model: Any, name: str = "model") -> None:
    """Refuse what is no torch module.

    Args:
        model: What should be one.
        name: How messages call it.

    Raises:
        TypeError: If it is none.
    """
    import torch  # here: what reads texts alone needs none of it

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"{name} must be a torch.nn.Module, got {_shown(model)}")


def check_generator(generator: Any, name: str = "generator") -> None:
    """Refuse what is no torch.Generator: a seed is none.

    Args:
        generator: What should be one.
        name: How messages call it.

    Raises:
        TypeError: If it is none.
    """
    import torch  # here: what reads texts alone needs none of it

    if not isinstance(generator, torch.Generator):
        raise TypeError(f"{name} must be a torch.Generator, got {_shown(generator)}")


def check_rng(rng: Any, name: str = "rng") -> None:
    """Refuse what is no numpy.random.Generator: a seed is none.

    Args:
        rng: What should be one.
        name: How messages call it.

    Raises:
        TypeError: If it is none.
    """
    import numpy as np  # here: what reads texts alone needs none of it

    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, got {_shown(rng)}")


def _check_tensor(name: str, value: Any, kind: str, shapes: Iterable[str]) -> None:
    import torch  # here: what reads texts alone needs none of it

    wanted = f"{name} must be a tensor of {kind}"
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{wanted}, got {_shown(value)}")
    floats, other = value.is_floating_point(), value.is_complex() or value.dtype == torch.bool
    if other or floats is not (kind == "floats"):
        raise TypeError(f"{wanted}, got one of {_dtype(value)}")
    if shapes and value.ndim not in [len(shape.split()) for shape in shapes]:
        shown = " or ".join(f"({', '.join(shape.split())})" for shape in shapes)
        raise ValueError(f"{wanted} of shape {shown}, got shape {tuple(value.shape)}")


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _is_whole(value: Any) -> bool:
    if type(value) is int:
        return True
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool) and "bool" not in str(getattr(value, "dtype", ""))


def _is_number(value: Any) -> bool:
    if isinstance(value, numbers.Real):
        return not isinstance(value, bool)
    # A tensor or an array of one number and no dimension counts as that number.
    kind = str(value.dtype) if getattr(value, "ndim", None) == 0 else ""
    return "int" in kind or "float" in kind


def _is_flag(value: Any) -> bool:
    return (
        isinstance(value, bool)
        or (_is_number(value) and value in (0, 1))
        or (getattr(value, "ndim", None) == 0 and "bool" in str(value.dtype))
    )


def _plain(value: Any, others: Iterable[object]) -> Any:
    """A number as Python's own, whatever type it came in; one of the others as it is."""
    if type(value) in (int, float) or any(value is other for other in others):
        return value
    return operator.index(value) if _is_whole(value) else float(value)


def _is_list(value: Any) -> bool:
    listed = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    single = getattr(value, "ndim", 1) == 0  # a tensor or an array of one number
    return listed and not single and not isinstance(value, str | bytes | Mapping | type)


def _refuse_others(
    wanted: str,
    holds: Callable[[Any], bool],
    values: Mapping[str, Any],
    others: Iterable[object] = (),
) -> None:
    """Raise for the first value that is not what is wanted, nor one of the others themselves."""
    for name, value in values.items():
        if not holds(value) and not any(value is other for other in others):
            raise TypeError(f"{name} must be {wanted}, got {_shown(value)}")


def _shown(value: object) -> str:
    """How a message shows what it got: a short value itself, of anything else its kind."""
    if value is None or isinstance(value, str | bytes | bool | int | float):
        return f"{value!r:.60}"
    return type(value).__name__
