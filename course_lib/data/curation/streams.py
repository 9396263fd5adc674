"""Readers between a file and what reads it, for forms that cannot be read piece by piece."""

import io
import zlib
from io import BufferedIOBase
from typing import Any


class Members:
    """Gzip members, one after another, unpacked up to the first fault, which is remembered.

    fastwarc's own reader ends at a fault in silence, and Python's loses what stands before it.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self._file, self._rest = file, b""
        self._member: zlib._Decompress | None = None
        self._given = 0
        self.broken = False

    def tell(self) -> int:
        """How many bytes were given out."""
        return self._given

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        want = 2**16 if size < 0 else size
        while not self.broken:
            data = self._rest or self._file.read(2**16)
            self._rest = b""
            if not data:
                self.broken = self._member is not None
                return b""
            if self._member is None:
                self._member = zlib.decompressobj(31)
            try:
                out = self._member.decompress(data, want)
            except zlib.error:
                self.broken = True
                return b""
            self._rest = self._member.unused_data or self._member.unconsumed_tail
            if self._member.eof:
                self._member = None
            if out:
                self._given += len(out)
                return out
        return b""


class InUtf8:
    """Lines of a file in another encoding: only in UTF-8 is the byte of a line's end no other's.

    Args:
        file: At its beginning.
        encoding: Of the file; what it does not allow becomes U+FFFD.
    """

    def __init__(self, file: Any, encoding: str) -> None:
        self._text = io.TextIOWrapper(file, encoding, errors="replace", newline="\n")

    def readline(self, size: int) -> bytes:
        """Return the next line, or its first ``size`` characters; none at the end."""
        return self._text.readline(size).encode()

    def close(self) -> None:
        """Close the file."""
        self._text.close()
