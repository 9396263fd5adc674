"""What every pytest run here needs: how notebooks are compared, and the time of the whole check."""

from __future__ import annotations

import os
import time

import pytest


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
