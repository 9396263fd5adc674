"""What stands on every record of an experiment: when it was made, on what, and by which command."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from book._tools.paths import write_atomic

CPUINFO = Path("/proc/cpuinfo")


def processor() -> str:
    """The name of the processor, as the system tells it; of its architecture where it tells none.

    Raises:
        OSError: If the system has a list of its processors that cannot be read.
    """
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return f"{value.strip()}, {platform.machine()}"
    return platform.processor() or platform.machine()


def write_record(path: Path, command: str, facts: dict[str, Any]) -> None:
    """Write a record: its command, what it says about itself, where and when it was made, the rest.

    Args:
        path: The file.
        command: What makes it again.
        facts: Its numbers, and what else it says.

    Raises:
        ValueError: If the facts hold a name that is set here.
    """
    made = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
    }
    if twice := sorted(made.keys() & facts.keys()):
        raise ValueError(f"facts must leave {twice} to the writer of records")
    write_atomic(path, json.dumps({**made, **facts}, indent=1) + "\n")
