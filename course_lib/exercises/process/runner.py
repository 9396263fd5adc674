"""Have an answer judged in the worker process, within limits of time, memory and printed text.

The worker is spawned, never forked: a forked child of a process that has used torch can wait
for ever. Time is counted as processor time of the worker, so that a busy machine condemns nobody;
an answer that sleeps is stopped by the clock.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import processes
from course_lib.exercises.author.spec import Limits, Spec
from course_lib.exercises.process.inline import CLOCK_FACTOR, check_inline
from course_lib.exercises.process.stopped import (
    ENDED,
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    reference_time,
)
from course_lib.exercises.process.transport import pack_spec, pickled, surroundings
from course_lib.exercises.process.worker import read_message, write_message
from course_lib.exercises.result import Result
from course_lib.extras import needs

if TYPE_CHECKING:
    import psutil

START_SECONDS = 60.0  # importing torch on a slow disk takes its time
POLL_SECONDS = 0.02
CHILDREN_SECONDS = 0.2  # finding a process's children reads the whole table of processes


class _Ended(Exception):
    """The worker process is gone."""


class Worker:
    """One worker process and the thread that listens to it."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[3])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "course_lib.exercises.process.worker"]
        self.child = processes.Child(command, environment=environment, stdin=subprocess.PIPE)
        self.process = self.child.process
        self.messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.ready = False
        self._numbers = itertools.count(1)
        self._request = 0

    def _listen(self) -> None:
        assert self.process.stdout is not None
        stream: Any = self.process.stdout
        with contextlib.suppress(OSError, ValueError):
            while (body := read_message(stream)) is not None:
                self.messages.put(json.loads(body))
        self.messages.put(None)

    def send(self, request: dict[str, Any]) -> None:
        """Hand in one request."""
        assert self.process.stdin is not None
        stream: Any = self.process.stdin
        self._request = next(self._numbers)
        try:
            write_message(stream, pickle.dumps({**request, "request": self._request}))
        except OSError:
            raise _Ended from None

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Give the next message about the last request, or None when none came in time."""
        end = time.monotonic() + seconds
        while True:
            try:
                message = self.messages.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return None
            if message is None:
                raise _Ended
            if message.pop("request") == self._request:
                return message

    def kill(self) -> None:
        """End the process and everything it started."""
        self.child.kill()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


class Runner:
    """Keep one worker at hand, and start another when it had to be killed."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self._one_at_a_time = threading.RLock()

    def close(self) -> None:
        """End the worker."""
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.kill()

    def _restart(self) -> None:
        """Kill the worker and let the next one start while the learner reads."""
        self.close()
        self.worker = Worker()

    def check(
        self, spec: Spec, answer: Any, seed: int | None = None, limits: Limits | None = None
    ) -> Result:
        """Judge an answer in the worker, or in this process where that cannot be.

        Args:
            spec: A code exercise.
            answer: The learner's function.
            seed: None for the exercise's own seed.
            limits: None for the exercise's own limits.

        Returns:
            The verdict.

        Raises:
            KeyboardInterrupt: The user's own, passed on after the worker was replaced.
        """
        with self._one_at_a_time:
            return self._check(spec, answer, seed, limits)

    def _check(self, spec: Spec, answer: Any, seed: int | None, limits: Limits | None) -> Result:
        started = time.perf_counter()
        if limits is None:
            limits = spec.code.limits if spec.code is not None else Limits()
        try:
            with needs("processes", "watching an answer"):
                import psutil  # noqa: F401 - where it is missing, nothing can be watched

            request = {"id": spec.id, "spec": pack_spec(spec), "seed": seed}
            request |= {"answer": pickled(answer), **surroundings(answer)}
        except Exception as error:
            reason = f"it cannot be sent to another process ({type(error).__name__}: {error})"
            return _finish(check_inline(spec, answer, seed, limits, reason), started)
        try:
            if self.worker is None or self.worker.process.poll() is not None:
                self._restart()
        except (OSError, NotImplementedError) as error:
            reason = f"no other process can be started here ({error})"
            return _finish(check_inline(spec, answer, seed, limits, reason), started)
        try:
            result = self._watch(spec, request, limits)
        except BaseException:
            self._restart()
            raise
        return _finish(result, started)

    def _watch(self, spec: Spec, request: dict[str, Any], limits: Limits) -> Result:
        """Send a request and wait for the verdict, watching time and memory."""
        import psutil

        assert self.worker is not None
        worker = self.worker
        try:
            if not worker.ready:
                if not self._wait(worker, START_SECONDS):
                    raise _Ended
                worker.ready = True
            worker.send(request)
            message = self._wait(worker, START_SECONDS)
            if message is None:
                return self._stopped(spec, "checker_fault", "The answer could not be loaded.")
            if "started" not in message:
                return _verdict(spec, message)
            with _Family(worker.process.pid) as family:
                return self._follow(spec, worker, family, limits)
        except (_Ended, psutil.Error):
            text = ENDED
            if not worker.ready:
                text = "The process that judges answers did not start. Please report this."
            return self._stopped(spec, "error" if worker.ready else "checker_fault", text)

    def _follow(self, spec: Spec, worker: Worker, family: _Family, limits: Limits) -> Result:
        """Wait for the verdict on what has started, and stop it at its limits."""
        clock, case = time.monotonic(), ""
        while True:
            message = worker.receive(POLL_SECONDS)
            if message is not None and "case" in message:
                case = message["case"]
            elif message is not None:
                result = _verdict(spec, message)
                if message.get("left") or family.left():
                    self._restart()
                return result
            if family.memory / 2**20 > limits.memory_mb:
                text = OUT_OF_MEMORY.format(memory_mb=limits.memory_mb, case=case)
                return self._stopped(spec, "error", text)
            if family.seconds > limits.seconds:
                text = OUT_OF_TIME.format(
                    seconds=limits.seconds, case=case, reference=reference_time(spec)
                )
                return self._stopped(spec, "timeout", text)
            waited = time.monotonic() - clock
            if waited > limits.seconds * CLOCK_FACTOR:
                text = (
                    f"Stopped after {waited:.0f} s on {case}: it computed for {family.seconds:.1f} "
                    "s and waited for the rest. Look for a `sleep`, an `input` or something else "
                    "it waits for."
                )
                return self._stopped(spec, "timeout", text)

    def _wait(self, worker: Worker, seconds: float) -> dict[str, Any] | None:
        return worker.receive(seconds)

    def _stopped(self, spec: Spec, status: str, message: str) -> Result:
        self._restart()
        return Result(status, message, version=spec.version)


class _Family(threading.Thread):
    """A process and what it started: the time and the memory that they took since now.

    A thread measures, because the interrupt of a user must not hit the reading of a process table.
    """

    def __init__(self, number: int) -> None:
        import psutil

        super().__init__(daemon=True)
        self._gone = psutil.Error
        self._process = psutil.Process(number)
        self._asked = 0.0
        self._over = threading.Event()
        self.children: list[psutil.Process] = []
        self._memory, self._seconds = self._measure()
        self.memory, self.seconds = 0, 0.0
        self.start()

    def __enter__(self) -> _Family:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Measure again and again until the end of the check."""
        with contextlib.suppress(self._gone):
            while not self._over.wait(POLL_SECONDS):
                memory, seconds = self._measure()
                self.memory, self.seconds = memory - self._memory, seconds - self._seconds

    def _measure(self) -> tuple[int, float]:
        if time.monotonic() - self._asked > CHILDREN_SECONDS:
            self.children = self._process.children(recursive=True)
            self._asked = time.monotonic()
        times = self._process.cpu_times()  # with those of children who have ended
        memory, seconds = self._process.memory_info().rss, float(sum(times[:4]))
        for child in self.children:
            with contextlib.suppress(self._gone):
                memory += child.memory_info().rss
                seconds += sum(child.cpu_times()[:2])
        return memory, seconds

    def left(self) -> bool:
        """Tell whether a child is there now."""
        return bool(self._process.children(recursive=True))


def _finish(result: Result, started: float) -> Result:
    return Result(**{**vars(result), "seconds": time.perf_counter() - started})


def _verdict(spec: Spec, message: dict[str, Any]) -> Result:
    if "result" in message:
        values = dict(message["result"])
        values["checks"] = tuple((name, ok) for name, ok in values["checks"])
        return Result(**values)
    if "unreadable" in message:
        text = f"Your function needs something that is not there: {message['unreadable']}"
        return Result("invalid", text, version=spec.version)
    text = f"The checker itself failed: {message.get('fault')}. Your record is unchanged; "
    return Result("checker_fault", text + "please report this.", version=spec.version)


RUNNER = Runner()
atexit.register(RUNNER.close)
