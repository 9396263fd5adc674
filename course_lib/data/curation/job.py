"""One run of curation over many files: what is finished is kept, and the run can be taken up."""

import hashlib
import io
import json
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from tqdm import tqdm

from course_lib.checks import check_flags, check_mappings, whole_number
from course_lib.data.curation.page import Page
from course_lib.data.curation.pipeline import Funnel, Step, StepReport, curate, different_names
from course_lib.data.curation.sources import (
    as_paths,
    check_outside,
    count_others,
    find_files,
    read_pages,
)
from course_lib.files import read_json, replacing, sync_all, write_bytes, write_json, write_text
from course_lib.locks import locked

STATE, REPORT, PAGES = "state.npz", "report.json", "pages"
_SAVE_SECONDS = 30.0


@runtime_checkable
class Remembers(Protocol):
    """A filter whose answer depends on the pages before."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what it remembers, as arrays."""
        ...

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take it back."""
        ...


def curate_files(
    paths: Sequence[str | PathLike[str]],
    output: str | PathLike[str],
    steps: Sequence[Step],
    *,
    settings: dict[str, Any],
    seed: int = 0,
    examples: int = 5,
    progress: bool = False,
) -> Funnel:
    """Send the pages of files through filters and write what stays, file by file.

    For each input file ``output/pages`` gets one file of JSON lines, written whole or not at all.
    Now and then the state is saved: what the duplicate filters remember, the report so far, the
    draw of examples. A run that was killed goes on behind the last file before that, and ends as it
    would have ended; at most a fiftieth of its files or half a minute is done once more.

    Args:
        paths: Files and folders.
        output: A folder; made if it is not there.
        steps: The filters, in order.
        settings: What the filters were made from; a run is not taken up under other settings.
        seed: Draws the report's examples.
        examples: How many pages of each kind the report shows for each step.
        progress: Whether to show a bar over the files.

    Returns:
        The report; it is in ``output`` too, as ``report.json`` and ``report.md``.

    Raises:
        TypeError: If an argument is of a wrong type, or a setting is nothing that JSON can hold.
        ValueError: If two steps have one name, ``output`` is empty or lies in a folder that is
            read, or it holds a run over other files, over files that were changed since, or with
            other settings, or files of pages that no run wrote.
        FileNotFoundError: If a path does not exist.
        NotADirectoryError: If ``output`` is a file.
    """
    paths, steps = as_paths(paths), different_names(steps)
    seed, examples = whole_number(seed, "seed", 0), whole_number(examples, "examples", 0)
    [progress] = check_flags(progress=progress)
    check_mappings(settings=settings)
    try:
        settings = json.loads(json.dumps(settings))
    except (TypeError, ValueError) as error:
        raise TypeError(f"settings must be plain values that JSON can hold: {error}") from None
    if not isinstance(output, str | PathLike) or not os.fspath(output):
        raise ValueError(f"output must be the path of a folder, got {output!r:.60}")
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"output {folder} is a file; a folder is wanted")
    files = find_files(paths)
    check_outside(folder, [*paths, *files])  # a link can lead there, too
    plan = {
        "files": [[str(file), file.stat().st_size] for file in files],
        "steps": [step.name for step in steps],
        "settings": settings,
        "seed": seed,
        "examples": examples,
    }
    stamps = {"times of change of the files": [file.stat().st_mtime_ns for file in files]}
    (folder / PAGES).mkdir(parents=True, exist_ok=True)
    with locked(folder, timeout_seconds=1.0):
        before = list((folder / PAGES).glob("*.jsonl"))
        _check_ours(before)
        report = Funnel([StepReport(step.name) for step in steps], Counter(), examples)
        rng = np.random.default_rng(seed)
        done = 0
        if (folder / STATE).exists():
            report, done = _take_up(folder, plan | stamps, steps, rng)
        else:
            report.skipped.update(count_others(paths))
            for left in before:  # of a run whose state was removed
                left.unlink()
        bar = tqdm(total=len(files), initial=done, unit="file", disable=not progress)
        waiting: list[Path] = []  # written since the state was saved
        saved_at = time.monotonic()
        with bar:
            for index in range(done, len(files)):
                bar.set_postfix_str(files[index].name)
                pages = read_pages(files[index], report.skipped)
                waiting.append(folder / PAGES / f"{index:05d}.jsonl")
                with replacing(waiting[-1], durable=False) as part:
                    with open(part, "w", encoding="utf-8", errors="surrogatepass") as out:
                        for page in curate(pages, steps, report, rng):
                            out.write(as_line(page))
                # of a folder of small files, the state after each would be most of the work
                late = time.monotonic() - saved_at > _SAVE_SECONDS
                if late or len(waiting) > index // 50 or index + 1 == len(files):
                    sync_all(waiting)
                    _save(folder, plan | stamps, steps, report, rng, index + 1)
                    waiting, saved_at = [], time.monotonic()
                bar.update()
        # a name of a file, or a text, can hold what UTF-8 cannot
        write_json(folder / REPORT, {**plan, **report.to_dict()}, ensure_ascii=True)
        table = report.table() + "\n" + _skipped_list(report)
        write_text(folder / "report.md", table.encode("utf-8", "replace").decode())
    return report


def _check_ours(files: Sequence[Path]) -> None:
    """Refuse what somebody else put among the pages: it would be removed, or read as kept.

    Raises:
        ValueError: Such a file is there.
    """
    others = [file for file in files if re.fullmatch(r"\d{5,}", file.stem) is None]
    if others:
        raise ValueError(
            f"{min(others)} is not of a run of curation: choose another output, or move it away"
        )


def as_line(page: Page) -> str:
    """Write a page as one line of JSON, the form in which ``read_pages`` reads it back.

    Raises:
        ValueError: If ``about`` has a text or an address of its own: the page's would be lost.
    """
    own = {"text": page.text, "url": page.url}
    if own.keys() & page.about.keys():
        raise ValueError(f"about must not name text or url, got {list(page.about)}")
    content = {**own, **page.about}
    return json.dumps(content, ensure_ascii=True) + "\n"


def _skipped_list(report: Funnel) -> str:
    if not report.skipped:
        return ""
    rows = [f"- {cause}: {count:,}" for cause, count in report.skipped.most_common()]
    return "\nSkipped, because it could not be read:\n\n" + "\n".join(rows) + "\n"


def _digest(plan: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _save(
    folder: Path,
    plan: dict[str, Any],
    steps: Sequence[Step],
    report: Funnel,
    rng: np.random.Generator,
    done: int,
) -> None:
    head = {
        "plan": plan,
        "done": done,
        "report": report.to_dict(),
        "rng": rng.bit_generator.state,
    }
    arrays = {"head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)}
    for step in steps:
        if isinstance(step.run, Remembers):
            state = step.run.state_dict()
            arrays.update({f"{step.name}/{name}": array for name, array in state.items()})
    data = io.BytesIO()
    np.savez(data, **arrays)  # type: ignore[arg-type]
    body = data.getvalue()
    write_bytes(folder / STATE, hashlib.sha256(body).digest() + body)


def _take_up(
    folder: Path, plan: dict[str, Any], steps: Sequence[Step], rng: np.random.Generator
) -> tuple[Funnel, int]:
    path = folder / STATE
    data = path.read_bytes()
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        raise ValueError(f"{path} is damaged; remove it to start the run again")
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as arrays:
        head = json.loads(bytes(arrays["head"]))
        if head["plan"] != json.loads(json.dumps(plan)):
            for key, value in plan.items():
                before = head["plan"].get(key)
                if before != json.loads(json.dumps(value)):
                    both = key == "settings" and isinstance(before, dict)
                    names = [n for n in value if before.get(n) != value[n]] if both else []
                    raise ValueError(
                        f"{folder} holds a run with other {key}{': ' * bool(names)}"
                        f"{', '.join(names)}; "
                        f"choose another output, or remove {path} to start again"
                    )
        for step in steps:
            if isinstance(step.run, Remembers):
                prefix = f"{step.name}/"
                step.run.load_state_dict(
                    {
                        n.removeprefix(prefix): arrays[n]
                        for n in arrays.files
                        if n.startswith(prefix)
                    }
                )
    rng.bit_generator.state = head["rng"]
    return Funnel.from_dict(head["report"]), int(head["done"])


def read_report(output: str | PathLike[str]) -> Funnel:
    """Read the report of a finished run.

    Args:
        output: The run's folder.

    Returns:
        The report.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is not a report.
    """
    path = Path(output) / REPORT
    content = read_json(path)
    try:
        return Funnel.from_dict(content)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no report of a curation: {error}") from None
