"""Build the site: run the notebooks that changed, then Jupyter Book, then put the result in place.

The finished site replaces the old one in one rename, so an interrupted or failed build leaves the
last good site where it was.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tqdm import tqdm

from book._tools import api_pages, notebooks
from book._tools.paths import BUILD, HTML, ROOT, CommandError, command, package_digest, write_atomic

SPHINX = BUILD / "sphinx"


def site_digest() -> str:
    """One word for everything the site is made from."""
    state = hashlib.sha256(package_digest().encode())
    names = ("_config.yml", "_toc.yml", "CHANGELOG.md", "CONTRIBUTING.md")
    paths = [ROOT / name for name in names]
    paths += sorted(path for path in (ROOT / "book").rglob("*") if "__pycache__" not in path.parts)
    paths += sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in paths:
        if path.is_file():
            state.update(str(path.relative_to(ROOT)).encode())
            state.update(path.read_bytes())
    return state.hexdigest()


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
    with log.open("w") as sink:
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
            with tqdm(desc="pages", unit="page", dynamic_ncols=True) as bar:
                for line in process.stdout:
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
        lines = log.read_text().splitlines()
        found = [line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line]
        shown = "\n".join((found or lines)[-20:])
        raise CommandError(
            f"the site was not built; the last good one, if any, is kept. From {log}:\n{shown}"
        )


def publish(stamp: str) -> None:
    """Put the finished site in place with a rename."""
    new, old = BUILD / "html.new", BUILD / "html.old"
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(SPHINX / "_build" / "html", new)
    write_atomic(new / ".stamp", stamp)
    if HTML.exists():
        HTML.rename(old)
    new.rename(HTML)
    shutil.rmtree(old, ignore_errors=True)


def build() -> None:
    """The whole of `make book`."""
    start = time.monotonic()
    free = shutil.disk_usage(ROOT).free
    if free < 500_000_000:
        raise CommandError(
            f"{ROOT} has {free / 1e6:.0f} MB free and the build needs 500 MB. Free some space."
        )
    if not (ROOT / "_toc.yml").exists():
        raise CommandError("there is no _toc.yml here; run it from a whole clone")
    api_pages.write()
    for path in notebooks.generate():
        print(f"notebook follows its text: {path.name}")
    executed, costs, ran = notebooks.execute_all()
    stamp = site_digest()
    if not ran and (HTML / ".stamp").exists() and (HTML / ".stamp").read_text() == stamp:
        print("Nothing changed since the last build.")
    else:
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
    build()
    return 0


if __name__ == "__main__":
    command(main)
