"""What a launched rank runs: ``python -m course_lib.distributed.processes.worker``.

One socket to the parent carries the tasks, the results, and, by being open, the news that the
parent lives. When it closes, the rank ends at once: a killed notebook leaves nothing behind. The
long import of torch comes after that watch has begun.
"""

import faulthandler
import gc
import os
import queue
import signal
import sys
import threading
import time
import traceback
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from course_lib import processes


def listen(connection: Connection, tasks: "queue.SimpleQueue[bytes]") -> None:
    """Put every message into the queue; end this process and its children with the parent."""
    while True:
        try:
            tasks.put(connection.recv_bytes())
        except (EOFError, OSError):
            processes.end_group()


def start_process_group(backend: str, timeout: float) -> None:
    """Join the process group that the environment describes.

    Raises:
        ValueError: rank 0 is to listen on a port that another program listens on.
    """
    import torch
    import torch.distributed as dist

    if backend == "nccl":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        dist.init_process_group(backend, timeout=timedelta(seconds=timeout))
    except dist.DistNetworkError as error:
        if "EADDRINUSE" not in str(error):
            raise
        port = os.environ["MASTER_PORT"]
        raise ValueError(
            f"MASTER_PORT {port} is taken: another program listens there. Choose another port "
            "(torchrun --master-port), or let torchrun choose (--standalone)"
        ) from error


def is_consequence(error: BaseException) -> bool:
    """Tell whether an error looks like the echo of another rank's failure."""
    import torch.distributed as dist

    from course_lib.distributed.comm.errors import CollectiveError, RankMismatch

    if isinstance(error, RankMismatch):
        return False
    if isinstance(error, (CollectiveError, dist.DistError)):
        return True
    text = processes.describe(error)
    return isinstance(error, RuntimeError) and ("gloo" in text or "NCCL" in text)


def run_task(task: bytes, rank: int) -> tuple[Any, ...]:
    """Run one pickled ``(function, args, kwargs)`` and describe how it ended."""
    import cloudpickle

    try:
        function, args, kwargs = cloudpickle.loads(task)
        return ("value", function(*args, **kwargs))
    except BaseException as error:  # reported to the parent, which raises it
        lines = traceback.format_exception(error)
        cause = processes.describe(error)
        return ("error", cause, "".join(lines), is_consequence(error), time.monotonic())


def main() -> None:
    """Serve tasks from the parent until it closes the connection."""
    import cloudpickle

    os.set_inheritable(int(sys.argv[1]), False)  # not for what the function starts
    connection = Connection(int(sys.argv[1]))
    rank, tasks = int(os.environ["RANK"]), queue.SimpleQueue[bytes]()
    threading.Thread(target=listen, args=(connection, tasks), daemon=True).start()
    processes.end_with_parent()
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    gc.disable()  # a tenth of the import of torch is looking for garbage where there is none
    try:
        start_process_group(os.environ["COURSE_BACKEND"], float(os.environ["COURSE_TIMEOUT"]))
        first: tuple[Any, ...] = ("value", None)
    except BaseException as error:  # reported to the parent, which raises it
        cause = processes.describe(error)
        first = ("error", cause, traceback.format_exc(), False, time.monotonic())
    gc.freeze()
    gc.enable()
    connection.send_bytes(cloudpickle.dumps(first))
    while True:
        outcome = run_task(tasks.get(), rank)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            message = cloudpickle.dumps(outcome)
        except Exception as error:
            why = processes.describe(error)
            cause = f"TypeError: the value of rank {rank} cannot be pickled: {why}"
            message = cloudpickle.dumps(("error", cause, "", False, time.monotonic()))
        connection.send_bytes(message)


if __name__ == "__main__":
    main()
