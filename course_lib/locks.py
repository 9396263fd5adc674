"""Folders and files with one writer at a time, by the system's own locks.

Standard library only, as `course_lib.files`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.files import HOST, Pathish, short_name

fcntl: Any
msvcrt: Any
try:
    import fcntl
except ImportError:
    fcntl = None
try:
    import msvcrt
except ImportError:
    msvcrt = None

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What a system says where nothing can be written."""
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def locked(folder: Pathish, *, timeout_seconds: float = 600.0) -> Iterator[None]:
    """Be the only one inside this block for a folder, among all processes and threads.

    The lock is the system's own, so it ends with its process however that ends. On POSIX systems
    the folder itself is locked and no file is left; on Windows a file `.lock` in it is. A block
    inside a block for the same folder waits for itself.

    Args:
        folder: an existing folder.
        timeout_seconds: how long to wait for another's block to end.

    Raises:
        FileNotFoundError: there is no such folder.
        TimeoutError: another still held the lock at the end of that time.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot lock {folder}: there is no such folder")
    if msvcrt is None:
        descriptor = os.open(folder, os.O_RDONLY)
    else:
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
    try:
        end = time.monotonic() + timeout_seconds
        while not _lock(descriptor):
            if time.monotonic() >= end:
                raise TimeoutError(
                    f"{folder} is being written by another process: waited {timeout_seconds:g} s"
                )
            time.sleep(0.01)
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def only_run(path: Pathish, *, inside: bool = False) -> Iterator[None]:
    """Keep every other run that writes to a path out, for as long as the block lasts.

    Unlike `locked`, it refuses at once, may be held while `locked` is taken for the same folder,
    and says who holds it. A file `.NAME.lock` bears the lock, which is the system's own: a killed
    process leaves the file and no lock, unless a child that it forked lives on. The next run of the
    same user uses the file and, but on Windows, removes it. A file system without locks keeps
    nobody out, with a warning.

    Args:
        path: what the run writes, which need not exist.
        inside: it is a folder, and the file lies in it; else beside it.

    Raises:
        BlockingIOError: another run holds the lock; the message names both.
        OSError: the folder cannot be written; its `errno` is one of `READ_ONLY`.
    """
    target = Path(os.path.abspath(path))
    folder = target if inside else target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f".{short_name(target)}{'.folder' if inside else ''}.lock"
        descriptor = _open_lock(file, target)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        told = f"{error.strerror}: a run needs a folder that it can write"
        raise type(error)(error.errno, told, str(folder)) from error
    try:
        yield
    finally:
        if fcntl is not None:  # removed while it is held: whoever waits for it finds another file
            file.unlink(missing_ok=True)
        _unlock(descriptor)
        os.close(descriptor)


def _open_lock(file: Path, target: Path) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(descriptor):
                holder = os.pread(descriptor, 100, 0) if fcntl is not None else b""
                who = holder.decode(errors="replace").strip() or "another process"
                raise BlockingIOError(
                    f"{target} is being written by another run: {who} holds the lock {file}; "
                    "wait for it, or write to another place"
                )
            with contextlib.suppress(FileNotFoundError):
                if fcntl is None or os.path.samestat(os.stat(file), os.fstat(descriptor)):
                    with contextlib.suppress(OSError):  # a full disk: only the message lacks it
                        os.ftruncate(descriptor, 0)
                        os.write(descriptor, f"process {os.getpid()} on {HOST}\n".encode())
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the run before has removed the file in the meantime


def _lock(descriptor: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt is not None:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(
            "this file system has no locks: let one process at a time write", stacklevel=4
        )
    return True  # a web page has one process and neither


def _unlock(descriptor: int) -> None:
    if fcntl is None:
        return
    try:  # closing alone would leave the lock to a forked child
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
