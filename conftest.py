"""What every pytest run here needs: how notebooks are compared, and the time of the whole check."""

from __future__ import annotations

import functools
import gc
import inspect
import json
import os
import re
import signal
import sys
import time
import types
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import jaxtyping
import pytest
import torch
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
    asked for its message once a check has failed, and shapes that fitted once are not compared
    with the same names again.
    """
    if function is None:
        return lambda function: _checked(function, typechecker=typechecker)
    if not isinstance(function, types.FunctionType) or function.__code__.co_flags & LATER:
        return _with_shapes(function, typechecker=typechecker)
    if not function.__annotations__:
        return function
    made: list[Any] = []

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if jaxtyping.config.jaxtyping_disable:
            return function(*args, **kwargs)
        if not made:  # in the first call: most functions of the package are not called in one run
            found = _hints(function)
            made.append((found, _with_checks(function, found)))  # at once: threads call it, too
        hints, checked = made[0]
        try:
            return checked(*args, **kwargs)
        except _Refused:  # with a message that has all arguments
            slow = _with_shapes(_twin(function, hints), typechecker=typechecker)
            return slow(*args, **kwargs)

    return wrapped


def _hints(function: types.FunctionType) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for name in function.__annotations__:
        try:  # one by one: a name that is only known to type checkers is not checked
            hints |= get_type_hints(_only(function, name), include_extras=True)
        except Exception:  # whatever an annotation can raise
            hints[name] = Any
    return {name: _with_every_item(hint) for name, hint in hints.items()}


def _with_checks(function: types.FunctionType, hints: dict[str, Any]) -> Any:
    every: Any = _without(_twin(function, hints))
    shaped = {name: hint for name, hint in hints.items() if _names_shapes(hint)}
    if not shaped:
        return every
    plain: Any = _without(_twin(function, {**hints, **dict.fromkeys(shaped, Any)}))
    return _Fitted(function, shaped, _with_shapes(every, typechecker=None), plain)


class _Fitted:
    """A function with shapes, which remembers those that fitted.

    Whether they do is a matter of kinds of numbers and of lengths, and of nothing else.

    Args:
        function: As it is written.
        shaped: Those of its hints that name shapes.
        every: It, with all its hints checked.
        plain: It, with the others checked.
    """

    def __init__(
        self, function: types.FunctionType, shaped: dict[str, Any], every: Any, plain: Any
    ) -> None:
        self.function, self.shaped, self.every, self.plain = function, shaped, every, plain
        self.signature = inspect.signature(function)
        names = list(self.signature.parameters)
        self.places = [(names.index(name), name) for name in shaped if name != "return"]
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        various = [self.signature.parameters[name].kind in kinds for _, name in self.places]
        self.keeps = not any(various) and "{" not in str(self.signature)  # a length from a value
        self.fitted: dict[Any, set[Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            given = tuple(
                _look(args[place])
                if place < len(args)
                else _look(kwargs[name])
                if name in kwargs
                else None  # left out
                for place, name in self.places
            )
        except LookupError:
            return self.every(*args, **kwargs)
        fitted = self.fitted.setdefault(given, set()) if self.keeps else set()
        known = bool(fitted)
        result = (self.plain if known else self.every)(*args, **kwargs)
        seen = None
        if "return" in self.shaped:
            try:
                seen = _look(result)
            except LookupError:
                seen = self  # which is kept nowhere
            if known and seen not in fitted:
                self.hold(self.signature.bind(*args, **kwargs).arguments, result)
        if seen is not self:
            fitted.add(seen)
        return result

    @_with_shapes(typechecker=None)
    def hold(self, arguments: Mapping[str, Any], result: Any) -> None:
        """Hold a result to the names that its arguments give lengths to.

        Raises:
            TypeCheckError: it does not fit.
        """
        for name, hint in self.shaped.items():
            value = result if name == "return" else arguments.get(name, self)
            if value is not self and not is_bearable(value, hint):
                raise jaxtyping.TypeCheckError(
                    f"{self.function.__qualname__}: {name} is {value!r:.200}, wanted {hint}"
                )


def _look(value: Any) -> Any:
    """Name what a hint that names shapes can see of a value.

    Raises:
        LookupError: It may see more.
    """
    if isinstance(value, torch.Tensor):
        return type(value), value.dtype, value.shape
    if type(value) in (tuple, list):
        return type(value), *map(_look, value)
    if value is None or type(value) in (bool, int, float, str):
        return type(value)
    raise LookupError


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
    """Let beartype see a hundred items: alone it draws one, and meets a fault by chance."""
    if _names_shapes(hint) or not _holds(hint):  # two tensors of a list need not be of one shape
        return hint
    test = _test(hint)

    def every_item(value: Any) -> bool:  # of a lambda beartype looks up the text, in all this file
        return test((value,))

    return Annotated[hint, Is[every_item]]


def _holds(hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType, Annotated):
        return any(map(_holds, parts))
    return inspect.isclass(origin) and issubclass(origin, Iterable) and bool(parts)


def _test(hint: Any) -> Callable[[Collection[Any]], bool]:
    """Make the test of many values at once, which asks each class once, down to their items."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return lambda _: True
    if type(hint) is type:
        return lambda values: _are(values, hint)
    if origin is Annotated:
        return _test(parts[0])
    if origin in (Union, types.UnionType):
        if all(type(part) is type for part in parts):
            return lambda values: _are(values, parts)
        tests = [_test(part) for part in parts]
        return lambda values: all(any(test((value,)) for test in tests) for value in values)
    if not _holds(hint):
        return lambda values: all(is_bearable(value, hint) for value in values)
    if issubclass(origin, tuple) and parts[-1] is not ...:
        columns = [_test(part) for part in parts]
        return lambda values: (
            _are(values, tuple)
            and set(map(len, values)) <= {len(columns)}
            and all(map(_call, columns, zip(*values, strict=True)))
        )
    if issubclass(origin, Mapping):
        key, item = _test(parts[0]), _test(parts[1] if len(parts) == 2 else int)  # a Counter's
        return lambda values: (
            _are(values, origin)
            and key(_inside(values, dict))
            and item(_inside(v.values() for v in values if isinstance(v, dict)))
        )
    every = _test(parts[0])
    held = (list, tuple, set, frozenset, dict)  # what can be walked through twice
    return lambda values: _are(values, origin) and every(_inside(values, held))


def _are(values: Collection[Any], kinds: Any) -> bool:
    return all(issubclass(kind, kinds) for kind in set(map(type, values)))


def _call(test: Callable[[Any], bool], values: Any) -> bool:
    return test(values)


def _inside(values: Iterable[Any], held: Any = object) -> list[Any]:
    inside = (islice(value, _LOOKED_AT) for value in values if isinstance(value, held))
    return list(chain.from_iterable(inside))


_LOOKED_AT = 100  # of a vocabulary that each call is given, all would take minutes


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


@pytest.fixture
def as_installed() -> Iterator[None]:
    """No types are checked, as in an installed package: wrong arguments meet its own checks."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


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


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give tests to processes by module, all of `tests/distributed` to one, and pages to several.

    Its ranks, which take seconds to start, serve them all. The tests of all pages are half of all
    that look at pages: one process would still be at them when the other has nothing left.
    """
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/distributed/"):
                return "tests/distributed"
            pages = re.match(
                r"(tests/book/test_pages\.py)::\w+\[(book/api|book|notebooks/0|notebooks)", nodeid
            )
            if pages is not None:
                return "::".join(pages.groups())
            return super()._split_scope(nodeid)

    return ByModule(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are only added, and never again through what they are."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Compare text outputs of notebooks; images, HTML (which holds images) and progress are not."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "image/svg+xml", "stderr")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what both runs of `make test` counted, and how long it took: set-up, build and tests."""
    kinds = ("passed", "failed", "error", "skipped")
    counts = {kind: len(terminalreporter.stats.get(kind, ())) for kind in kinds}
    start, kept = (os.environ.get(f"COURSE_TEST_{name}") for name in ("START", "COUNTS"))
    if not kept:
        return
    if not start:  # the first run
        Path(kept).write_text(json.dumps(counts), encoding="utf-8")
        return
    minutes = (time.time() - float(start)) / 60
    if Path(kept).exists():  # a first run that crashed has counted nothing, and is named at the end
        first = json.loads(Path(kept).read_text(encoding="utf-8"))
        both = ", ".join(f"{counts[kind] + first[kind]:,} {kind}" for kind in kinds)
        terminalreporter.write_line(f"both runs of the tests: {both}")
    terminalreporter.write_line(f"make test in all, book included: {minutes:.1f} min")
