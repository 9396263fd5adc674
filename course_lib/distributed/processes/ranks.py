"""Rank processes that outlive one function call, and leave nothing behind when they end.

The ranks are plain new processes, not forks: a kernel that has used torch threads or a GPU cannot
be forked. Functions written in the notebook travel by value. Every rank holds a line to the parent
and ends when the parent does; the parent's signal handlers stay as they are.

Chapter: 18_multi_gpu_zero
"""

import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import torch
import torch.distributed as dist

from course_lib import processes
from course_lib.distributed.comm.collectives import DEFAULT_TIMEOUT
from course_lib.distributed.comm.errors import RankFailure
from course_lib.distributed.processes.output import Output
from course_lib.extras import needs

START_SECONDS = 300.0
RANK_BYTES = 150 * 2**20
"""Memory that a rank needs at the least: Python and torch, before any model."""
_GRACE = 0.4  # seconds in which other failures may still show which rank was first
_SHORTEST_TIMEOUT = 0.1  # the ranks could not even find each other in less
_CROWDED = 8  # ranks for each core, from which on a warning says so


class Ranks:
    """A group of rank processes that runs one function after another.

    Starting a rank costs seconds, almost all of it ``import torch``; keep the group for many runs.

    Args:
        nprocs: number of ranks.
        backend: "gloo" or "nccl"; None takes NCCL where there is a GPU for every rank.
        collective_timeout: seconds a rank waits for the others in one collective operation.
        echo: print what the ranks print, each line with its rank.

    Raises:
        TypeError: ``nprocs`` is no integer, or ``collective_timeout`` no number.
        ValueError: ``nprocs`` below 1 or more than the free memory holds, an unknown backend, NCCL
            with fewer GPUs than ranks, or a time-out below a tenth of a second.
        RankFailure: a rank could not start.
    """

    def __init__(
        self,
        nprocs: int,
        *,
        backend: str | None = None,
        collective_timeout: float | int = DEFAULT_TIMEOUT,
        echo: bool = True,
    ) -> None:
        self.nprocs, self.backend = nprocs, choose_backend(nprocs, backend)
        check_collective_timeout(collective_timeout)
        check_room(nprocs)
        self._store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        self._echo = echo
        self._children: list[processes.Child] = []
        self._connections: list[Connection] = []
        self._sockets: list[socket.socket] = []
        self._outputs: list[Output] = []
        self._threads: list[threading.Thread] = []
        self._arrivals: queue.SimpleQueue[tuple[int, bytes | None]] = queue.SimpleQueue()
        try:
            for rank in range(nprocs):
                self._start(rank, float(collective_timeout))
            self._collect(time.monotonic() + START_SECONDS, START_SECONDS)
        except BaseException:
            self.close()
            raise

    def _start(self, rank: int, collective_timeout: float) -> None:
        threads = max(1, (os.cpu_count() or 1) // self.nprocs)
        environment = {
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while waiting starve the other ranks
            "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
            **os.environ,
            "PYTHONPATH": processes.import_path(),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(self.nprocs),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(self._store.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "COURSE_BACKEND": self.backend,
            "COURSE_TIMEOUT": str(collective_timeout),
        }
        worker = "course_lib.distributed.processes.worker"
        ours, theirs = socket.socketpair()
        connection = Connection(ours.fileno())
        self._sockets.append(ours)
        self._connections.append(connection)
        try:
            child = processes.Child(
                [sys.executable, "-u", "-m", worker, str(theirs.fileno())],
                environment=environment,
                pass_fds=[theirs.fileno()],
                stderr=subprocess.STDOUT,
            )
        finally:
            theirs.close()
        self._children.append(child)
        assert child.process.stdout is not None
        self._outputs.append(Output(child.process.stdout, f"[rank {rank}] ", echo=self._echo))
        self._in_thread(self._listen, rank, connection)

    def _in_thread(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads = [*(old for old in self._threads if old.is_alive()), thread]
        thread.start()

    def _listen(self, rank: int, connection: Connection) -> None:
        """Put what a rank sends into the queue, and None when its line closes."""
        try:
            while True:
                self._arrivals.put((rank, connection.recv_bytes()))
        except (EOFError, OSError):
            self._arrivals.put((rank, None))

    def run(
        self, function: Callable[..., Any], *args: Any, timeout: float | int = 300, **kwargs: Any
    ) -> list[Any]:
        """Call ``function`` on every rank and return one value per rank.

        Args:
            function: anything that can be pickled by value, such as a function of a notebook.
            *args: its arguments.
            timeout: seconds for the whole call.
            **kwargs: its keyword arguments.

        Raises:
            TypeError: ``function`` cannot be called, or it or an argument cannot be pickled.
            ValueError: ``timeout`` is not positive and finite.
            RankFailure: a rank raised, died or did not end in time. All ranks are stopped.
            RuntimeError: the ranks are already stopped.
        """
        check_seconds("timeout", timeout)
        if not self._connections:
            raise RuntimeError("these ranks are stopped; start new ones")
        task = pickle_task(function, args, kwargs)
        deadline = time.monotonic() + timeout
        try:
            # in threads: a rank that has stopped reading must not hold up the others, nor the end
            for connection in self._connections:
                self._in_thread(_send, connection, task)
            return self._collect(deadline, float(timeout))
        except BaseException:
            self.close()
            raise

    def _collect(self, deadline: float, timeout: float) -> list[Any]:
        values: dict[int, Any] = {}
        failures: list[tuple[bool, float, int, str, str]] = []
        open_ranks = set(range(self.nprocs))
        while open_ranks:
            try:
                rank, message = self._arrivals.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            open_ranks.discard(rank)
            if message is None:
                failures.append((False, 0.0, rank, *self._death(rank)))
            else:
                outcome = _unpickle(message)
                if outcome[0] == "value":
                    values[rank] = outcome[1]
                else:
                    _, cause, details, consequence, when = outcome
                    failures.append((consequence, when, rank, cause, details))
            if failures:
                deadline = min(deadline, time.monotonic() + _GRACE)
        if failures:
            _, _, rank, cause, details = min(failures)
            raise RankFailure(rank, self.nprocs, cause, details)
        if open_ranks:
            raise self._overdue(sorted(open_ranks), timeout)
        return [values[rank] for rank in range(self.nprocs)]

    def _death(self, rank: int) -> tuple[str, str]:
        """Say how a rank ended that closed its line."""
        child = self._children[rank]
        try:
            code = child.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return "closed its connection", ""
        child.kill()  # what it started may hold on to its output
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"died from signal {signal.Signals(-code).name}"
        return how, "\n".join(self._outputs[rank].tail())

    def _overdue(self, ranks: list[int], timeout: float) -> RankFailure:
        """Ask the ranks that have not returned where they are."""
        for rank in ranks:
            self._children[rank].process.send_signal(signal.SIGUSR1)
        time.sleep(_GRACE)
        details = "\n".join(self._outputs[ranks[0]].lines)
        cause = f"no value after {timeout:g} s (still running: ranks {ranks})"
        return RankFailure(ranks[0], self.nprocs, cause, details)

    def close(self) -> None:
        """Stop all ranks and all that they started, at once."""
        processes.kill(self._children)
        for line in self._sockets:
            line.shutdown(socket.SHUT_RDWR)  # wakes the threads that wait on it
        for output in self._outputs:
            output.close()
        for thread in self._threads:  # before their lines close: the numbers will be used again
            thread.join(1.0)
        for line, connection in zip(self._sockets, self._connections, strict=True):
            line.detach()
            connection.close()
        self._children, self._outputs, self._threads = [], [], []
        self._sockets, self._connections = [], []

    def __enter__(self) -> "Ranks":
        """Use as ``with Ranks(4) as ranks``."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the ranks."""
        self.close()


def choose_backend(nprocs: int, backend: str | None) -> str:
    """Return the backend to use, or raise ``ValueError`` if it cannot serve ``nprocs`` ranks."""
    if isinstance(nprocs, bool) or not isinstance(nprocs, int):
        raise TypeError(f"nprocs must be an integer, got {nprocs!r}")
    if nprocs < 1:
        raise ValueError(f"nprocs must be at least 1, got {nprocs}")
    if backend not in (None, "gloo", "nccl"):
        raise ValueError(f"backend must be 'gloo' or 'nccl', got {backend!r}")
    n_gpus = torch.cuda.device_count()
    if backend == "nccl" and nprocs > n_gpus:
        raise ValueError(f"NCCL needs a GPU per rank: {nprocs} ranks, {n_gpus} GPUs here")
    return backend or ("nccl" if n_gpus >= nprocs else "gloo")


def check_seconds(name: str, value: float | int, least: float = 0.0) -> None:
    """Raise unless a time-out is a positive number of seconds, at least ``least`` and finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, got {value!r}")
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")
    if not least <= value <= threading.TIMEOUT_MAX:
        raise ValueError(
            f"{name} must lie between {least:g} s and {threading.TIMEOUT_MAX:.0f} s, got {value}"
        )


def check_collective_timeout(value: float | int) -> None:
    """Raise unless ``value`` can be how long a rank waits for the others in one operation."""
    check_seconds("collective_timeout", value, _SHORTEST_TIMEOUT)


def check_room(nprocs: int) -> None:
    """Raise if the free memory cannot hold so many ranks; warn if the cores are too few."""
    with needs("processes", "starting ranks"):
        import cloudpickle  # noqa: F401 - missing: say so before a rank has started
        import psutil
    free = psutil.virtual_memory().available
    if nprocs * RANK_BYTES > free:
        raise ValueError(
            f"nprocs={nprocs} does not fit: each rank needs at least {RANK_BYTES // 2**20} MiB, "
            f"and {free // 2**20} MiB are free here"
        )
    n_cores = os.cpu_count() or 1
    if nprocs > _CROWDED * n_cores:
        warnings.warn(
            f"{nprocs} ranks share {n_cores} cores: starting them takes long, and so does every "
            "step",
            stacklevel=4,
        )


def pickle_task(function: Callable[..., Any], args: Any, kwargs: Any) -> bytes:
    """Pickle by value what a new process could not import.

    Raises:
        TypeError: ``function`` cannot be called, or something cannot be pickled.
    """
    if not callable(function):
        raise TypeError(f"function must be something to call, got {function!r}")
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    by_value = []
    if module is not None and module.__name__ != "__main__" and not _importable(module):
        by_value.append(module)
    try:
        return processes.pickle_by_value((function, args, kwargs), by_value)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} or its arguments cannot be sent to the ranks: {error}") from error


def _importable(module: Any) -> bool:
    try:
        spec = find_spec(module.__name__)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin == getattr(module, "__file__", None)


def _send(connection: Connection, task: bytes) -> None:
    try:
        connection.send_bytes(task)
    except OSError:
        return  # the rank is gone, which its listener reports


def _unpickle(message: bytes) -> tuple[Any, ...]:
    """Return what a rank sent; a value whose unpickling fails becomes the rank's failure."""
    try:
        outcome: tuple[Any, ...] = pickle.loads(message)
    except Exception as error:
        cause = f"its value cannot be unpickled here: {processes.describe(error)}"
        return ("error", cause, "", False, time.monotonic())
    return outcome
