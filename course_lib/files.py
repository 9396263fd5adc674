"""Files written whole or not at all, and JSON with errors that name it.

A process can be killed, or the power can fail, between any two operations on a disk. So a file is
written under another name beside its place, forced to the disk, and renamed over the old one: a
reader sees all of the old file or all of the new. Everything that the project writes goes through
here.

Standard library only, as `course_lib.renames`: the exercises import both inside a web page.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.renames import exchange_names

JSON_LIMIT_BYTES = 2**28
"""The largest JSON file that is read: published tokenizers and indexes stay below 2^26."""
STALE_SECONDS = 24 * 3600
"""Age at which a partial file counts as left over where its writer cannot be asked for."""
HOST = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:32] or "host"
"""This machine, as names of files hold it."""

Pathish = str | PathLike[str]


# Writing.


@contextlib.contextmanager
def replacing(path: Pathish, *, durable: bool = True) -> Iterator[Path]:
    """Give a path to write to; what was written there takes the place of `path` at the end.

    The temporary file lies in the same folder, because only a rename within one disk is a single
    operation. It begins with a dot and ends in `.part`. An error inside the block removes it and
    leaves the old file; one that a killed writer left is removed by the next write of that file.
    An old file's permissions are kept.

    Args:
        path: the file to write; its folder must exist.
        durable: force it to the disk; else that is left to a later `sync_all`, and until then a
            power failure may leave a part of the file.

    Yields:
        The path to write to, which exists and is empty.

    Raises:
        FileNotFoundError: the folder does not exist.
        IsADirectoryError: `path` is a folder.
        FileExistsError: it is a device or a pipe, which the file would take the place of.
    """
    target = _target(path)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write the file {target}: it is a folder")
    if target.exists() and not target.is_file():
        raise FileExistsError(f"cannot write the file {target}: it is a device or a pipe")
    remove_leftovers(target)
    part = partial_path(target)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    mode = part.stat().st_mode  # a library that puts a file of its own here may give it another
    try:
        yield part
        with contextlib.suppress(FileNotFoundError):
            mode = target.stat().st_mode
        os.chmod(part, stat.S_IMODE(mode))
        if durable:
            sync(part)
        os.replace(part, target)
        if durable:
            sync(target.parent)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            _name(error, target, part)
        raise


def _name(error: OSError, target: Path, part: Path) -> None:
    """Let an error of writing say which file it is: a full disk names none, others the partial."""

    def shown(value: Any) -> Any:
        return value.replace(str(part), str(target)) if isinstance(value, str) else value

    if error.errno is not None:
        named = error.filename
        error.filename = str(target) if named is None else shown(os.fspath(named))
    else:  # of a library, in words of its own
        error.args = tuple(map(shown, error.args))


def write_bytes(path: Pathish, data: bytes) -> None:
    """Write a file whole or not at all; see `replacing`."""
    with replacing(path) as part:
        part.write_bytes(data)


def write_text(path: Pathish, text: str) -> None:
    """Write a UTF-8 file with its line ends as they are, whole or not at all; see `replacing`."""
    write_bytes(path, text.encode())


def write_json(
    path: Pathish,
    content: object,
    *,
    indent: int | None = 2,
    sort_keys: bool = False,
    ensure_ascii: bool = False,
) -> None:
    """Write JSON with a newline at the end, whole or not at all; see `replacing`.

    Raises:
        TypeError: `content` holds what JSON cannot; nothing has been written then.
        ValueError: it holds a circle, or text with half of a surrogate pair.
    """
    text = json.dumps(content, indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii)
    write_text(path, text + "\n")


@contextlib.contextmanager
def replacing_folder(path: Pathish) -> Iterator[Path]:
    """Give an empty folder to fill; at the end it takes the place of the folder `path`.

    On Linux the two are exchanged at one moment. Elsewhere the old one is renamed away first; a
    process killed right then leaves it beside its place, and the next call puts it back.

    Args:
        path: the folder to write; the one above it must exist.

    Yields:
        The folder to fill.

    Raises:
        FileNotFoundError: the folder above does not exist.
        NotADirectoryError: `path` is a file.
    """
    target = _target(path)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"cannot write the folder {target}: it is a file")
    for old in target.parent.glob(f"{_glob(target)}.old"):
        if not target.exists() and _is_left_over(old):
            os.rename(old, target)
    remove_leftovers(target)
    part = partial_path(target)
    part.mkdir()
    try:
        yield part
        for folder, _, names in os.walk(part, topdown=False):
            for name in names:
                file = Path(folder, name)
                if file.is_file() and not file.is_symlink():
                    sync(file)
            sync(Path(folder))
        if not target.exists():
            os.rename(part, target)
        elif not exchange_names(part, target):
            old = part.with_suffix(".old")
            os.rename(target, old)
            os.rename(part, target)
            part = old
        sync(target.parent)
    except OSError as error:
        _name(error, target, part)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def sync(path: Path) -> None:
    """Force a file, or the list of a folder's entries, to the disk.

    Windows cannot do so for a folder, and some file systems refuse it; then nothing happens.
    """
    folder = path.is_dir()
    if folder and sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not folder or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[Path]) -> None:
    """Force files, and the entries of their folders, to the disk: many cost less than each alone.

    Args:
        paths: what `replacing` wrote with ``durable=False``.

    Raises:
        OSError: one of them cannot be; the message names it.
    """
    listed = list(paths)
    for path in listed:
        try:
            sync(path)
        except OSError as error:
            _name(error, path, path)
            raise
    for folder in sorted({path.parent for path in listed}):
        sync(folder)


def remove_leftovers(path: Pathish) -> list[Path]:
    """Remove the partial files and folders that killed writers of `path` left beside it.

    One is left over if its process on this machine has ended; one of another machine, or where a
    process cannot be asked for, if nobody has touched it for a day.

    Returns:
        What was removed.
    """
    target = Path(path)
    removed = []
    for part in sorted(target.parent.glob(_glob(target))):
        if part.suffix not in (".part", ".old") or not _is_left_over(part):
            continue
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
        removed.append(part)
    return removed


def _target(path: Pathish) -> Path:
    if not os.fspath(path):
        raise ValueError("path is empty: expected the name of a file or folder")
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target.name}: there is no folder {target.parent}")
    return target


def short_name(target: Path) -> str:
    """Names have at most 255 bytes, so a long one is cut and told apart by its digest."""
    name = os.fsencode(target.name)
    return target.name if len(name) <= 150 else sha256(name).hexdigest()


def _glob(target: Path) -> str:
    return f".{glob.escape(short_name(target))}.*-*-*"


def partial_path(path: Pathish) -> Path:
    """A name for something unfinished beside `path`, which `remove_leftovers` knows.

    It holds this machine and this process, so that others can tell whether its writer lives.
    """
    target = Path(path)
    mark = f"{HOST}-{os.getpid()}-{secrets.token_hex(4)}"
    return target.with_name(f".{short_name(target)}.{mark}.part")


def _is_left_over(part: Path) -> bool:
    match = re.fullmatch(r".*\.([A-Za-z0-9]+)-(\d+)-[0-9a-f]{8}\.(?:part|old)", part.name, re.S)
    if match is None:
        return False
    if match[1] == HOST and os.name == "posix":
        return not _is_alive(int(match[2]))
    try:
        return time.time() - part.lstat().st_mtime > STALE_SECONDS
    except FileNotFoundError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


# Reading.


def read_text(path: Pathish, *, limit_bytes: int | None = None) -> str:
    """Read a UTF-8 file as it is, line ends included.

    Args:
        path: the file.
        limit_bytes: the largest that is read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no ordinary file (a folder, a device, a pipe, which may have no end),
            larger than the limit, or not UTF-8; the message names it.
    """
    file = Path(path)
    try:
        found = file.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"no {file.name} in {file.parent}") from None
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{file} is no ordinary file")
    if limit_bytes is not None and found.st_size > limit_bytes:
        raise ValueError(f"{file} has {found.st_size:,} bytes: expected at most {limit_bytes:,}")
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: byte {error.start}") from None


def read_json(path: Pathish, *, limit_bytes: int = JSON_LIMIT_BYTES) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: a UTF-8 file; the mark that some editors put before the text is passed over.
        limit_bytes: the largest that is read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON, cut short, nested too deeply, or no object; the message names
            the file and the place in it.
    """
    text = read_text(path, limit_bytes=limit_bytes)
    content = parse_json(text.removeprefix("\ufeff"), str(path))
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def parse_json(text: str | bytes, where: str) -> Any:
    """Parse JSON that did not come from a file of its own, such as a header.

    Args:
        text: the JSON.
        where: what the messages call it.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not UTF-8 text: byte {error.start}") from None
    except RecursionError:
        raise ValueError(f"{where} is nested too deeply to be read") from None
    except ValueError as error:  # no JSON, or a number of thousands of digits
        raise ValueError(f"{where} is not JSON, or cut short: {error}") from None
