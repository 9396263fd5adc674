"""Write requirements.lock from what is installed now."""

from __future__ import annotations

import importlib.metadata
import re

from book._tools.paths import ROOT, command, write_atomic

HEADER = """\
# Every version that set-up installs, for all extras. Used as constraints by book/_tools/setup.py.
# torch is pinned without a local version: the CPU build and the default build both satisfy it.
# Renewed with: make lock
"""
NOT_LOCKED = {"course-lib", "pip", "setuptools", "wheel"}


def installed() -> dict[str, str]:
    """Name to version of every distribution here, without local version parts."""
    found = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if name not in NOT_LOCKED:
            found[name] = distribution.version.split("+")[0]
    return dict(sorted(found.items()))


def main() -> int:
    """Write the lock."""
    pins = "".join(f"{name}=={version}\n" for name, version in installed().items())
    write_atomic(ROOT / "requirements.lock", HEADER + pins)
    return 0


if __name__ == "__main__":
    command(main)
