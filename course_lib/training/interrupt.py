"""Ctrl-C between two steps instead of in the middle of one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class InterruptBetweenSteps:
    """While open, the first interrupt only raises a flag; the second one interrupts at once.

    An update cut in the middle leaves some weights new and some old. Python delivers signals to
    the main thread only, so in any other thread this changes nothing. A handler that someone else
    has put in place is left alone.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: Any = None

    def __enter__(self) -> "InterruptBetweenSteps":
        """Take the place of Python's own handler, where it is the one in charge."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the handler from before back."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
