"""What the benchmarks share: peers in turn, CPU time, one table, one way to write a JSON file."""

import datetime
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

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


def processor() -> str:
    """The model of the processor, as the system names it, and what it can calculate with at once.

    Two machines of one name can differ in that: one has instructions for bfloat16, one has none.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # only Linux has it
        return platform.processor() or platform.machine()
    said = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    able = said.get("flags", said.get("Features", "")).split()
    widest = next((one for one in ("avx512f", "avx2", "sve", "asimd") if one in able), "no vectors")
    sixteen = [one for one in ("amx_bf16", "avx512_bf16", "avx_ne_convert", "bf16") if one in able]
    model = said.get("model name", platform.machine())
    return f"{model}, {widest}, {' and '.join(sixteen) or 'no bfloat16'}"


def store(content: dict[str, Any], file: Path) -> None:
    """Write a result, whole or not at all, with the day and the processor.

    They go into what it tells of its run, `about`, where there is one.
    """
    run = {"date": datetime.date.today().isoformat(), "processor": processor()}
    if "about" in content:
        content = {**content, "about": {**content["about"], **run}}
    else:
        content = {**run, **content}
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)


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
