"""Build the site: run the notebooks that changed, then Jupyter Book, then put the result in place.

The finished site takes the place of the old one at one moment, so an interrupted or failed build
leaves the last good site where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import nbformat
from tqdm import tqdm

from book._tools import api_pages, notebook_text, notebooks
from book._tools.paths import BUILD, HTML, ROOT, CommandError, alone, command, package_digest
from course_lib import files

SPHINX = BUILD / "sphinx"
NEEDED_BYTES = 500_000_000
# What the page "How good is it?" reads besides.
READ_BY_PAGES = (
    "README.md",
    "benchmarks/*.py",
    "benchmarks/results/*.json",
    "tests/parity/*.py",
    "tests/exercises/chapters/survivors.py",
)
# Sphinx holds every page as a tree whose nodes know each other. Looking through all of them for
# garbage after each 700 new nodes, as Python does, is a large part of its time.
JUPYTER_BOOK = """import gc
gc.set_threshold(50_000, 20, 50)
from jupyter_book.cli.main import main
main()
"""
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def site_digest() -> str:
    """One word for everything the site is made from."""
    state = hashlib.sha256(package_digest().encode())
    names = ("_config.yml", "_toc.yml", "CHANGELOG.md", "CONTRIBUTING.md")
    paths = [ROOT / name for name in names]
    paths += sorted(path for path in (ROOT / "book").rglob("*") if "__pycache__" not in path.parts)
    paths += sorted((ROOT / "notebooks").glob("*.ipynb"))
    paths += [path for name in READ_BY_PAGES for path in sorted(ROOT.glob(name))]
    for path in paths:
        if path.is_file():
            state.update(str(path.relative_to(ROOT)).encode())
            state.update(path.read_bytes())
    return state.hexdigest()


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


def sphinx(fresh: bool, silent: bool = False) -> None:
    """Run Jupyter Book with warnings as failures; its whole output goes to a log."""
    if fresh:
        shutil.rmtree(SPHINX, ignore_errors=True)
    log = BUILD / "sphinx.log"
    command_line = [
        *(sys.executable, "-c", JUPYTER_BOOK),
        *("build", ".", "--path-output", str(SPHINX), "-W", "-n", "--keep-going"),
    ]
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            command_line,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"},
        )
        assert process.stdout is not None
        try:
            total = 2 * len(re.findall(r"(?:file|root):", (ROOT / "_toc.yml").read_text("utf-8")))
            shown = {"desc": "read and written", "unit": "page", "dynamic_ncols": True}
            with tqdm(total=total, disable=silent, **shown) as bar:
                for coloured in process.stdout:  # Jupyter Book asks for colours, whatever we say
                    line = _COLOUR.sub("", coloured)
                    sink.write(line)
                    if line.startswith(("reading sources", "writing output")):
                        bar.set_postfix_str(line.split("]")[-1].strip()[:40], refresh=False)
                        bar.update()
        except KeyboardInterrupt:
            process.terminate()
            raise
        finally:
            process.wait()
    if process.returncode:
        lines = log.read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line]
        shown = "\n".join((found or lines)[-20:])
        raise CommandError(
            f"the site was not built; the last good one, if any, is kept. From {log}:\n{shown}"
        )


def publish(stamp: str) -> None:
    """Put the finished site in place of the old one, whole or not at all."""
    with files.replacing_folder(HTML) as new:
        shutil.copytree(SPHINX / "_build" / "html", new, dirs_exist_ok=True)
        (new / ".stamp").write_text(stamp, encoding="utf-8")


@dataclass(frozen=True)
class Run:
    """The notebooks of one build: outputs, costs, and the names of those that ran now."""

    executed: dict[str, nbformat.NotebookNode]
    costs: dict[str, notebooks.Cost]
    ran: list[str]


def run_notebooks() -> Run:
    """Write what follows from the texts and run the notebooks that changed."""
    if not (ROOT / "_toc.yml").exists():
        raise CommandError("there is no _toc.yml here; run it from a whole clone")
    api_pages.write()
    for path in notebook_text.generate():
        print(f"notebook follows its text: {path.name}")
    return Run(*notebooks.execute_all())


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
    # Sphinx does not see that outputs, the package or an extension changed, so it starts clean.
    sphinx(fresh=True, silent=silent)
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
