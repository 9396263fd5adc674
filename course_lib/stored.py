"""Bytes of a file that another process may change: copied out of it, never mapped.

A mapped file that is cut short takes the whole process with it (SIGBUS) when a lost page is read.
Standard library only, as `course_lib.files`.
"""

import os
from collections.abc import Sequence
from pathlib import Path


class ChangedError(ValueError):
    """A file is no longer the one that was opened."""


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
        return self.read_rows([start], n_bytes)

    def read_rows(self, starts: Sequence[int], n_bytes: int) -> bytearray:
        """Copy pieces of one size, one after another, all of the same file.

        Args:
            starts: The first byte of each.
            n_bytes: How many bytes each has.

        Raises:
            FileNotFoundError: If the file is gone.
            ValueError: If it is not what it was, or ends before.
        """
        data = bytearray(len(starts) * n_bytes)
        view = memoryview(data)
        with open(self.file, "rb", buffering=0) as opened:
            self._check(opened.fileno())
            for number, start in enumerate(starts):
                place = view[number * n_bytes : (number + 1) * n_bytes]
                opened.seek(start)
                left = place
                while left and (found := opened.readinto(left)):  # Linux reads 2 GiB at a time
                    left = left[found:]
                if left:
                    raise ValueError(
                        f"{self.file} is cut short: {n_bytes} bytes are wanted at byte {start}, "
                        f"there are {n_bytes - len(left)}"
                    )
            self._check(opened.fileno())  # a writer may have been at work meanwhile
        return data

    def _check(self, descriptor: int) -> None:
        if _stamp(os.fstat(descriptor)) != self._stamp:
            raise ChangedError(f"{self.file} was changed or replaced while it was read")


def _stamp(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
