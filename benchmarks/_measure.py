"""What the benchmarks share: peers in turn, CPU time, one table, one way to write a JSON file."""

import datetime
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

sys.path.insert(0, str(Path(__file__).parents[1]))
from book._tools.paths import write_atomic
from book._tools.records import processor

RESULTS = Path(__file__).parent / "results"


def interleaved(peers: dict[str, Callable[[], object]], rounds: int = 7) -> dict[str, list[float]]:
    """CPU seconds of each peer and round; they take turns, so that load from outside hits all.

    The order alternates, so that none always runs on the cache its neighbour left.
    """
    for work in peers.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        order = list(peers) if number % 2 == 0 else list(reversed(peers))
        for name in order:
            gc.collect()
            start = time.process_time()
            peers[name]()
            times[name].append(time.process_time() - start)
    return times


def rows_against(times: dict[str, list[float]], ours: str, what: str) -> list[dict[str, Any]]:
    """One row for each peer: best and median seconds, and how many times our speed is theirs."""
    best, median = min(times[ours]), statistics.median(times[ours])
    return [
        {
            "what": what,
            "peer": name,
            "best (s)": min(seconds),
            "median (s)": statistics.median(seconds),
            "our speed / theirs (best)": min(seconds) / best,
            "our speed / theirs (median)": statistics.median(seconds) / median,
        }
        for name, seconds in times.items()
    ]


def store(content: dict[str, Any], file: Path) -> None:
    """Write a result, whole or not at all, with the day and the processor.

    They go into what it tells of its run, `about`, where there is one. What cannot be written is
    printed: hours of measuring must not go with a full disk.

    Raises:
        OSError: The file cannot be written.
    """
    run = {"date": datetime.date.today().isoformat(), "processor": processor()}
    if "about" in content:
        content = {**content, "about": {**content["about"], **run}}
    else:
        content = {**run, **content}
    try:
        write_atomic(file, json.dumps(content, indent=1) + "\n")
    except OSError:
        print(json.dumps(content), flush=True)
        raise


def report(
    name: str, rows: list[dict[str, Any]], about: dict[str, Any], *, keep: bool = True
) -> None:
    """Print the rows as a table and keep them as JSON, where they are whole."""
    columns = list(rows[0])
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    widths = [max(len(r[i]) for r in [columns, *cells]) for i in range(len(columns))]
    for line in [columns, *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    if keep:
        store({"about": about, "rows": rows}, RESULTS / f"{name}.json")
