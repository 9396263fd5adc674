"""Call an answer so that nothing it does can spoil the check.

What is kept of one call is an `Outcome`: the value or the error, which arguments it changed,
whether the result shares memory with an argument, what it printed.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import io
import math
import operator
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course_lib.exercises.code.values import Misfit, difference, to_plain

_HERE = os.path.dirname(os.path.abspath(__file__))
_UNCHANGING = (bool, int, float, str)


class OutOfTime(BaseException):
    """Stops an answer that runs in this process for too long; no `except Exception` holds it."""


class _Bounded(io.TextIOBase):
    """Keep the beginning of what is printed, and drop the rest."""

    def __init__(self, limit: int) -> None:
        self.pieces: list[str] = []
        self.left = limit
        self.cut = False

    def writable(self) -> bool:
        """Say that one can print here."""
        return True

    def write(self, text: str) -> int:
        """Keep what still fits."""
        if len(text) > self.left:
            self.cut = True
        if self.left:
            self.pieces.append(text[: self.left])
            self.left -= len(self.pieces[-1])
        return len(text)

    def text(self) -> str:
        """Give what was kept."""
        return "".join(self.pieces) + ("\n… output cut at the limit" if self.cut else "")


@dataclass
class Outcome:
    """What one call of an answer did.

    Args:
        value: The plain result, when there is one.
        error: Type and message of an exception, with the learner's own line.
        misfit: Why the result is no plain value.
        blank: Whether a `...` was met on the way.
        dotted: Names of variables that held `...` when an exception came.
        changed: Arguments that were changed, with what they became.
        aliases: Arguments whose memory the result shares.
        patched: Names in libraries that the answer replaced.
        printed: What it printed, cut at the limit.
    """

    value: Any = None
    error: str | None = None
    error_type: str | None = None
    misfit: str | None = None
    blank: bool = False
    dotted: frozenset[str] = frozenset()
    changed: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    patched: tuple[str, ...] = ()
    printed: str = ""


def copied(arguments: dict[str, Any]) -> dict[str, Any]:
    """Copy arguments deeply, random generators with their state."""
    return {name: copied_value(value) for name, value in arguments.items()}


def copied_value(value: Any) -> Any:
    """Copy what an argument may be: `copy.deepcopy`, many times quicker for the usual kinds."""
    kind = type(value)
    if kind in _UNCHANGING:
        return value
    if kind is np.ndarray and not value.dtype.hasobject:
        return value.copy(order="K")
    if kind is list and all(type(item) in _UNCHANGING for item in value):
        return value.copy()
    if kind in (list, tuple) and _apart(value):
        return kind([copied_value(item) for item in value])
    return copy.deepcopy(value)


def _apart(values: list[Any] | tuple[Any, ...]) -> bool:
    """Tell whether these are arrays and unchanging values, none of them there twice."""
    arrays = [id(item) for item in values if type(item) is np.ndarray]
    return len(set(arrays)) == len(arrays) and all(
        type(item) in _UNCHANGING or (type(item) is np.ndarray and not item.dtype.hasobject)
        for item in values
    )


@contextlib.contextmanager
def kept_chance() -> Iterator[None]:
    """Put the states of the global generators back; `guarded`, inside it, their functions."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


@contextlib.contextmanager
def guarded(found: list[str]) -> Iterator[None]:
    """Put libraries and their settings back as they were; report what was replaced."""
    modules = (builtins, math, random, np, np.linalg, np.random)
    before = [dict(vars(module)) for module in modules]
    chance = np.random.get_bit_generator()  # type: ignore[attr-defined,unused-ignore]
    options, errors = np.get_printoptions(), np.geterr()
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        for module, names in zip(modules, before, strict=True):
            now = vars(module)
            if len(now) == len(names) and all(map(operator.is_, names.values(), now.values())):
                continue
            for name, value in names.items():
                if name not in now or now[name] is not value:
                    if name != "_":
                        found.append(f"{module.__name__}.{name}")
                    setattr(module, name, value)
        np.random.set_bit_generator(chance)  # type: ignore[attr-defined,unused-ignore]
        np.set_printoptions(**options)
        np.seterr(**errors)
        if sys.getrecursionlimit() != limit:
            sys.setrecursionlimit(limit)


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif type(value) in (list, tuple):
        for item in value:
            yield from _arrays(item)


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, np.random.Generator):
        return True
    if isinstance(before, np.ndarray) and (
        not isinstance(after, np.ndarray) or before.dtype != after.dtype
    ):
        return False
    return difference(after, before, 0.0) is None


def _words(error: BaseException) -> str:
    """Give an exception's text; making it may raise too."""
    try:
        return str(error)[:300]
    except Exception as other:
        return f"(its text cannot be made: {type(other).__name__})"


def _explain(error: BaseException) -> tuple[str, frozenset[str]]:
    """Describe an exception by the learner's own line, and name the variables that held `...`."""
    text, line = _words(error), ""
    dotted: set[str] = set()
    for frame, number in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if filename == os.path.join(_HERE, "call.py"):
            continue
        dotted |= {name for name, value in frame.f_locals.items() if value is ...}
        summary = traceback.FrameSummary(filename, number, frame.f_code.co_name)
        library = "site-packages" in filename or filename.startswith(sys.base_prefix)
        if not library:
            source = f": {summary.line}" if summary.line else ""
            line = f"\n  in {summary.name}, line {number}{source}"
    if isinstance(error, RecursionError):
        return f"RecursionError: the function calls itself without end.{line}", frozenset(dotted)
    return f"{type(error).__name__}: {text}{line}", frozenset(dotted)


def call(
    function: Callable[..., Any], arguments: dict[str, Any], output_kb: int = 64, ambient: int = 0
) -> Outcome:
    """Call an answer on copies of the arguments and keep what it did.

    Args:
        function: The answer.
        arguments: By name; passed in this order, so that the answer may name them differently.
        output_kb: How much printed text is kept.
        ambient: Seed of the global generators during the call; an answer that draws from them
            gives itself away when this changes. They stay as the call leaves them: to keep them
            costs more than a call, so `kept_chance` is put around many.

    Returns:
        What happened; an exception of the answer is part of it and never raised.

    Raises:
        OutOfTime: The answer took too long.
    """
    mine = copied(arguments)
    outcome = Outcome()
    patched: list[str] = []
    printed = _Bounded(output_kb * 1024)
    result: Any = None
    with guarded(patched):
        try:
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                warnings.catch_warnings(),
                np.errstate(all="ignore"),
            ):
                warnings.simplefilter("ignore")
                np.random.seed(ambient)
                random.seed(ambient)
                result = function(*mine.values())
                outcome.value = to_plain(result)
        except OutOfTime:
            raise
        except Misfit as misfit:
            outcome.misfit = str(misfit)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the answer too
            outcome.error, outcome.dotted = _explain(error)
            outcome.blank = "ellipsis" in outcome.error.lower()
            outcome.error_type = type(error).__name__
    outcome.patched = tuple(patched)
    outcome.printed = printed.text()
    outcome.blank = outcome.blank or _has_blank(outcome.value)
    for name, before in arguments.items():
        if not _same(before, mine[name]):
            outcome.changed[name] = copied({name: mine[name]})[name]
        if any(np.may_share_memory(a, b) for a in _arrays(result) for b in _arrays(mine[name])):
            outcome.aliases += (name,)
    return outcome


def _has_blank(value: Any) -> bool:
    if value is ...:
        return True
    return type(value) in (list, tuple) and any(_has_blank(item) for item in value)


def same_outcome(
    one: Outcome, other: Outcome, tolerance: float = 1e-9, single: float = 0.0
) -> bool:
    """Tell whether two calls did the same: value, error type, changed arguments, aliases."""
    if (one.error_type, one.misfit is None) != (other.error_type, other.misfit is None):
        return False
    if set(one.changed) != set(other.changed) or one.aliases != other.aliases:
        return False
    for name, value in one.changed.items():
        if difference(value, other.changed[name], tolerance):
            return False
    return difference(one.value, other.value, tolerance, single=single) is None
