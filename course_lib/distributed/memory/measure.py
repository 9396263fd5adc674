"""Measure what accounting.py predicts: state bytes, peaks, bytes on the wire."""

import gc
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.distributed.torch_private import storage_key


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the memory behind tensors; storage that several share counts once."""
    storages = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        storages[storage_key(tensor)] = storage.nbytes()
    return sum(storages.values())


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the state tensors that grow with the model (step counters do not)."""
    return [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor) and value.dim() > 0
    ]


def peak_bytes(function: Callable[[], Any]) -> int:
    """Return how far the memory of tensors rises above its start while ``function`` runs.

    On a GPU it asks the allocator, on a CPU the profiler, which sees every allocation.
    """
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    return max([0, *memory_levels({"": function})[""]])


def memory_levels(phases: Mapping[str, Callable[[], Any]]) -> dict[str, list[int]]:
    """Return how far CPU tensors' memory is above its start, after each allocation and release.

    The profiler sees every one of them, those inside of torch's own kernels too; but it does not
    see the release of what was there before the first phase.

    Args:
        phases: name -> what to run, in this order.

    Returns:
        Name -> bytes, one number for each allocation or release of the phase.
    """
    with torch.profiler.profile(profile_memory=True, acc_events=True) as profile:
        for number, function in enumerate(phases.values()):
            with torch.profiler.record_function(f"phase {number}"):
                function()
    events = sorted(profile.profiler.kineto_results.events(), key=lambda e: e.start_ns())
    starts = {e.name(): e.start_ns() for e in events if e.name().startswith("phase ")}
    levels: dict[str, list[int]] = {name: [] for name in phases}
    level = 0
    for event in events:
        if event.name() == "[memory]":
            level += event.nbytes()
            number = sum(start <= event.start_ns() for start in starts.values()) - 1
            levels[list(phases)[max(number, 0)]].append(level)
    return levels


def wire_bytes(interface: str = "lo") -> int:
    """Return the bytes an interface has sent since it came up, headers included (Linux).

    Other programs use the loopback interface too: count inside a network namespace of one's own.

    Raises:
        ValueError: there is no such interface.
    """
    for line in Path("/proc/self/net/dev").read_text(encoding="utf-8").splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == interface:
            return int(numbers.split()[8])
    raise ValueError(f"no network interface {interface!r} here")
