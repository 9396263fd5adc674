"""Turn an answer into bytes that another process can load: by value, unless it is installed.

What a notebook defines, and what its own helper modules hold now, travels as it stands: the other
process must not read an older text of a helper, and need not find it.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from course_lib.exercises.author.spec import Spec
from course_lib.exercises.catalog import is_published
from course_lib.processes import pickle_by_value

_INSTALLED = tuple(
    os.path.join(sysconfig.get_path(name), "")
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_FILES_OF_LINES = 50


def is_own(module: ModuleType) -> bool:
    """Tell whether a module is the learner's: a file, and neither installed nor of this package."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or module.__name__.split(".")[0] in ("course_lib", "__main__"):
        return False
    return "site-packages" not in file and not file.startswith(_INSTALLED)


def _own_modules() -> list[ModuleType]:
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and module.__name__ == name and is_own(module)
    ]


def pickled(answer: Any) -> bytes:
    """Pickle an answer, by value with all that it uses of the notebook and of helper modules."""
    return pickle_by_value(answer, _own_modules())


def pack_spec(spec: Spec) -> bytes | None:
    """Pickle an exercise, or return None where the worker can look it up by its id."""
    if is_published(spec) or spec.code is None:
        return None
    return pickle_by_value(spec, _own_modules())


def surroundings(answer: Any) -> dict[str, Any]:
    """Say what an answer finds around it in this process: paths, torch's type, its own lines."""
    torch = sys.modules.get("torch")
    return {
        "path": [path or os.getcwd() for path in sys.path if isinstance(path, str)],
        "folder": os.getcwd(),
        "dtype": str(torch.get_default_dtype()).removeprefix("torch.") if torch else None,
        "lines": dict(_lines(answer)),
    }


def _codes(answer: Any) -> Iterator[CodeType]:
    """Walk over the code of a function and of the functions that it uses by their names."""
    todo: list[Any] = [answer]
    seen: set[int] = set()
    while todo and len(seen) < _FILES_OF_LINES:
        function = inspect.unwrap(todo.pop()) if callable(todo[-1]) else todo.pop()
        code = getattr(function, "__code__", None)
        if code is None or id(code) in seen:
            continue
        seen.add(id(code))
        yield code
        names = getattr(function, "__globals__", {})
        todo += [names[name] for name in code.co_names if callable(names.get(name))]


def _lines(answer: Any) -> Iterator[tuple[str, list[str]]]:
    """Give the text of each cell that an answer is made from: the worker cannot read cells."""
    for code in _codes(answer):
        if not os.path.exists(code.co_filename):
            lines = linecache.getlines(code.co_filename)
            if lines:
                yield code.co_filename, lines
