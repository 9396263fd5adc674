"""Run the notebooks in a fresh environment that holds just what environment.yml names.

Binder's own image cannot be built without Docker. This is the next best check: the same packages
from PyPI, the package itself without its dependencies, and a kernel that sees nothing else.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time

import nbformat
import yaml
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from tqdm import tqdm

from book._tools import notebooks
from book._tools.paths import BUILD, NOTEBOOKS, ROOT, CommandError, chapter_texts, command

CONDA_TO_PYPI = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
# What repo2docker puts into every image: the notebook server's side of a kernel.
GIVEN = ["ipykernel"]


def listed() -> list[str]:
    """Every package line of environment.yml, those under pip included."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    lines: list[str] = []
    for line in environment["dependencies"]:
        lines += line["pip"] if isinstance(line, dict) else [line]
    return lines


def packages() -> list[str]:
    """PyPI names of what environment.yml lists."""
    names = [re.match(r"[a-z0-9_-]+", line)[0] for line in listed()]  # type: ignore[index]
    return [CONDA_TO_PYPI.get(name, name) for name in names if name not in ("python", "pip")]


def make_environment() -> str:
    """A new environment of just these packages, at the versions of the lock; its Python."""
    where = BUILD / "binder-environment"
    shutil.rmtree(where, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
    python = str(where / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    constraint = ["-c", str(ROOT / "requirements.lock")]
    for step in (
        [*pip, *constraint, *GIVEN, *packages()],
        [*pip, "--no-deps", "-e", str(ROOT)],
    ):
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            raise CommandError(f"{' '.join(step)} failed:\n{done.stderr[-2000:]}")
    return python


def run(python: str, name: str) -> float:
    """Run one notebook with that Python's kernel; seconds it took."""
    manager = AsyncKernelManager(kernel_name="python3")
    manager.kernel_spec.argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=notebooks.CELL_TIMEOUT_SECONDS,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.owns_km = True  # so that the kernel ends with its notebook
    start = time.monotonic()
    asyncio.run(client.async_execute())
    return time.monotonic() - start


def main() -> int:
    """Make the environment, run every notebook, say how long each took."""
    start = time.monotonic()
    python = make_environment()
    freeze = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True).stdout
    print(f"{len(freeze.splitlines())} packages in {time.monotonic() - start:.0f} s")
    for text in tqdm(chapter_texts(), desc="notebooks"):
        tqdm.write(f"{text.stem}: {run(python, text.stem):.0f} s")
    return 0


if __name__ == "__main__":
    command(main)
