"""Renames that systems have and Python has not: to a name that must be free, and of two at once.

Standard library only, as `course_lib.files`.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_NO_REPLACE, _EXCHANGE, _AT_FDCWD = 1, 2, -100  # of renameat2


def rename_to_new(path: Path, name: Path) -> bool:
    """Rename to a name that nothing has; False where it has been taken.

    A plain rename puts a folder in the place of an empty one, which another process may just have
    locked. Where the system has no operation for both, whether the name is free is asked before.

    Args:
        path: a file or folder.
        name: its new name, on the same disk.

    Raises:
        OSError: it cannot be renamed.
    """
    failed = _renameat2(path, name, _NO_REPLACE)
    if failed == errno.EEXIST or (failed and os.path.lexists(name)):
        return False
    if failed:
        try:
            os.rename(path, name)
        except OSError:
            if not name.is_dir():
                raise
            return False
    return True


def exchange_names(first: Path, second: Path) -> bool:
    """Swap two names in one operation; False where the system cannot.

    Args:
        first: a file or folder.
        second: another one, on the same disk.
    """
    return _renameat2(first, second, _EXCHANGE) == 0


def _renameat2(first: Path, second: Path, flag: int) -> int:
    """Rename as a flag says; the system's number of the error, 0 if there was none."""
    if sys.platform != "linux":
        return errno.ENOSYS
    import ctypes  # here, because a web page may be without it

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return errno.ENOSYS
    names = os.fsencode(first.absolute()), os.fsencode(second.absolute())
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], flag) == 0:
        return 0
    return ctypes.get_errno() or errno.EIO
