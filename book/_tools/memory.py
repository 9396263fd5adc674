"""How much memory a notebook's processes hold while it runs."""

from __future__ import annotations

import threading

import psutil
from nbclient import NotebookClient


def kernel_processes(client: NotebookClient) -> list[psutil.Process]:
    """The kernel of a notebook and its children; none before it starts and after it ends."""
    try:
        pid = client.km.provisioner.pid
        if pid is None:  # which would stand for this process
            return []
        kernel = psutil.Process(pid)
        return [kernel, *kernel.children(recursive=True)]
    except (AttributeError, psutil.Error):
        return []


def resident_bytes(processes: list[psutil.Process], seen: set[int]) -> int:
    """Add up what processes hold.

    Until a new child runs a program of its own it is its parent once more and shares all its
    memory, so one that looks like its parent is counted from the second look on.

    Args:
        processes: A process and its children.
        seen: Those of the last look; this one takes its place.
    """
    total, commands, now = 0, {}, set()
    for process in processes:
        try:
            with process.oneshot():
                commands[process.pid] = process.cmdline()
                held, parent = process.memory_info().rss, process.ppid()
        except psutil.Error:
            continue
        now.add(process.pid)
        twin = commands[process.pid] == commands.get(parent)
        total += 0 if twin and process.pid not in seen else held
    seen.clear()
    seen |= now
    return total


class PeakMemory(threading.Thread):
    """Samples the resident size of a kernel and its children."""

    def __init__(self, client: NotebookClient) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.peak = 0
        self.done = threading.Event()

    def run(self) -> None:
        seen: set[int] = set()
        while not self.done.wait(0.1):
            self.peak = max(self.peak, resident_bytes(kernel_processes(self.client), seen))
