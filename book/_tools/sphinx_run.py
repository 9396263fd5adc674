"""Sphinx over all pages, on some processors; after an edit of a chapter over that chapter alone.

What was read and written is kept, with one word for everything that pages share and one for each
chapter. If the shared word changes, all is made from nothing. If only chapters change,
`book/_ext/reading.py` says which pages besides them are read and written again. What is made from
pages (the search index, figures in a list, the theme's rules that any page needs) is made from the
new pages and from what was kept of the others.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
from tqdm import tqdm

from book._tools.paths import BUILD, NOTEBOOKS, ROOT, CommandError, write_atomic
from course_lib import processes

SPHINX = BUILD / "sphinx"
# Sphinx holds every page as a tree whose nodes know each other. Looking through all of them for
# garbage after each 700 new nodes, as Python does, is a large part of its time. Jupyter Book has no
# option for several processes, but its function has.
JUPYTER_BOOK = """import functools, gc, os, sys
os.chdir(sys.argv.pop(1))
gc.set_threshold(50_000, 20, 50)
import jupyter_book.sphinx as book
jobs = min(os.cpu_count() or 1, 4)
book.build_sphinx = functools.partial(book.build_sphinx, jobs=jobs)
from jupyter_book.cli.main import main
main()
"""
# Names of chapters that changed, for book/_ext/reading.py.
CHANGED = "COURSE_CHANGED_CHAPTERS"
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_STEP = re.compile(
    r"(?P<phase>reading sources|writing output)\.\.\. *\[ *(?P<percent>\d+)%\] (?P<page>.*)"
)


@dataclass(frozen=True)
class Sources:
    """One word for what all pages share, and one for each chapter with its outputs."""

    shared: str
    chapters: dict[str, str]

    def changed_since(self, before: Sources | None) -> list[str] | None:
        """The chapters to read again; None where everything has to be read."""
        if before is None or before.shared != self.shared:
            return None
        if before.chapters.keys() != self.chapters.keys():
            return None
        return [name for name, word in self.chapters.items() if before.chapters[name] != word]


def digest_of(paths: Iterable[Path], *more: str) -> str:
    """One word for names and bytes of files; what is no file is left out."""
    state = hashlib.sha256("\0".join(more).encode())
    for path in paths:
        if path.is_file():
            state.update(str(path.relative_to(ROOT)).encode())
            state.update(path.read_bytes())
    return state.hexdigest()


def sources(
    shared: str, executed: dict[str, nbformat.NotebookNode], costs: Mapping[str, Any]
) -> Sources:
    """What the pages are made from now.

    Args:
        shared: One word for everything but the chapters.
        executed: Each notebook with its outputs. Its title is shared: every page lists it.
        costs: What each run took, which its page says.
    """
    titles, chapters = [], {}
    for name, notebook in executed.items():
        markdown = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        heads = [line for text in markdown for line in text.splitlines() if line.startswith("# ")]
        titles.append("\n".join([name, *heads]))
        words = (nbformat.writes(notebook), str(costs.get(name)))
        chapters[name] = digest_of([NOTEBOOKS / f"{name}.ipynb"], *words)
    return Sources(hashlib.sha256("\0".join([shared, *titles]).encode()).hexdigest(), chapters)


def already_read() -> Sources | None:
    """What the last whole run of Sphinx had read; None where there was none."""
    try:
        return Sources(**json.loads((SPHINX / "sources.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # half written, or of another version
        return None


def clear_output(folder: Path) -> None:
    """Remove what was rewritten after the pages were: they name each file with a sum of its bytes.

    What pages load later stays, and so do their cards: they follow from the pages. So do pictures
    of outputs, for a page whose picture is gone is read again.
    """
    for path in (folder / "html" / "_static").glob("*"):
        if path.is_dir():
            if path.name not in ("later", "cards"):
                shutil.rmtree(path)
        else:
            path.unlink()


def make_pages(now: Sources, silent: bool = False) -> None:
    """Run Sphinx; a run that fails or is interrupted leaves nothing that the next one builds on."""
    changed = now.changed_since(already_read())
    (SPHINX / "sources.json").unlink(missing_ok=True)
    if changed is None:
        shutil.rmtree(SPHINX, ignore_errors=True)
    else:
        clear_output(SPHINX / "_build")
    run(changed or [], silent)
    write_atomic(SPHINX / "sources.json", json.dumps(asdict(now)))


def run(changed: list[str], silent: bool = False) -> None:
    """Run Jupyter Book with warnings as failures; its whole output goes to a log.

    Args:
        changed: Chapters to read again where others were read before.
        silent: Without a line of progress.

    Raises:
        CommandError: it failed; says what the log says of it.
    """
    log = BUILD / "sphinx.log"
    command_line = [
        *(sys.executable, "-c", JUPYTER_BOOK, str(ROOT)),
        *("build", ".", "--path-output", str(SPHINX), "-W", "-n", "--keep-going"),
    ]
    environment = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"}
    with log.open("w", encoding="utf-8") as sink:
        sphinx = processes.Child(
            command_line,
            stderr=subprocess.STDOUT,
            environment={**os.environ, **environment, CHANGED: " ".join(changed)},
        )
        assert sphinx.process.stdout is not None
        try:
            with tqdm(total=200, disable=silent, desc="read and written", unit="%") as bar:
                for coloured in io.TextIOWrapper(sphinx.process.stdout, encoding="utf-8"):
                    line = _COLOUR.sub("", coloured)  # Jupyter Book asks for colours regardless
                    sink.write(line)
                    if step := _STEP.match(line):
                        bar.set_postfix_str(step["page"][:40], refresh=False)
                        before = 100 if step["phase"] == "writing output" else 0
                        bar.update(before + int(step["percent"]) - bar.n)
            code = sphinx.process.wait()
        finally:
            sphinx.kill()  # of one that was interrupted, too, nothing is left
    if code:
        lines = log.read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line]
        last = "\n".join((found or lines)[-20:])
        raise CommandError(
            f"the site was not built; the last good one, if any, is kept. From {log}:\n{last}"
        )
