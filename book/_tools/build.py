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
from pathlib import Path

from tqdm import tqdm

from book._tools import api_pages, notebooks
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


def sphinx(fresh: bool) -> None:
    """Run Jupyter Book with warnings as failures; its whole output goes to a log."""
    if fresh:
        shutil.rmtree(SPHINX, ignore_errors=True)
    log = BUILD / "sphinx.log"
    # Jupyter Book takes its own command from the environment it runs in.
    command_line = [
        str(Path(sys.executable).with_name("jupyter-book")),
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
            with tqdm(total=total, desc="read and written", unit="page", dynamic_ncols=True) as bar:
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


def build() -> None:
    """The whole of `make book`; two at once follow each other."""
    with alone():
        _build()


def _build() -> None:
    start = time.monotonic()
    if not (ROOT / "_toc.yml").exists():
        raise CommandError("there is no _toc.yml here; run it from a whole clone")
    api_pages.write()
    for path in notebooks.generate():
        print(f"notebook follows its text: {path.name}")
    executed, costs, ran = notebooks.execute_all()
    stamp = site_digest()
    if (
        not ran
        and (HTML / ".stamp").exists()
        and (HTML / ".stamp").read_text(encoding="utf-8") == stamp
    ):
        print("Nothing changed since the last build.")
    else:
        check_space()
        notebooks.fill_cache(executed, costs)
        # Sphinx does not see that outputs, the package or an extension changed, so it starts clean.
        sphinx(fresh=True)
        publish(stamp)
    print(f"\n{'page':34} {'seconds':>8} {'peak MB':>8}  ran now")
    for name, cost in costs.items():
        now = "yes" if name in ran else "cached"
        print(f"{name:34} {cost.seconds:8.1f} {cost.peak_memory_bytes / 1e6:8.0f}  {now}")
    seconds = time.monotonic() - start
    print(f"\nThe site: {HTML / 'index.html'}  (in {seconds:.0f} s; make serve shows it)")


def main() -> int:
    """Command line entry."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    build()
    return 0


if __name__ == "__main__":
    command(main)
