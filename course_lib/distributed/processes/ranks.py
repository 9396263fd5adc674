"""Rank processes that outlive one function call, and leave nothing behind when they end.

The ranks are plain new processes, not forks: a kernel that has used torch threads or a GPU cannot
be forked. Functions written in the notebook travel by value. Every rank holds a line to the parent
and ends when the parent does; the parent's signal handlers stay as they are.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

import cloudpickle
import torch
import torch.distributed as dist

from course_lib.distributed.comm.collectives import DEFAULT_TIMEOUT
from course_lib.distributed.comm.errors import RankFailure

START_SECONDS = 300.0
_GRACE = 0.4  # seconds in which other failures may still show which rank was first


class Ranks:
    """A group of rank processes that runs one function after another.

    Starting a rank costs seconds, almost all of it ``import torch``; keep the group for many runs.

    Args:
        nprocs: number of ranks.
        backend: "gloo" or "nccl"; None takes NCCL where there is a GPU for every rank.
        collective_timeout: seconds a rank waits for the others in one collective operation.
        echo: print what the ranks print, each line with its rank.

    Raises:
        ValueError: ``nprocs`` below 1, unknown backend, or NCCL with fewer GPUs than ranks.
        RankFailure: a rank could not start.

    Chapter: 18_multi_gpu_zero
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
        self._store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        self._echo = echo
        self._tails: list[deque[str]] = [deque(maxlen=60) for _ in range(nprocs)]
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connections: list[Connection] = []
        self._readers: list[threading.Thread] = []
        try:
            for rank in range(nprocs):
                self._start(rank, float(collective_timeout))
            self._collect(START_SECONDS)
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
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(self.nprocs),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(self._store.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "COURSE_BACKEND": self.backend,
            "COURSE_TIMEOUT": str(collective_timeout),
        }
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [
                sys.executable,
                "-u",
                "-m",
                "course_lib.distributed.processes.worker",
                str(theirs.fileno()),
            ],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt of the notebook is ours to handle
        )
        theirs.close()
        self._processes.append(process)
        self._connections.append(Connection(ours.detach()))
        reader = threading.Thread(target=self._read_output, args=(rank, process), daemon=True)
        reader.start()
        self._readers.append(reader)

    def _read_output(self, rank: int, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            self._tails[rank].append(line)
            if self._echo:
                sys.stdout.write(f"[rank {rank}] {line}\n")

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
            TypeError: the function or an argument cannot be pickled.
            RankFailure: a rank raised, died or did not end in time. All ranks are stopped.
            RuntimeError: the ranks are already stopped.
        """
        if not self._connections:
            raise RuntimeError("these ranks are stopped; start new ones")
        task = pickle_task(function, args, kwargs)
        try:
            for rank, connection in enumerate(self._connections):
                try:
                    connection.send_bytes(task)
                except OSError:
                    raise RankFailure(rank, self.nprocs, *self._death(rank)) from None
            return self._collect(float(timeout))
        except BaseException:
            self.close()
            raise

    def _collect(self, timeout: float) -> list[Any]:
        deadline = time.monotonic() + timeout
        values: dict[int, Any] = {}
        failures: list[tuple[bool, float, int, str, str]] = []
        open_ranks = {connection: rank for rank, connection in enumerate(self._connections)}
        while open_ranks:
            ready = wait(list(open_ranks), max(0.0, deadline - time.monotonic()))
            if not ready:
                break
            for item in ready:
                assert isinstance(item, Connection)
                rank = open_ranks.pop(item)
                try:
                    outcome = cloudpickle.loads(item.recv_bytes())
                except (EOFError, OSError):
                    cause, details = self._death(rank)
                    failures.append((False, 0.0, rank, cause, details))
                    continue
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
            raise self._overdue(sorted(open_ranks.values()), timeout)
        return [values[rank] for rank in range(self.nprocs)]

    def _death(self, rank: int) -> tuple[str, str]:
        """Say how a rank ended that closed its line."""
        try:
            code = self._processes[rank].wait(2.0)
        except subprocess.TimeoutExpired:
            return "closed its connection", ""
        self._readers[rank].join(1.0)
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"died from signal {signal.Signals(-code).name}"
        return how, "\n".join(self._tails[rank])

    def _overdue(self, ranks: list[int], timeout: float) -> RankFailure:
        """Ask the ranks that have not returned where they are."""
        for rank in ranks:
            self._processes[rank].send_signal(signal.SIGUSR1)
        time.sleep(_GRACE)
        details = "\n".join(self._tails[ranks[0]])
        cause = f"no value after {timeout:g} s (still running: ranks {ranks})"
        return RankFailure(ranks[0], self.nprocs, cause, details)

    def close(self) -> None:
        """Stop all ranks, at once."""
        for connection in self._connections:
            connection.close()
        self._connections = []
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for reader, process in zip(self._readers, self._processes, strict=True):
            reader.join(2.0)
            if process.stdout is not None:
                process.stdout.close()
        self._processes, self._readers = [], []

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
    if nprocs < 1:
        raise ValueError(f"nprocs must be at least 1, got {nprocs}")
    if backend not in (None, "gloo", "nccl"):
        raise ValueError(f"backend must be 'gloo' or 'nccl', got {backend!r}")
    n_gpus = torch.cuda.device_count()
    if backend == "nccl" and nprocs > n_gpus:
        raise ValueError(f"NCCL needs a GPU per rank: {nprocs} ranks, {n_gpus} GPUs here")
    return backend or ("nccl" if n_gpus >= nprocs else "gloo")


def pickle_task(function: Callable[..., Any], args: Any, kwargs: Any) -> bytes:
    """Pickle by value what a new process could not import."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    by_value = module is not None and module.__name__ != "__main__" and not _importable(module)
    try:
        if by_value and module is not None:
            cloudpickle.register_pickle_by_value(module)
        return bytes(cloudpickle.dumps((function, args, kwargs)))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} or its arguments cannot be sent to the ranks: {error}") from error
    finally:
        if by_value and module is not None:
            cloudpickle.unregister_pickle_by_value(module)


def _importable(module: Any) -> bool:
    try:
        spec = find_spec(module.__name__)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin == getattr(module, "__file__", None)
