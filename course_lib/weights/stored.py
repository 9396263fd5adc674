"""Bytes of a file that another process may change: copied out of it, never mapped.

A mapped file that is cut short takes the whole process with it (SIGBUS) when a lost page is read.
"""

import os
from pathlib import Path


class StoredFile:
    """A file as it is now; reading it later, when it is another, is an error.

    It is opened for every read, so nothing is left to be closed.

    Args:
        file: The file.

    Attributes:
        n_bytes: Its size.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        found = os.stat(file)
        self.n_bytes = found.st_size
        self._stamp = _stamp(found)

    def read(self, start: int, n_bytes: int) -> bytearray:
        """Copy some bytes.

        Args:
            start: The first.
            n_bytes: How many.

        Raises:
            FileNotFoundError: If the file is gone.
            ValueError: If it is not what it was, or ends before.
        """
        data = bytearray(n_bytes)
        with self.file.open("rb") as opened:
            if _stamp(os.fstat(opened.fileno())) != self._stamp:
                raise ValueError(f"{self.file} was changed or replaced while it was read")
            opened.seek(start)
            found = opened.readinto(data)
        if found != n_bytes:
            raise ValueError(
                f"{self.file} is cut short: {n_bytes} bytes are wanted at byte {start}, there are "
                f"{found}"
            )
        return data


def _stamp(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
