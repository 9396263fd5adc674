"""What makes a folder a checkpoint: a list of its files with sizes and digests, written last.

A save writes into ``step-N.partial``. The rename to ``step-N`` is the one moment at which the
checkpoint comes into being; whatever happens before leaves the older ones as they were.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from course_lib.distributed.comm.errors import CheckpointError

MANIFEST = "manifest.json"
FORMAT = 1
_STEP = re.compile(r"step-(\d{8,})")


def step_folder(folder: Path, step: int) -> Path:
    """Return where the checkpoint of ``step`` lies."""
    return folder / f"step-{step:08d}"


def prepare(folder: Path, step: int) -> Path:
    """Make an empty ``.partial`` folder for a step and return it.

    Raises:
        CheckpointError: the step exists already; a checkpoint is never written over.
        OSError: the folder cannot be written.
    """
    final = step_folder(folder, step)
    if final.exists():
        raise CheckpointError(f"{final} exists; a checkpoint is never written over")
    partial = final.with_name(final.name + ".partial")
    folder.mkdir(parents=True, exist_ok=True)
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir()
    return partial


def digest_file(path: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file."""
    with path.open("rb") as file:
        return {
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def sync(path: Path) -> None:
    """Force a file or a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def commit(partial: Path, content: dict[str, Any]) -> Path:
    """Write the manifest and give the folder its final name."""
    final = partial.with_name(partial.name.removesuffix(".partial"))
    path = partial / MANIFEST
    path.write_text(json.dumps({"format": FORMAT, **content}, indent=1) + "\n")
    sync(path)
    sync(partial)
    partial.rename(final)
    sync(final.parent)
    return final


def read(path: Path) -> dict[str, Any]:
    """Return the manifest of a checkpoint.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    try:
        content = json.loads((path / MANIFEST).read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{path} is no finished checkpoint: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path / MANIFEST} cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path / MANIFEST} is not of format {FORMAT}")
    return content


def damage(path: Path, files: dict[str, dict[str, Any]]) -> str | None:
    """Return what is wrong with the listed files, or None: missing, cut short, or altered."""
    for name, wanted in files.items():
        file = path / name
        if not file.is_file():
            return f"{file} is missing"
        if file.stat().st_size != wanted["bytes"]:
            return f"{file} has {file.stat().st_size} bytes, wanted {wanted['bytes']}"
        if digest_file(file)["sha256"] != wanted["sha256"]:
            return f"{file} is damaged: its digest is not that of the manifest"
    return None


def latest_valid(folder: str | Path) -> Path | None:
    """Return the newest checkpoint that is whole, or None.

    Folders that a crash left unfinished are passed over, and so are damaged ones.

    Args:
        folder: where the ``step-N`` folders are.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return None
    steps = {}
    for path in folder.iterdir():
        match = _STEP.fullmatch(path.name)
        if match and path.is_dir():
            steps[int(match[1])] = path
    for step in sorted(steps, reverse=True):
        try:
            content = read(steps[step])
        except CheckpointError:
            continue
        if damage(steps[step], content["files"]) is None:
            return steps[step]
    return None
