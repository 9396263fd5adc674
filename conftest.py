"""What every pytest run here needs: how notebooks are compared, and the time of the whole check."""

from __future__ import annotations

import os
import signal
import time

import pytest


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
