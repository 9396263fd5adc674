"""Start ranks from a notebook or a script, or join those that torchrun started."""

import os
from collections.abc import Callable
from typing import Any

import torch.distributed as dist

from course_lib.distributed.comm.collectives import DEFAULT_TIMEOUT, Comm
from course_lib.distributed.processes.ranks import (
    Ranks,
    check_collective_timeout,
    check_seconds,
    choose_backend,
    pickle_task,
)
from course_lib.distributed.processes.worker import start_process_group


def launch(
    function: Callable[..., Any],
    *args: Any,
    nprocs: int = 2,
    timeout: float | int = 300,
    backend: str | None = None,
    collective_timeout: float | int = DEFAULT_TIMEOUT,
    echo: bool = True,
    **kwargs: Any,
) -> list[Any]:
    """Run ``function(*args, **kwargs)`` on ``nprocs`` new ranks and return one value per rank.

    The function may be defined in a notebook cell. Inside, ``torch.distributed`` is initialised.
    When it returns or fails, no process is left.

    Args:
        function: what every rank runs.
        *args: its arguments.
        nprocs: number of ranks.
        timeout: seconds for the call, without start-up.
        backend: "gloo", "nccl", or None to choose.
        collective_timeout: seconds a rank waits for others in one operation.
        echo: print what the ranks print.
        **kwargs: its keyword arguments.

    Raises:
        ValueError: bad ``nprocs``, ``timeout`` or ``backend``.
        TypeError: the function cannot be pickled.
        RankFailure: names the first rank that failed, and its cause.
    """
    check_seconds("timeout", timeout)
    check_collective_timeout(collective_timeout)
    choose_backend(nprocs, backend)
    pickle_task(function, args, kwargs)  # before any process starts
    options: dict[str, Any] = {"backend": backend, "collective_timeout": collective_timeout}
    with Ranks(nprocs, echo=echo, **options) as ranks:
        return ranks.run(function, *args, timeout=timeout, **kwargs)


def init_from_env(
    backend: str | None = None, collective_timeout: float | int = DEFAULT_TIMEOUT
) -> Comm:
    """Join the ranks that torchrun (or :func:`launch`) started, and return their collectives.

    Without torchrun's environment variables there is one rank, and the same script still runs.

    Args:
        backend: "gloo", "nccl", or None for NCCL where there is a GPU.
        collective_timeout: seconds a rank waits for others in one operation.

    Raises:
        ValueError: some of torchrun's variables are missing or no numbers, the rank is not below
            the number of ranks, or the port is taken.
    """
    check_collective_timeout(collective_timeout)
    wanted = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in wanted if name not in os.environ]
    if len(missing) == len(wanted):
        return Comm(timeout=collective_timeout)
    if missing:
        raise ValueError(f"environment variables {missing} are missing; start with torchrun")
    rank, world_size = _number("RANK"), _number("WORLD_SIZE")
    if not rank < world_size:
        raise ValueError(f"RANK={rank} does not lie below WORLD_SIZE={world_size}")
    if not dist.is_initialized():
        os.environ.setdefault("LOCAL_RANK", "0")
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        start_process_group(choose_backend(local, backend), float(collective_timeout))
    return Comm(timeout=collective_timeout)


def _number(name: str) -> int:
    text = os.environ[name]
    if not text.isdecimal():
        raise ValueError(f"environment variable {name} must be a whole number, got {text!r}")
    return int(text)
