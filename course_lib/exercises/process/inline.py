"""Judge in this very process, where no other can be had, with an alarm in place of a kill."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from course_lib.exercises.author.spec import Limits, Spec
from course_lib.exercises.code.call import OutOfTime
from course_lib.exercises.code.judge import Judge
from course_lib.exercises.result import Result

CLOCK_FACTOR = 3.0  # clock seconds allowed for each processor second


@contextlib.contextmanager
def alarm(seconds: float, *, of_processor: bool = False) -> Iterator[None]:
    """Raise `OutOfTime` after some seconds, where this platform and thread allow it.

    Args:
        seconds: Of the clock, more than 0.
        of_processor: They are seconds of work instead: a busy machine does not shorten them, and
            a program that sleeps is never stopped.

    Raises:
        ValueError: The seconds are not positive: a timer of 0 would never go off.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be more than 0, got {seconds}")
    usable = hasattr(signal, "setitimer") and (
        threading.current_thread() is threading.main_thread()
    )
    if not usable:
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise OutOfTime

    timer, number = (
        (signal.ITIMER_PROF, signal.SIGPROF)
        if of_processor
        else (signal.ITIMER_REAL, signal.SIGALRM)
    )
    before = signal.signal(number, stop)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)


def check_inline(spec: Spec, answer: Any, seed: int | None, limits: Limits, reason: str) -> Result:
    """Judge in this process, with a notice.

    A loop that swallows every exception can only be ended by an interrupt of the notebook.
    """
    case: list[str] = [""]
    try:
        with alarm(limits.seconds * CLOCK_FACTOR):
            result = Judge(spec, answer, seed, lambda text: case.__setitem__(0, text)).run()
    except OutOfTime:
        text = f"Stopped after {limits.seconds * CLOCK_FACTOR:g} s on {case[0]}."
        result = Result("timeout", text, version=spec.version)
    except Exception as error:
        text = f"The checker itself failed: {type(error).__name__}: {error}. Please report this."
        result = Result("checker_fault", text, version=spec.version)
    notice = (
        f' (Judged inside this notebook, because {reason}. If a loop never ends, use "interrupt".)'
    )
    return Result(**{**vars(result), "message": result.message + notice})
