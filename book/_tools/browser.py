"""Find a Chromium for the page tests, or get one, or say the one command that does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from book._tools.paths import CommandError, command

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


def find() -> str | None:
    """The browser to use: $CHROMIUM, one on the PATH, or Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not Path(named).exists():
            raise CommandError(f"CHROMIUM names {named!r}, and there is no such file")
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def ensure() -> str:
    """The browser to use, fetched when there is none (Playwright's download, Debian's package)."""
    path = find()
    if path:
        return path
    attempts = [[sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]]
    if os.geteuid() != 0:
        attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    elif shutil.which("apt-get"):
        attempts += [["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]]
    for attempt in attempts:
        print(f"getting a browser: {' '.join(attempt)}", flush=True)
        done = subprocess.run(attempt, capture_output=True, text=True, timeout=600)
        path = find() if done.returncode == 0 else None
        if path:
            return path
    raise CommandError(
        "the page tests need a Chromium and none could be fetched. On Debian or Ubuntu: "
        "sudo apt-get install chromium   (or set CHROMIUM=/path/to/chrome)"
    )


def main() -> int:
    """Print the browser's path."""
    print(ensure())
    return 0


if __name__ == "__main__":
    command(main)
