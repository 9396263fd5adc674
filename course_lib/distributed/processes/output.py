"""What a rank prints, line by line, without ever waiting for it.

Whoever inherits a rank's output keeps the pipe open, for longer than the rank lives. So the end of
the pipe is no sign of anything, and reading stops when it is told to.
"""

import os
import selectors
import sys
import threading
import time
from collections import deque
from typing import IO

_READ_BYTES = 2**16
_LINE_BYTES = 2**16  # longer lines are cut: a rank may print without end
_REST_SECONDS = 0.3
_STUCK_SECONDS = 1.0


class Output:
    """Reads a stream in a thread of its own, keeps the last lines, and prints them.

    Args:
        stream: the reading end of a pipe; it is closed at the end.
        prefix: stands before each printed line.
        echo: print the lines.
    """

    def __init__(self, stream: IO[bytes], prefix: str, *, echo: bool) -> None:
        self.lines: deque[str] = deque(maxlen=60)
        self._stream, self._prefix, self._echo = stream, prefix, echo
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def tail(self) -> list[str]:
        """Return the last lines of a writer that has ended."""
        self._thread.join(_REST_SECONDS)
        return list(self.lines)

    def close(self) -> None:
        """Read what is there and stop, even if the writing end is still open somewhere."""
        os.close(self._waker)
        self._thread.join(_STUCK_SECONDS)
        if not self._thread.is_alive():  # else it waits for whoever reads our own output
            self._stream.close()

    def _read(self) -> None:
        descriptor, rest = self._stream.fileno(), b""
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            stopping: float | None = None
            while stopping is None or time.monotonic() < stopping:
                ready = {key.fd for key, _ in selector.select(0 if stopping else None)}
                if self._wake in ready and stopping is None:
                    stopping = time.monotonic() + _REST_SECONDS  # for what is in the pipe now
                if descriptor not in ready:
                    if stopping is not None:
                        break
                    continue
                data = os.read(descriptor, _READ_BYTES)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > _LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._take(line)
        if rest:
            self._take(rest)
        os.close(self._wake)

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace")
        self.lines.append(line)
        if self._echo:
            try:
                sys.stdout.write(f"{self._prefix}{line}\n")
            except (OSError, ValueError):  # nobody reads our own output any more
                self._echo = False
