"""Find the browsers of the page tests, or get one, or say the one command that does.

`python -m book._tools.browser` is about Chromium, `python -m book._tools.browser firefox` about
Firefox.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from book._tools.paths import ROOT, CommandError, command

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FIREFOX_NAMES = ("firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox")
FIREFOX_AT_LEAST = 153  # the oldest that the tests were tried with
NO_FIREFOX = (
    f"there is no Firefox {FIREFOX_AT_LEAST} or newer that a program may drive (the one that comes "
    "as a snap may not). On Debian: sudo apt-get install firefox-esr   "
    "(or set FIREFOX=/path/to/firefox)"
)


def _named(variable: str) -> str | None:
    """The browser that an environment variable names, where it is set."""
    named = os.environ.get(variable)
    if named and not Path(named).is_file():
        raise CommandError(f"{variable} names {named!r}, and there is no such file")
    if named and not os.access(named, os.X_OK):
        raise CommandError(f"{variable} names {named!r}, which is no program that may be started")
    return named


def find() -> str | None:
    """The browser to use: $CHROMIUM, one on the PATH, or Playwright's own."""
    if named := _named("CHROMIUM"):
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def ensure(stop: threading.Event | None = None) -> str:
    """The browser to use, fetched when there is none (Playwright's download, Debian's package).

    Args:
        stop: Once it is set, nothing more is fetched.
    """
    stop = stop or threading.Event()
    path = find()
    if path:
        return path
    attempts = [[sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]]
    if os.geteuid() != 0:
        attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    elif shutil.which("apt-get"):
        attempts += [["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]]
    for attempt in attempts:
        if stop.is_set():
            break
        print(f"getting a browser: {' '.join(attempt)}", flush=True)
        path = find() if _ran(attempt, stop) else None
        if path:
            return path
    raise CommandError(
        "the page tests need a Chromium and none could be fetched. On Debian or Ubuntu: "
        "sudo apt-get install chromium   (or set CHROMIUM=/path/to/chrome)"
    )


def _ran(attempt: list[str], stop: threading.Event, seconds: float = 600.0) -> bool:
    """Run a command in silence; whether it came to a good end before it was stopped."""
    end = time.monotonic() + seconds
    with subprocess.Popen(
        attempt, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            if stop.wait(0.2) or time.monotonic() > end:
                process.terminate()
                return False
    return process.returncode == 0


def find_firefox() -> str | None:
    """The Firefox to use: $FIREFOX, or one where Firefox is put that is new enough."""
    if named := _named("FIREFOX"):
        return named
    found = (shutil.which(name) for name in FIREFOX_NAMES if os.name == "posix")
    return next((path for path in found if path and _can_be_driven(path)), None)


def _can_be_driven(path: str) -> bool:
    """Whether it is new enough, and no snap, which sees another /tmp than we do."""
    try:
        with open(path, "rb") as program:
            start = program.read(4096)
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):  # whatever this is, it does not start
        return False
    if "snap" in Path(path).resolve().parts or start.startswith(b"#!") and b"/snap/" in start:
        return False
    version = re.search(r"Firefox (\d+)", done.stdout)
    return version is not None and int(version[1]) >= FIREFOX_AT_LEAST


def firefox() -> str:
    """The Firefox to use.

    Raises:
        CommandError: there is none; the message has the command that gets it.
    """
    path = find_firefox()
    if path is None:
        raise CommandError(NO_FIREFOX)
    return path


@contextlib.contextmanager
def launched(playwright: Playwright, name: str | None = None) -> Iterator[Browser]:
    """A running browser, closed afterwards.

    Args:
        playwright: Playwright, started.
        name: "chromium" or "firefox"; None takes $COURSE_BROWSER, which is Chromium where not set.

    Raises:
        CommandError: there is no such browser, or none of this name.
    """
    name = name or os.environ.get("COURSE_BROWSER") or "chromium"
    if name not in ("chromium", "firefox"):
        raise CommandError(f"COURSE_BROWSER must be chromium or firefox, got {name!r}")
    with tempfile.TemporaryDirectory() as folder:
        if name == "chromium":
            running = playwright.chromium.launch(executable_path=ensure(), args=list(FLAGS))
        else:
            running = playwright.firefox.launch(
                channel="moz-firefox", executable_path=_starter(Path(folder)), timeout=120_000
            )
        try:
            yield running
        finally:
            running.close()


def _starter(folder: Path) -> str:
    """A program that starts Firefox with what stands between it and Playwright."""
    program = folder / "firefox"
    between = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "book._tools.bidi"]
    line = shlex.join([*between, firefox()])
    # A tab that crashes fails its test; Playwright would have it take all of Firefox with it.
    program.write_text(
        f'#!/bin/sh\nunset MOZ_CRASHREPORTER_SHUTDOWN\nexec {line} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return str(program)


def main() -> int:
    """Print the browser's path."""
    if sys.argv[1:] not in ([], ["chromium"], ["firefox"]):
        raise CommandError(f"name chromium or firefox, not {' '.join(sys.argv[1:])!r}")
    print(firefox() if sys.argv[1:] == ["firefox"] else ensure())
    return 0


if __name__ == "__main__":
    command(main)
