"""Bytes on the wire are those our own counters say, and those of the schedule."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]


def test_bytes_on_the_wire_are_those_counted():
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here: a private network namespace cannot be made")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("no permission here to make a private network namespace")
    script = Path(__file__).parent / "wire_script.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [*NAMESPACE, sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=600,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout)
    assert len(results) == 10
    for name, (wire, counted) in results.items():
        # packet headers and the operations' own headers come on top
        assert counted < wire < 1.01 * counted, (name, wire / counted)
