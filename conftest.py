"""What every pytest run here needs: how notebooks are compared, and the time of the whole check."""

from __future__ import annotations

import functools
import gc
import inspect
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import jaxtyping
import pytest
from beartype import BeartypeConf, beartype
from beartype.door import is_bearable
from beartype.vale import Is

LATER = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}


_with_shapes = jaxtyping.jaxtyped


class _Refused(jaxtyping.TypeCheckError):
    """An argument is not of its type."""


_without = beartype(
    conf=BeartypeConf(violation_param_type=_Refused, violation_return_type=jaxtyping.TypeCheckError)
)


def _checked(function: Any = None, *, typechecker: Callable[..., Any]) -> Any:
    """Check the types and shapes of a function, quickly where it is called rightly.

    `--jaxtyping-packages` puts this before every function of the package. What it would put there
    keeps a book of shapes in each call, also for tokenizers, which have none, and looks at each
    argument twice, for the sake of its messages: half of the seconds of all tests. So that is only
    asked for its message once a check has failed.
    """
    if function is None:
        return lambda function: _checked(function, typechecker=typechecker)
    if not isinstance(function, types.FunctionType) or function.__code__.co_flags & LATER:
        return _with_shapes(function, typechecker=typechecker)
    hints: dict[str, Any] = {}
    for name in function.__annotations__:
        try:  # one by one: a name that is only known to type checkers is not checked
            hints |= get_type_hints(_only(function, name), include_extras=True)
        except Exception:  # whatever an annotation can raise
            hints[name] = Any
    if not hints:
        return function
    hints = {name: _with_every_item(hint) for name, hint in hints.items()}
    twin = _twin(function, hints)
    checked: Any = _without(twin)
    if any(map(_names_shapes, hints.values())):
        checked = _with_shapes(checked, typechecker=None)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return checked(*args, **kwargs)
        except _Refused:  # with a message that has all arguments
            slow = _with_shapes(_twin(function, hints), typechecker=typechecker)
            return slow(*args, **kwargs)

    return wrapped


def _twin(function: types.FunctionType, hints: dict[str, Any]) -> types.FunctionType:
    """Give the same function under other annotations."""
    twin = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, function.__closure__
    )
    for name in ("__defaults__", "__kwdefaults__", "__qualname__", "__module__"):
        setattr(twin, name, getattr(function, name))
    twin.__annotations__ = hints
    return twin


def _with_every_item(hint: Any) -> Any:
    """Let beartype see all items: alone it draws one of a list, so a fault is met by chance."""
    if _names_shapes(hint):  # lists of tensors: the letters of one would be held against the next
        return hint
    test = _test(hint)
    return hint if test is None else Annotated[hint, Is[test]]


def _test(hint: Any) -> Callable[[Any], bool] | None:
    """Make what looks at all items of the containers in a hint; none where it has no container."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _test(parts[0])
    if origin in (Union, types.UnionType):
        if not any(map(_test, parts)):
            return None
        tests = [_one(part) for part in parts]
        return lambda value: any(test(value) for test in tests)
    if not (inspect.isclass(origin) and issubclass(origin, Iterable)) or not parts:
        return None
    if issubclass(origin, tuple) and parts[-1] is not ...:
        each = [_one(part) for part in parts]
        return lambda value: all(test(item) for test, item in zip(each, value, strict=True))
    if issubclass(origin, Mapping):
        key, item = _all(parts[0]), _all(parts[1] if len(parts) == 2 else int)  # a Counter's
        return lambda value: not isinstance(value, dict) or (key(value) and item(value.values()))
    every = _all(parts[0])
    return lambda value: type(value) not in _HELD or every(value)


_HELD = (list, tuple, set, frozenset, dict)  # what can be walked through twice


def _one(hint: Any) -> Callable[[Any], bool]:
    """Make the test of one value: its type by beartype, then its items."""
    if type(hint) is type:
        return lambda value: isinstance(value, hint)
    test = _test(hint)
    return lambda value: is_bearable(value, hint) and (test is None or test(value))


def _all(hint: Any) -> Callable[[Collection[Any]], bool]:
    """Make the test of many values: of plain classes, and of tuples of them, in one go."""
    if hint is Any or hint is object:
        return lambda _: True
    if type(hint) is type:
        return lambda values: all(issubclass(kind, hint) for kind in set(map(type, values)))
    parts = get_args(hint)
    if get_origin(hint) is tuple and parts and parts[-1] is not ...:  # place by place
        each = [_all(part) for part in parts]
        return lambda values: (
            all(isinstance(value, tuple) and len(value) == len(each) for value in values)
            and all(test([value[place] for value in values]) for place, test in enumerate(each))
        )
    test = _one(hint)
    return lambda values: all(map(test, values))


def _only(function: types.FunctionType, name: str) -> types.SimpleNamespace:
    """Give what `get_type_hints` reads, with one annotation."""
    return types.SimpleNamespace(
        __annotations__={name: function.__annotations__[name]}, __globals__=function.__globals__
    )


def _names_shapes(hint: Any) -> bool:
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    parts = hint if isinstance(hint, list) else get_args(hint)  # a list: of Callable
    return any(map(_names_shapes, parts))


jaxtyping.jaxtyped = _checked  # type: ignore[assignment]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--unit`, which `make unit` gives."""
    parser.addoption("--unit", action="store_true", help="fail a test that starts a process")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Under `--unit`, a test that starts a process fails: it belongs to the slower ones."""
    if item.config.getoption("--unit"):
        _Watch.on = True
    try:
        return (yield)
    finally:
        _Watch.on = False


class _Watch:
    """An audit hook cannot be taken away again, so it is put in once and switched."""

    on = False

    @classmethod
    def hook(cls, event: str, arguments: tuple[object, ...]) -> None:
        if cls.on and event in STARTS:
            raise RuntimeError(
                f"{event} in a unit test: mark it with pytest.mark.processes, {arguments[:1]}"
            )


sys.addaudithook(_Watch.hook)


def pytest_configure() -> None:
    """Some tests interrupt themselves, and a job started in the background ignores interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()  # until the tests run: of modules and tests that are read in, nothing is garbage


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage in what tests leave, and not each time through all that was read in."""
    gc.freeze()
    gc.enable()


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Compare text outputs of notebooks; images, HTML (which holds images) and progress are not."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "image/svg+xml", "stderr")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long `make test` took in all: set-up, build and tests."""
    start = os.environ.get("COURSE_TEST_START")
    if start:
        seconds = time.time() - float(start)
        terminalreporter.write_line(f"make test in all, book included: {seconds / 60:.1f} min")
