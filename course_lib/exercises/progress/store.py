"""Keep progress in a file beside the notebooks, and carry it to the static page and back.

The format is documented in `records`. The file is `.course/progress.json` in the working folder,
or the path in the environment variable `COURSE_PROGRESS`.

Chapter: 01_relevance
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib.exercises.progress.records import (
    Record,
    Records,
    check_records,
    from_text,
    merge,
    new_record,
    to_text,
)
from course_lib.exercises.result import Result
from course_lib.extras import needs

VARIABLE = "COURSE_PROGRESS"
LOCK_SECONDS = 5.0


def progress_path() -> Path:
    """Give the path of the progress file."""
    return Path(os.environ.get(VARIABLE) or Path(".course") / "progress.json")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with needs("processes", "a file that several notebooks write"):
        from filelock import FileLock  # a page has none, and keeps its progress itself

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
        yield


def read(path: Path | None = None) -> Records:
    """Read the records; an unreadable file is set aside as `.bad` with one warning."""
    path = path or progress_path()
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        _warn(f"The progress file {path} cannot be read: {error}")
        return {}
    try:
        store = json.loads(data.decode("utf-8"))
        if not isinstance(store, dict) or store.get("schema") != 1:
            raise ValueError("it has no schema 1")
        return check_records(store.get("records"))
    except (ValueError, RecursionError) as error:
        _warn(f"The progress file could not be read ({error}). {_set_aside(path)}")
        return {}


def _set_aside(path: Path) -> str:
    """Rename a damaged file; one that was set aside before is never written over."""
    names = (path.with_name(f"{path.name}.bad{number or ''}") for number in range(1000))
    bad = next((name for name in names if not name.exists()), path.with_name(f"{path.name}.bad"))
    try:
        os.replace(path, bad)
    except OSError as error:
        return f"It cannot be set aside either: {error}"
    return f"It is kept as {bad}; a clean one begins."


def _warn(text: str) -> None:
    """Warn, and print instead where warnings are errors: progress must not stop a check."""
    try:
        warnings.warn(text, stacklevel=4)
    except Warning:
        print(text, file=sys.stderr)


def _write(path: Path, records: Records) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(
            json.dumps({"schema": 1, "records": records}, indent=1), encoding="utf-8"
        )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def update(change: Callable[[Records], Records]) -> Records:
    """Change the records under the lock, and write them in one step."""
    path = progress_path()
    with _locked(path):
        records = change(read(path))
        _write(path, records)
    return records


def _now() -> int:
    return int(time.time())


def _change_one(name: str, version: int, change: Callable[[Record], None]) -> None:
    def apply(records: Records) -> Records:
        record = records.get(name)
        if record is None or record["v"] < version:
            record = new_record(version, _now())
        change(record)
        record["updated"] = _now()
        return {**records, name: record}

    try:
        update(apply)
    except (OSError, ImportError) as error:
        _warn(f"Progress is not kept: {error}")


def record_result(name: str, version: int, result: Result) -> None:
    """Count one judged answer; what could not be judged leaves the record unchanged."""
    if result.status in ("not_attempted", "invalid", "checker_fault"):
        return

    def change(record: Record) -> None:
        if record["attempts"] == 0:
            record["first_ok"] = bool(result)
        record["attempts"] += 1
        if record["status"] != "correct":
            record["status"] = "correct" if result else "incorrect"

    _change_one(name, version, change)


def record_hint(name: str, version: int, number: int) -> None:
    """Note how many hints were seen."""
    _change_one(name, version, lambda record: record.update(hints=max(record["hints"], number)))


def record_reveal(name: str, version: int) -> None:
    """Note that the solution was shown before a correct answer."""
    _change_one(name, version, lambda record: record.update(revealed=True))


def status_of(name: str, version: int) -> tuple[str, bool]:
    """Give the kept status of an exercise, and whether it was solved in an older version."""
    record = read().get(name)
    if record is None:
        return "not_attempted", False
    if record["v"] < version:
        return "not_attempted", record["status"] == "correct"
    return record["status"], False


def export() -> str:
    """Give all progress as a short text for the page's "bring my progress" box."""
    return to_text(read())


def import_(text: str) -> int:
    """Bring progress from a text that a page or another machine exported.

    Nothing is lost: records are merged, and a correct answer stays correct.

    Args:
        text: What `export()` or the page gave.

    Returns:
        How many records the text held.

    Raises:
        TypeError: If it is not text.
        ValueError: If it is damaged or not of the documented form; nothing is changed then.
    """
    records = from_text(text)
    update(lambda kept: merge(kept, records))
    return len(records)


def clear() -> None:
    """Forget all progress kept on this machine."""
    update(lambda kept: {})


class Progress:
    """The state of every exercise, as a table in a notebook and plain text elsewhere."""

    def __init__(self) -> None:
        from course_lib.exercises.catalog import all_specs

        kept = read()
        self.rows: list[tuple[str, str, str, int, int]] = []
        for spec in all_specs():
            record = kept.get(spec.id) or new_record(spec.version, 0)
            words = {"correct": "solved", "incorrect": "tried", "not_attempted": "open"}
            state = words[record["status"]]
            if record["v"] < spec.version:
                state = "changed since you solved it" if state == "solved" else "open"
            if record["revealed"]:
                state += ", solution seen"
            self.rows.append((spec.id, spec.title, state, record["attempts"], record["hints"]))

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(row[2].startswith("solved") for row in self.rows)

    def __repr__(self) -> str:
        """Show the table as plain text."""
        width = max((len(row[1]) for row in self.rows), default=5)
        lines = [f"{self.solved} of {len(self.rows)} exercises solved."]
        lines += [f"{row[0]:6} {row[1]:{width}}  {row[2]} (tries {row[3]})" for row in self.rows]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        head = f"{self.solved} of {len(self.rows)} exercises solved.\n\n"
        head += "| exercise | title | state | tries | hints |\n|---|---|---|---|---|\n"
        return head + "\n".join("| " + " | ".join(map(str, row)) + " |" for row in self.rows)


def progress() -> Progress:
    """Show what is solved, tried and open."""
    return Progress()
