"""Build the site: run the notebooks that changed, then Jupyter Book, then put the result in place.

The finished site takes the place of the old one at one moment, so an interrupted or failed build
leaves the last good site where it was.
"""

from __future__ import annotations

import argparse
import shutil
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import nbformat

from book._tools import api_pages, notebook_text, notebooks, sphinx_run
from book._tools.paths import (
    HTML,
    ROOT,
    CommandError,
    alone,
    chapter_texts,
    command,
    package_digest,
)
from course_lib import files

NEEDED_BYTES = 500_000_000
# What the page "How good is it?" reads besides.
READ_BY_PAGES = (
    "README.md",
    "benchmarks/*.py",
    "benchmarks/results/*.json",
    "tests/parity/*.py",
    "tests/exercises/chapters/survivors.py",
)


def shared_digest() -> str:
    """One word for everything the site is made from, but for the chapters."""
    names = ("_config.yml", "_toc.yml", "CHANGELOG.md", "CONTRIBUTING.md")
    paths = [ROOT / name for name in names]
    chapters = set(chapter_texts())
    paths += sorted(
        path
        for path in (ROOT / "book").rglob("*")
        if "__pycache__" not in path.parts and path not in chapters
    )
    paths += [path for name in READ_BY_PAGES for path in sorted(ROOT.glob(name))]
    return sphinx_run.digest_of(paths, package_digest())


def site_digest() -> str:
    """One word for everything the site is made from."""
    chapters = [*chapter_texts(), *sorted((ROOT / "notebooks").glob("*.ipynb"))]
    return sphinx_run.digest_of(chapters, shared_digest())


def check_space() -> None:
    """Raise before work starts where it could not end.

    Raises:
        CommandError: too little space is left.
    """
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        raise CommandError(
            f"{ROOT} has {free / 1e6:.0f} MB free and the build needs "
            f"{NEEDED_BYTES / 1e6:.0f} MB. Free some space."
        )


def publish(stamp: str) -> None:
    """Put the finished site in place of the old one, whole or not at all."""
    with files.replacing_folder(HTML) as new:
        shutil.copytree(sphinx_run.SPHINX / "_build" / "html", new, dirs_exist_ok=True)
        (new / ".stamp").write_text(stamp, encoding="utf-8")


@dataclass(frozen=True)
class Run:
    """The notebooks of one build: outputs, costs, and the names of those that ran now."""

    executed: dict[str, nbformat.NotebookNode]
    costs: dict[str, notebooks.Cost]
    ran: list[str]


def run_notebooks(beside: Future[Any] | None = None) -> Run:
    """Write what follows from the texts and run the notebooks that changed.

    Args:
        beside: Other work under way; where it fails, the notebooks end.
    """
    if not (ROOT / "_toc.yml").exists():
        raise CommandError("there is no _toc.yml here; run it from a whole clone")
    api_pages.write()
    for path in notebook_text.generate():
        print(f"notebook follows its text: {path.name}")
    return Run(*notebooks.execute_all(beside=beside))


def make_site(run: Run, silent: bool = False) -> None:
    """Build the site of notebooks that have run, unless it stands there already."""
    stamp = site_digest()
    if (
        not run.ran
        and (HTML / ".stamp").exists()
        and (HTML / ".stamp").read_text(encoding="utf-8") == stamp
    ):
        print("Nothing changed since the last build.")
        return
    check_space()
    notebooks.fill_cache(run.executed, run.costs)
    sphinx_run.make_pages(sphinx_run.sources(shared_digest(), run.executed, run.costs), silent)
    publish(stamp)


def show_costs(run: Run) -> None:
    """Print the seconds and the memory of each notebook."""
    print(f"\n{'page':34} {'seconds':>8} {'peak MB':>8}  ran now")
    for name, cost in run.costs.items():
        now = "yes" if name in run.ran else "cached"
        print(f"{name:34} {cost.seconds:8.1f} {cost.peak_memory_bytes / 1e6:8.0f}  {now}")


def build() -> None:
    """The whole of `make book`; two at once follow each other."""
    with alone():
        start = time.monotonic()
        run = run_notebooks()
        make_site(run)
        show_costs(run)
        seconds = time.monotonic() - start
        print(f"\nThe site: {HTML / 'index.html'}  (in {seconds:.0f} s; make serve shows it)")


def main() -> int:
    """Command line entry."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    build()
    return 0


if __name__ == "__main__":
    command(main)
