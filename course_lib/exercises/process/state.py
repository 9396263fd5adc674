"""What an answer may leave behind in the process that judged it.

A worker that is not as it was before is replaced: the next answer must not meet a patched module,
another default type, a thread or a timer.
"""

from __future__ import annotations

import gc
import operator
import os
import signal
import sys
import threading
import warnings
from types import ModuleType
from typing import Any

from course_lib.exercises.process.transport import is_own

_MISSING = object()
_SIGNALS = ("SIGALRM", "SIGINT", "SIGTERM", "SIGCHLD", "SIGPROF", "SIGVTALRM")


def _settings() -> dict[str, Any]:
    """Collect what can be compared by value."""
    found: dict[str, Any] = {
        "path": list(sys.path),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "filters": list(warnings.filters),
        "streams": tuple(map(id, (sys.stdout, sys.stderr, sys.stdin))),
        "hooks": tuple(
            map(id, (sys.excepthook, sys.displayhook, sys.gettrace(), sys.getprofile()))
        ),
        "gc": gc.isenabled(),
        "recursion": sys.getrecursionlimit(),
        "threads": {thread.ident for thread in threading.enumerate()},
        "signals": {
            name: id(signal.getsignal(getattr(signal, name)))
            for name in _SIGNALS
            if hasattr(signal, name)
        },
    }
    if hasattr(signal, "getitimer"):
        kinds = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
        found["timers"] = [signal.getitimer(kind)[0] > 0 for kind in kinds]
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = (torch.is_grad_enabled(), torch.get_num_threads())
    return found


def _modules() -> dict[str, ModuleType]:
    return {name: found for name, found in sys.modules.items() if isinstance(found, ModuleType)}


class State:
    """How a process was before an answer ran."""

    def __init__(self) -> None:
        self.settings = _settings()
        self.modules = {name: (module, dict(vars(module))) for name, module in _modules().items()}

    def changed(self) -> str:
        """Name the first thing that is not as it was; empty where all of it is."""
        now = _settings()
        for name, value in self.settings.items():
            if now.get(name) != value:
                return name
        modules = _modules()
        for name, (module, before) in self.modules.items():
            if modules.get(name) is not module:
                return name
            after = vars(module)
            if len(before) == len(after) and all(
                map(operator.is_, before.values(), after.values())
            ):
                continue
            for key, value in before.items():
                if callable(value) and after.get(key, _MISSING) is not value:
                    return f"{name}.{key}"
        # A helper that was imported here would be met again after it was edited.
        return next((name for name in modules.keys() - self.modules if is_own(modules[name])), "")
