"""Processes of our own: started new, sent functions by value, ended with all that they started.

A child is never a fork: a process that has used threads or a GPU cannot be forked. It leads a
session of its own, so that an interrupt of the notebook reaches only the notebook, and one signal
to its process group reaches whatever it started.

A child must not outlive this process, however that ends. A killed process runs no code, so somebody
else has to notice: beside each child a shell waits on a pipe from here. The pipe closes when this
process is gone, and the shell ends the child's group, also where the child is busy inside a call
that lets no Python thread run.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from course_lib.extras import needs

_WATCH = 'read -r _; kill -s KILL -- "-$1"'  # for sh: the group of $1 ends when the pipe closes
_PICKLING = threading.Lock()  # cloudpickle keeps one list of modules for the whole process
_POLL_SECONDS = 0.5
_REAP_SECONDS = 5.0


class Child:
    """A new process that ends with this one.

    Attributes:
        process: for its streams, its exit code, and waiting.

    Args:
        command: program and arguments.
        environment: its environment variables, all of them.
        pass_fds: descriptors that it keeps under their numbers.
        stdin: as in ``subprocess.Popen``, and so the next two.
        stdout: where its output goes.
        stderr: where its error output goes.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = subprocess.PIPE,
        stderr: int | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            list(command),
            env=dict(environment),
            pass_fds=tuple(pass_fds),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self._ended = False
        self._watch: subprocess.Popen[bytes] | None = None
        if os.name == "posix":
            try:
                self._watch = watch(self.process.pid)
            except BaseException:
                self.process.kill()
                self.process.wait()
                raise

    def kill(self) -> None:
        """End the process and everything it started; see :func:`kill`."""
        kill([self])

    def _signal_group(self) -> None:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def _reap(self) -> None:
        if self._watch is not None:  # before the child: its number is not given away until then
            self._watch.kill()
            self._watch.wait()
            assert self._watch.stdin is not None
            self._watch.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_REAP_SECONDS)
        self._ended = True


def watch(leader: int) -> subprocess.Popen[bytes]:
    """Start a shell that ends a process group once this process is gone, however that ends.

    Args:
        leader: The process that leads the group, a child of this one in a session of its own.

    Returns:
        The shell. End it before the number of the group is given to another.

    Raises:
        OSError: There is no shell.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "sh", str(leader)],
        env={},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(children: Iterable[Child]) -> None:
    """End several children at once, and everything they started. Twice does no harm.

    Also what left a child's process group is ended, as long as the child was alive to be asked. The
    children's own streams stay open: what is left in them can still be read.
    """
    import psutil  # here: a child that imports this module does not need it

    children, left = [child for child in children if not child._ended], []
    for child in children:
        if child.process.returncode is None:  # else its number may be another's by now
            with contextlib.suppress(psutil.Error):
                left += psutil.Process(child.process.pid).children(recursive=True)
    for child in children:
        child._signal_group()
    for process in left:
        with contextlib.suppress(psutil.Error):  # it checks that the number is not another's
            process.kill()
    for child in children:
        child._reap()


def end_with_parent() -> None:
    """In a child: end this process and its group when the parent is gone.

    A second line behind the watching shell, for a parent that forked: a fork holds the pipe open.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        end_group()

    threading.Thread(target=watch, daemon=True).start()


def end_group() -> None:
    """In a child: end this process at once, with everything in its process group."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def import_path() -> str:
    """Return a ``PYTHONPATH`` with which a child finds the modules that this process finds."""
    return os.pathsep.join(path or os.getcwd() for path in sys.path)


def pickle_by_value(value: Any, modules: Iterable[ModuleType] = ()) -> bytes:
    """Pickle a value for another process; what a notebook cell or a script defines goes by value.

    Args:
        value: anything, functions and classes included.
        modules: whose functions and classes also go by value, since the other process could not
            import them, or would import an older text.

    Raises:
        Exception: whatever the pickling of a part raises.
    """
    with needs("processes", "sending a function to another process"):
        import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc,unused-ignore]
        dispatch_table = ChainMap(
            {functools._lru_cache_wrapper: _reduce_cached}, cloudpickle.Pickler.dispatch_table
        )

    with _PICKLING:
        known = cloudpickle.list_registry_pickle_by_value()
        added = [module for module in modules if module.__name__ not in known]
        for module in added:
            cloudpickle.register_pickle_by_value(module)
        try:
            buffer = io.BytesIO()
            Pickler(buffer).dump(value)
            return buffer.getvalue()
        finally:
            for module in added:
                cloudpickle.unregister_pickle_by_value(module)


def _reduce_cached(cached: Any) -> Any:
    """Say how to pickle a function that `functools.cache` wraps: by value where others are."""
    import cloudpickle

    module = sys.modules.get(cached.__module__)
    by_value = {"__main__", *cloudpickle.list_registry_pickle_by_value()}
    if module is None or cached.__module__ in by_value or "<locals>" in cached.__qualname__:
        return _cached_again, (cached.__wrapped__, cached.cache_parameters())
    return str(cached.__qualname__)  # its name, to be imported


def _cached_again(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def describe(error: BaseException) -> str:
    """Return an error as ``Type: text``, also where its text cannot be made."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as problem:
        return f"{type(error).__name__} (making its text raised {type(problem).__name__})"
