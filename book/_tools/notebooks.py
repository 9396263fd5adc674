"""Notebook to outputs, with a cache and a measured cost.

`notebook_text` writes the notebooks from their texts. `execute` runs one in a fresh kernel,
measures its seconds and peak memory and keeps the result under `_build/executed`, keyed on the
cells, on `course_lib`, on the lock and on Python. `refresh` puts the text outputs of that run into
the committed notebook.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import hashlib
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from book._tools.memory import PeakMemory, kernel_processes
from book._tools.notebook_text import count_runs, dumps, from_text, generate, notebook_path
from book._tools.paths import (
    BUILD,
    COSTS,
    EXECUTED,
    NOTEBOOKS,
    CommandError,
    alone,
    chapter_texts,
    command,
    package_digests,
    write_atomic,
)
from course_lib import files

NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
TEXT_TYPES = ("text/plain", "text/markdown", "text/latex")
CELL_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Cost:
    """What one notebook took, measured in its own fresh kernel."""

    seconds: float
    peak_memory_bytes: int
    key: str


def key_of(notebook: nbformat.NotebookNode, package: str) -> str:
    """What the outputs of a notebook depend on, as one word."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join([package, *cells]).encode()).hexdigest()


def _failure(name: str, error: Exception) -> CommandError:
    if isinstance(error, CellExecutionError):
        trace = "\n".join(str(error).splitlines()[-25:])
        return CommandError(f"{name} has a cell that raised. Mend it and run again:\n{trace}")
    if isinstance(error, CellTimeoutError):
        return CommandError(f"{name} has a cell that took over {CELL_TIMEOUT_SECONDS} s: {error}")
    return CommandError(
        f"the kernel of {name} died ({error}). The usual cause is too little memory: a notebook "
        f"needs up to 1.5 GB; {psutil.virtual_memory().available / 1e9:.1f} GB are available now."
    )


def execute(
    text: Path, package: str, running: list[NotebookClient]
) -> tuple[nbformat.NotebookNode, Cost, bool]:
    """Run a chapter, or take its cached run; return outputs, cost and whether it ran now.

    Args:
        text: The chapter.
        package: Digest of the lock and of the package, as far as the chapter depends on it.
        running: Gets the notebook's client for as long as it runs.

    Raises:
        CommandError: a cell raised, took too long, or the kernel died; nothing is cached then.
    """
    target = EXECUTED / f"{text.stem}.ipynb"
    notebook = from_text(text)
    key = key_of(notebook, package)
    cached = _cached(target, key)
    if cached is not None:
        return *cached, False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_SECONDS,
        kernel_name="python3",
        store_widget_state=True,
        record_timing=False,  # times in the cells would hide the run from the book's cache
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    watch = PeakMemory(client)
    watch.start()
    running.append(client)
    start = time.monotonic()
    try:
        # Threads that spin while they wait make a busy machine ten times slower.
        calm = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "OMP_NUM_THREADS": "1"}
        calm["KINETO_LOG_LEVEL"] = "99"  # torch's profiler writes to the terminal otherwise
        asyncio.run(client.async_execute(env={**calm, "PYTHONHASHSEED": "0"}))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise _failure(text.stem, error) from error
    finally:
        running.remove(client)
        watch.done.set()
        # nbclient would clean up once more at exit, and fail on a kernel that had just begun.
        atexit.unregister(client._cleanup_kernel)
    cost = Cost(round(time.monotonic() - start, 1), watch.peak, key)
    written = nbformat.writes(notebook, 4)
    write_atomic(target, written)
    digest = hashlib.sha256(written.encode()).hexdigest()
    write_atomic(target.with_suffix(".json"), json.dumps({"notebook": digest, **asdict(cost)}))
    return notebook, cost, True


def _cached(target: Path, key: str) -> tuple[nbformat.NotebookNode, Cost] | None:
    """An earlier run of the same inputs; None where there is none, or its files are damaged."""
    try:
        record = files.read_json(target.with_suffix(".json"))
        digest = record.pop("notebook")
        cost = Cost(**record)
        text = files.read_text(target)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if cost.key != key or hashlib.sha256(text.encode()).hexdigest() != digest:
        return None
    return nbformat.reads(text, 4), cost


@contextmanager
def _interrupts_wait() -> Iterator[list[int]]:
    """Let Ctrl-C wait, and give the list of those that came.

    One that comes while a thread starts leaves a thread that no pool knows, and a second one while
    the first leaves a wait finds a lock half taken.
    """
    came: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number)) if here else None
    try:
        yield came
    finally:
        if here:
            signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def _end(pool: ThreadPoolExecutor, jobs: list[Future], running: list[NotebookClient]) -> None:
    """Leave a pool; what still runs in it is ended, also a notebook that has no process yet."""
    pool.shutdown(wait=False, cancel_futures=True)
    while not all(job.done() for job in jobs):
        for process in [found for client in running for found in kernel_processes(client)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.1)
    pool.shutdown()


def execute_all(
    texts: list[Path] | None = None, beside: Future[Any] | None = None
) -> tuple[dict[str, nbformat.NotebookNode], dict[str, Cost], list[str]]:
    """Run every chapter whose inputs changed, with a progress bar, and record all costs.

    Two run side by side where there are two cores, each with one thread: that is faster than one
    after the other with all threads, and the cost is that of a one-core machine. More would be
    slower in a container, which may see more cores than it is given.
    The first failure ends those that still run; what had finished is kept.

    Args:
        texts: The chapters; all without it.
        beside: Other work under way; its failure ends the notebooks, too, and is raised.
    """
    texts = chapter_texts() if texts is None else texts
    running: list[NotebookClient] = []
    results: dict[str, tuple[nbformat.NotebookNode, Cost, bool]] = {}
    workers = min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    keys = package_digests(text.stem[:2] for text in texts)
    pool = ThreadPoolExecutor(workers)
    bar = tqdm(total=len(texts), desc="notebooks", unit="page", dynamic_ncols=True)
    jobs: dict[Future, str] = {}
    with _interrupts_wait() as interrupts:
        try:
            for text in texts:
                jobs[pool.submit(execute, text, keys[text.stem[:2]], running)] = text.stem
            waiting = set(jobs)
            while waiting and not interrupts:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                if beside is not None and beside.done():
                    beside.result()
                for job in done:
                    results[jobs[job]] = job.result()
                    bar.set_postfix_str(jobs[job], refresh=False)
                    bar.update()
        finally:
            _end(pool, list(jobs), running)
            bar.close()
    notebooks = {text.stem: results[text.stem][0] for text in texts}
    costs = {text.stem: results[text.stem][1] for text in texts}
    ran = [text.stem for text in texts if results[text.stem][2]]
    _record(costs)
    return notebooks, costs, ran


def _record(costs: dict[str, Cost]) -> None:
    """Put the costs of these chapters into the file of all; a read-only one that is right stays."""
    try:
        before = files.read_json(COSTS)
    except (OSError, ValueError):
        before = {}
    known = {text.stem for text in chapter_texts()}
    now = {**before, **{name: asdict(cost) for name, cost in costs.items()}}
    now = {name: now[name] for name in sorted(now) if name in known}
    if now != before:
        write_atomic(COSTS, json.dumps(now, indent=1))


def normalised(outputs: list, tags: set[str]) -> list:
    """The outputs worth committing: text of deterministic cells; no image, HTML or widget."""
    if tags & NOT_COMPARED:
        return []
    kept = []
    for output in outputs:
        output = nbformat.from_dict(dict(output))
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":  # a kernel sends a text in any parts
                kept[-1].text += output.text
                continue
        if output.output_type in ("display_data", "execute_result"):
            output.data = {kind: output.data[kind] for kind in TEXT_TYPES if kind in output.data}
            output.metadata = {}
            if output.output_type == "execute_result":
                output.execution_count = None
            if not output.data:
                continue
        kept.append(output)
    return kept


def drift(committed: nbformat.NotebookNode, executed: nbformat.NotebookNode) -> list[str]:
    """Where the outputs of a committed notebook are not those of a run: the cells, with both."""
    found = []
    for number, (cell, run) in enumerate(zip(committed.cells, executed.cells, strict=True)):
        if cell.cell_type != "code":
            continue
        tags = set(cell.metadata.get("tags", []))
        was, now = normalised(cell.outputs, tags), normalised(run.outputs, tags)
        if was != now:
            found.append(f"cell {number}: committed {was}, now {now}")
    return found


def refresh(names: list[str]) -> list[Path]:
    """Generate, execute, and put the text outputs into the committed notebooks.

    Args:
        names: Chapters to run, such as "06" or "06_attention"; all when empty.

    Raises:
        CommandError: there is no such chapter.
    """
    known = {text.stem: text for text in chapter_texts()}
    if wrong := sorted(set(names) - {*known, *(stem[:2] for stem in known)}):
        raise CommandError(f"no chapter {', '.join(wrong)}; there are: {', '.join(known)}")
    texts = [text for stem, text in known.items() if not names or {stem, stem[:2]} & set(names)]
    generate()
    executed, costs, _ = execute_all(texts)
    if names:
        for name, cost in costs.items():
            print(f"{name}: {cost.seconds} s, {cost.peak_memory_bytes / 1e9:.2f} GB")
    changed = []
    for text in texts:
        notebook, target = from_text(text), notebook_path(text)
        for cell, run in zip(notebook.cells, executed[text.stem].cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs = normalised(run.outputs, set(cell.metadata.get("tags", [])))
        count_runs(notebook)
        if target.read_text(encoding="utf-8") != dumps(notebook):
            write_atomic(target, dumps(notebook))
            changed.append(target)
    return changed


def fill_cache(executed: dict[str, nbformat.NotebookNode], costs: dict[str, Cost]) -> None:
    """Hand the executed notebooks to the book's execution cache, so that it runs none again.

    The cache itself is keyed on the cells alone, so it is made anew from ours each time.
    """
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    where = BUILD / ".jupyter_cache"
    shutil.rmtree(where, ignore_errors=True)
    cache = get_cache(str(where))
    for name, notebook in executed.items():
        took = {"execution_seconds": costs[name].seconds}
        bundle = CacheBundleIn(notebook, str(NOTEBOOKS / f"{name}.ipynb"), data=took)
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        cache.match_cache_notebook(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4))  # or KeyError


def main() -> int:
    """Command line: generate, check, refresh."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["generate", "check", "refresh"])
    parser.add_argument("chapters", nargs="*", help="refresh: only these, such as 06_attention")
    arguments = parser.parse_args()
    what = arguments.what
    if what == "refresh":
        with alone():
            for path in refresh(arguments.chapters):
                print(f"wrote {path.name}")
        return 0
    if arguments.chapters:
        parser.error(f"{what} takes no chapter: it runs nothing and looks at all")
    changed = generate(check=what == "check")
    for path in changed:
        print(f"{'differs from its text' if what == 'check' else 'wrote'}: {path.name}")
    return 1 if changed and what == "check" else 0


if __name__ == "__main__":
    command(main)
