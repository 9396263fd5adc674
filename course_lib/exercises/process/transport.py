"""Turn an answer into bytes that another process can load: by value, unless it is installed."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

from course_lib.exercises.author.spec import Spec
from course_lib.exercises.catalog import is_published
from course_lib.processes import pickle_by_value


def _dump(value: Any, module: ModuleType | None) -> bytes:
    """Pickle a value; functions of the given module travel by value."""
    return pickle_by_value(value, [module] if module is not None else [])


def _own_module(value: Any) -> ModuleType | None:
    """Give the module of a function if the worker could not import it."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    if module is None or not file or module.__name__.split(".")[0] in ("course_lib", "__main__"):
        return None
    installed = "site-packages" in file or file.startswith(os.path.join(sys.base_prefix, "lib"))
    return None if installed else module


def pack(answer: Any) -> bytes:
    """Pickle an answer: a function of a notebook or script travels by value."""
    return _dump(answer, _own_module(answer))


def pack_spec(spec: Spec) -> bytes | None:
    """Pickle an exercise, or return None where the worker can look it up by its id."""
    if is_published(spec) or spec.code is None:
        return None
    return _dump(spec, _own_module(spec.code.reference))
