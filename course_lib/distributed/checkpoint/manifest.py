"""What makes a folder a checkpoint: a list of its files with sizes and digests, written last.

A save writes into ``step-N.partial``. The rename to ``step-N`` is the one moment at which the
checkpoint comes into being; whatever happens before leaves the older ones as they were. The list
ends with a digest of itself, so that no bit of a checkpoint can change unseen. That guards against
accidents; whoever can write the folder can also write a digest.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from course_lib import files
from course_lib.distributed.comm.errors import CheckpointError

MANIFEST = "manifest.json"
METADATA = ".metadata"
FORMAT = 2
_STEP = re.compile(r"step-(\d{8,})")
_DATA_FILE = re.compile(r"__\d+_\d+\.distcp")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def step_folder(folder: Path, step: int) -> Path:
    """Return where the checkpoint of ``step`` lies."""
    return folder / f"step-{step:08d}"


def check_step(step: int) -> None:
    """Raise unless ``step`` is a whole number from zero on."""
    if isinstance(step, bool) or not isinstance(step, int):
        raise TypeError(f"step must be an integer, got {step!r}")
    if step < 0:
        raise ValueError(f"step must not be negative, got {step}")


def check_extra(extra: Any, where: str = "extra") -> None:
    """Raise unless JSON gives back what it is given; tuples come back as lists.

    Raises:
        TypeError: naming the part that it would change or cannot hold.
    """
    if isinstance(extra, dict):
        for key, value in extra.items():
            if type(key) is not str:
                raise TypeError(f"{where} has the key {key!r}: JSON has only strings for keys")
            check_extra(value, f"{where}[{key!r}]")
    elif isinstance(extra, list | tuple):
        for index, value in enumerate(extra):
            check_extra(value, f"{where}[{index}]")
    elif type(extra) not in (str, int, float, bool, type(None)):
        raise TypeError(f"{where} is a {type(extra).__name__}, which does not come back from JSON")


def prepare(folder: Path, step: int) -> Path:
    """Make an empty ``.partial`` folder for a step and return it.

    What killed saves have left in ``folder`` is removed; the caller holds the folder's lock.

    Raises:
        CheckpointError: the step exists already; a checkpoint is never written over.
        OSError: the folder cannot be written.
    """
    final = step_folder(folder, step)
    if final.exists():
        raise CheckpointError(f"{final} exists; a checkpoint is never written over")
    for left in folder.glob("step-*.partial"):
        shutil.rmtree(left)
    partial = final.with_name(final.name + ".partial")
    partial.mkdir()
    return partial


def digest_file(path: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file."""
    with path.open("rb") as file:
        return {
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def commit(partial: Path, content: dict[str, Any]) -> Path:
    """Write the manifest and give the folder its final name."""
    final = partial.with_name(partial.name.removesuffix(".partial"))
    files.write_text(partial / MANIFEST, render({"format": FORMAT, **content}))
    files.sync(partial)
    os.rename(partial, final)
    files.sync(final.parent)
    return final


def render(content: dict[str, Any]) -> str:
    """Return the one text of a manifest, with its own digest at the end."""
    text = json.dumps(content)
    sealed = {**content, "digest": hashlib.sha256(text.encode()).hexdigest()}
    return json.dumps(sealed, indent=1) + "\n"


def read(path: Path) -> dict[str, Any]:
    """Return the manifest of a checkpoint.

    Raises:
        CheckpointError: there is none, or it was altered, or is of another format.
    """
    file = path / MANIFEST
    try:
        text = files.read_text(file, limit_bytes=files.JSON_LIMIT_BYTES)
        content = files.parse_json(text, str(file))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is no finished checkpoint: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{file} is not of format {FORMAT}")
    digest = content.pop("digest", None)
    if type(digest) is not str or text != render(content):
        raise CheckpointError(f"{file} is damaged: it is not what was written")
    wrong = _misshapen(content)
    if wrong:
        raise CheckpointError(f"{file}: {wrong}")
    return content


def _misshapen(content: dict[str, Any]) -> str | None:
    """Return which part of a manifest is not of its form, or None."""
    numbers = {"step": 0, "world_size": 1}
    for key, least in numbers.items():
        if type(content.get(key)) is not int or content[key] < least:
            return f"{key} must be an integer of at least {least}, got {content.get(key)!r}"
    listed = content.get("files")
    if not isinstance(listed, dict) or METADATA not in listed:
        return f"files must list every file, {METADATA} among them"
    for name, entry in listed.items():
        if name != METADATA and not _DATA_FILE.fullmatch(name):
            return f"files lists {name!r}, which is no file of a checkpoint"
        good = isinstance(entry, dict) and set(entry) == {"bytes", "sha256"}
        good = good and type(entry["bytes"]) is int and type(entry["sha256"]) is str
        if not good or entry["bytes"] < 0 or not _DIGEST.fullmatch(entry["sha256"]):
            return f"files has no size and digest for {name!r}"
    groups = content.get("groups")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        return f"groups must be a list of objects, got {groups!r}"
    if not isinstance(content.get("extra"), dict):
        return f"extra must be an object, got {content.get('extra')!r}"
    if not isinstance(content.get("optimizer"), str | None):
        return f"optimizer must be a name or null, got {content['optimizer']!r}"
    return None


def damage(path: Path, listed: dict[str, dict[str, Any]]) -> str | None:
    """Return what is wrong with the listed files, or None: missing, cut short, or altered."""
    for name, wanted in listed.items():
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
            if damage(steps[step], content["files"]) is None:
                return steps[step]
        except (CheckpointError, OSError):
            continue
    return None
