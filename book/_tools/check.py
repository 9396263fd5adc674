"""The whole of `make test`: a browser, the built book, then one pytest run over everything."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from book._tools import browser, build
from book._tools.paths import ROOT, command


def main() -> int:
    """Build, then test; pytest's own closing line comes last."""
    start = time.time()
    path = browser.ensure()
    print(f"browser: {path}", flush=True)
    build.build()
    environment = {
        **os.environ,
        "CHROMIUM": path,
        "COURSE_TEST_START": str(start),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
    }
    # The outputs of the run that the build has just made are compared in tests/house.
    arguments = ["-n", "2", "--dist", "loadscope", "tests", *sys.argv[1:]]
    pytest = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(pytest, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    command(main)
