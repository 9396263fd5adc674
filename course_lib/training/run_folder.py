"""The folder that a command keeps a run in: whether it can be one, and what it holds already."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from course_lib.command_line import check_output

TOKENIZER = "tokenizer.json"
_ALONE, _SHARED = "checkpoint.safetensors", "step-"  # of one process, and of many ranks


def needs_output(chosen: argparse.Namespace) -> None:
    """Refuse options about checkpoints where there is no folder for them.

    Raises:
        ValueError: ``--resume`` or ``--checkpoint-every`` without ``--output``.
    """
    if chosen.output is None and (chosen.resume or chosen.checkpoint_every):
        name = "--resume" if chosen.resume else "--checkpoint-every"
        raise ValueError(f"{name} needs --output, the folder of the checkpoints")


def check_run_folder(chosen: argparse.Namespace, strategy: str) -> None:
    """Refuse a folder that cannot hold this run; only the first rank looks into it.

    Args:
        chosen: The arguments.
        strategy: How the ranks share the work.

    Raises:
        ValueError: It cannot be a folder, or holds another kind of run, or one that is not resumed.
    """
    needs_output(chosen)
    output = chosen.output
    if output is None:
        return
    check_output("--output", output)
    if os.environ.get("RANK", "0") != "0" or not output.exists():
        return
    names = {path.name for path in output.iterdir() if not path.name.endswith(".lock")}
    if chosen.resume:
        alone, shared = _kinds(names)
        if strategy == "plain" and shared and not alone:
            raise ValueError(
                f"--output {output} holds a run of many ranks: name its --strategy, which "
                "may be ddp on one process"
            )
        if strategy != "plain" and alone and not shared:
            raise ValueError(f"--output {output} holds a run of one process: --strategy plain")
    elif names - {TOKENIZER}:  # left by a bad start
        raise ValueError(f"--output {output} is not empty: pass --resume to go on, or another")


def has_tokenizer_of_run(output: Path) -> bool:
    """Tell whether a run has begun here with a tokenizer, which has to stay with its model."""
    names = {path.name for path in output.iterdir()}
    return TOKENIZER in names and any(_kinds(names))


def _kinds(names: set[str]) -> tuple[bool, bool]:
    """Tell whether there are checkpoints of one process, and of many ranks."""
    return _ALONE in names, any(name.startswith(_SHARED) for name in names)
