"""The whole of `make test`: a browser, every notebook, the site, and pytest over everything.

The tests that look at no page run while Sphinx builds the site, and those of the pages follow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from book._tools import browser, build
from book._tools.paths import BUILD, ROOT, alone, command

PAGES = "tests/book"
COUNTS = BUILD / "test_counts.json"  # what the first run leaves for the closing lines of the second
NONE_CHOSEN = 5  # what pytest returns where `-k` chose no test


def pytest(environment: dict[str, str], workers: int, *arguments: str) -> subprocess.Popen[bytes]:
    """Start pytest on two processors, with a third worker where tests wait for other processes."""
    # The outputs of the run that the build has just made are compared in tests/house.
    shared = ("-q", "-n", str(workers), "--dist", "loadscope", *arguments, *sys.argv[1:])
    return subprocess.Popen([sys.executable, "-m", "pytest", *shared], cwd=ROOT, env=environment)


def code_of(first: int, second: int) -> int:
    """One exit status of two runs; a run that had nothing to do says nothing."""
    found = [code for code in (first, second) if code != NONE_CHOSEN]
    return next((code for code in found if code), 0) if found else NONE_CHOSEN


def end(tests: subprocess.Popen[bytes], grace_seconds: float = 5.0) -> None:
    """End tests that still run; those that Ctrl-C has reached, too, say first what they did."""
    try:
        tests.wait(timeout=grace_seconds)
    except subprocess.TimeoutExpired:
        tests.terminate()
        tests.wait()


def run_notebooks() -> tuple[build.Run, str]:
    """Run the notebooks; where there is no browser, it is fetched meanwhile, which takes a minute.

    Returns:
        The run, and the browser's path.

    Raises:
        CommandError: A notebook failed, or no browser can be had.
    """
    browser.find()  # a wrong $CHROMIUM is told before work starts
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            getting = pool.submit(browser.ensure, stop)
            run = build.run_notebooks(beside=getting)
            build.show_costs(run)
            return run, getting.result()
        finally:
            stop.set()  # a notebook has failed, or Ctrl-C came: nobody waits for a browser


def main() -> int:
    """Run the notebooks, build and test; the closing line of the last pytest tells the time."""
    start = time.time()
    firefox = browser.find_firefox()
    print(f"Firefox: {firefox or 'its tests are skipped; ' + browser.NO_FIREFOX}", flush=True)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "COURSE_TEST_COUNTS": str(COUNTS),
    }
    COUNTS.unlink(missing_ok=True)
    with alone():
        run, environment["CHROMIUM"] = run_notebooks()
        print(f"browser: {environment['CHROMIUM']}", flush=True)
        print("\nThe site is built while the tests run that look at no page.", flush=True)
        tests = pytest(environment, 3, "tests", f"--ignore={PAGES}")
        try:
            build.make_site(run, silent=True)
            first = tests.wait()
        finally:
            end(tests)
    print("\nThe pages of the site:", flush=True)
    environment["COURSE_TEST_START"] = str(start)
    # In the order of their names: the longest that waits for a page's limits comes first.
    tests = pytest(environment, 2, PAGES, "--no-loadscope-reorder")
    try:
        second = tests.wait()
    finally:
        end(tests)
    if first not in (0, NONE_CHOSEN):
        print("\nTests that look at no page failed, too: see above.")
    return code_of(first, second)


if __name__ == "__main__":
    command(main)
