"""The Python that judges code in a page: Pyodide and NumPy, vendored with their hashes.

`python -m book._tools.page_python` holds the vendored files to `SHA256SUMS` and the wheel of NumPy
to Pyodide's own lock. `--renew` fetches them again: Pyodide from npm, and NumPy's wheel, which no
registry has under its own name, from a package that carries it. The lock in npm's package says
which wheel is Pyodide's, so it does not matter where that one comes from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from book._tools.paths import BOOK, CommandError, command

FOLDER = BOOK / "assets" / "vendor" / "pyodide"
SUMS = "SHA256SUMS"
PYODIDE = "314.0.3"
CORE = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
CARRIER = "open-webui==0.12.4"  # on PyPI; 106 MB, of which one file is wanted
INSIDE = "open_webui/frontend/pyodide/"


def sha256(path: Path) -> str:
    """The hash of a file, as `sha256sum` writes it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locked_numpy(folder: Path) -> tuple[str, str]:
    """The name and the hash of NumPy's wheel in Pyodide's lock."""
    lock = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))
    return lock["packages"]["numpy"]["file_name"], lock["packages"]["numpy"]["sha256"]


def known_sums(folder: Path) -> dict[str, str]:
    """File name to hash, as `SHA256SUMS` says."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def faults(folder: Path = FOLDER) -> list[str]:
    """What is not as it was vendored: changed, missing and unknown files."""
    wanted = known_sums(folder)
    there = {path.name for path in folder.iterdir() if path.name != SUMS}
    found = [f"{name}: it has no line in {SUMS}" for name in sorted(there - wanted.keys())]
    for name, digest in wanted.items():
        if name not in there:
            found.append(f"{name}: it is missing")
        elif sha256(folder / name) != digest:
            found.append(f"{name}: its hash is not that of {SUMS}")
    if not found:
        wheel, digest = locked_numpy(folder)
        if wanted.get(wheel) != digest:
            found.append(f"{wheel}: it is not the wheel that Pyodide's lock names")
    return found


def _run(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CommandError(f"{words[0]} is needed to fetch the files: {error}") from error
    if done.returncode:
        raise CommandError(f"{' '.join(words)} failed:\n{done.stderr[-1500:]}")


def renew(folder: Path = FOLDER) -> None:
    """Fetch the files again, and write their hashes; the licences stay as they are.

    Raises:
        CommandError: a client is missing or fails, or the wheel is not the one that is locked.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _run("npm", "pack", f"pyodide@{PYODIDE}", "--pack-destination", name)
        shutil.unpack_archive(place / f"pyodide-{PYODIDE}.tgz", place, "gztar", filter="data")
        wheel, digest = locked_numpy(place / "package")
        _run(sys.executable, "-m", "pip", "download", "--no-deps", "-d", name, CARRIER)
        with zipfile.ZipFile(next(place.glob("open_webui-*.whl"))) as archive:
            (place / wheel).write_bytes(archive.read(INSIDE + wheel))
        if sha256(place / wheel) != digest:
            raise CommandError(f"{wheel} of {CARRIER} is not the wheel that Pyodide's lock names")
        for old in folder.glob("numpy-*.whl"):
            old.unlink()
        for path in (*(place / "package" / core for core in CORE), place / wheel):
            (folder / path.name).write_bytes(path.read_bytes())
    write_sums(folder)


def write_sums(folder: Path) -> None:
    """Write `SHA256SUMS` for what lies in the folder."""
    paths = sorted(path for path in folder.iterdir() if path.name != SUMS)
    lines = "".join(f"{sha256(path)}  {path.name}\n" for path in paths)
    (folder / SUMS).write_text(lines, encoding="utf-8")


def main() -> int:
    """Check the vendored files, after fetching them again where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renew", action="store_true", help="fetch the files from npm and PyPI")
    if parser.parse_args().renew:
        renew()
    found = faults()
    if found:
        raise CommandError("the vendored Python is not as it should be:\n" + "\n".join(found))
    print(f"{FOLDER}: Pyodide {PYODIDE} and {locked_numpy(FOLDER)[0]}, as their hashes say")
    return 0


if __name__ == "__main__":
    command(main)
