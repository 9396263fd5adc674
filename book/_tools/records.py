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
    """The model of the processor, as the system names it, and what it can calculate with at once.

    Two machines of one name can differ in that: one has instructions for bfloat16, one has none.
    Of a system that keeps no list of its processors, the name or the architecture alone.

    Raises:
        OSError: If the system has a list of its processors that cannot be read.
    """
    if not CPUINFO.exists():  # only Linux has it
        return platform.processor() or platform.machine()
    lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    said = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    able = said.get("flags", said.get("Features", "")).split()
    widest = next((one for one in ("avx512f", "avx2", "sve", "asimd") if one in able), "no vectors")
    sixteen = [one for one in ("amx_bf16", "avx512_bf16", "avx_ne_convert", "bf16") if one in able]
    model = said.get("model name", platform.machine())
    return f"{model}, {widest}, {' and '.join(sixteen) or 'no bfloat16'}"


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
