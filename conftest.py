"""What every pytest run here needs: how notebooks are compared, and the time of the whole check."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator

import pytest

STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--unit`, which `make unit` gives."""
    parser.addoption("--unit", action="store_true", help="fail a test that starts a process")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Under `--unit`, a test that starts a process fails: it belongs to the slower ones."""
    if item.config.getoption("--unit"):
        _Watch.on = True
    try:
        return (yield)
    finally:
        _Watch.on = False


class _Watch:
    """An audit hook cannot be taken away again, so it is put in once and switched."""

    on = False

    @classmethod
    def hook(cls, event: str, arguments: tuple[object, ...]) -> None:
        if cls.on and event in STARTS:
            raise RuntimeError(
                f"{event} in a unit test: mark it with pytest.mark.processes, {arguments[:1]}"
            )


sys.addaudithook(_Watch.hook)


def pytest_configure() -> None:
    """Some tests interrupt themselves, and a job started in the background ignores interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Compare text outputs of notebooks; images, HTML (which holds images) and progress are not."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "image/svg+xml", "stderr")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long `make test` took in all: set-up, build and tests."""
    start = os.environ.get("COURSE_TEST_START")
    if start:
        seconds = time.time() - float(start)
        terminalreporter.write_line(f"make test in all, book included: {seconds / 60:.1f} min")
