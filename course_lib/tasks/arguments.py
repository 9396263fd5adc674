"""The words of the command line of tasks, and what is wrong with them before work starts."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch

from course_lib.command_line import check_output, file_path, filled
from course_lib.tasks.files import COLUMNS
from course_lib.tasks.items import Question, TaggedWords
from course_lib.tasks.kinds import TASK_KINDS
from course_lib.training.optimizer import LARGEST_RATE
from course_lib.training.run_folder import needs_output

_MOST = 2**53  # the last up to which a float knows every whole number
_MOST_MADE = 1_000_000  # items in memory at once
_LARGEST = float(torch.finfo(torch.float32).max)
_OWN_FILES = {"checkpoint.safetensors", "metrics.jsonl"}


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    about = "; ".join(f"{kind.name}: {kind.about}" for kind in TASK_KINDS.values())
    made = argparse.ArgumentParser(
        prog="python -m course_lib.tasks",
        description=f"Tune a pre-trained model on a task and score it. {about}.",
    )
    made.add_argument("kind", choices=tuple(TASK_KINDS), metavar="KIND", help=", ".join(TASK_KINDS))
    made.add_argument("--checkpoint", required=True, type=filled, help="folder of a training "
                      "run or of a published model, or a name on the hub")  # fmt: skip
    made.add_argument("--scratch", action="store_true", help="forget the weights: the same model "
                      "from random ones, to see what pre-training is worth")  # fmt: skip
    data = made.add_argument_group("data")
    data.add_argument("--data", type=file_path, help="CSV, JSON lines or CoNLL; without it, the "
                      "task that is made by rules")  # fmt: skip
    data.add_argument(
        "--test", type=file_path, help="items to score on; without it, a share of --data"
    )
    data.add_argument("--held-out", type=float, help="that share (0.2)")
    ours = dict.fromkeys(name for names in COLUMNS.values() for name in names)
    data.add_argument("--column", action="append", default=[], metavar="OURS=THEIRS",
                      help=f"what the file calls a column; ours are {', '.join(ours)}")  # fmt: skip
    data.add_argument("--made-items", type=int, help="items of the made task to tune on (128)")
    data.add_argument(
        "--tokenizer", type=file_path, help="file or folder; else the checkpoint's own"
    )
    data.add_argument("--prefix", default="", help="text put before each text, as T5 names a task")
    how = made.add_argument_group("tuning")
    how.add_argument("--steps", type=int, default=300, help="updates (%(default)s)")
    how.add_argument("--batch-size", type=int, default=16, help="items of an update (%(default)s)")
    how.add_argument("--lr", type=float, help="peak learning rate (5e-5 for a width of 768, and "
                     "more for a narrower model)")  # fmt: skip
    how.add_argument("--weight-decay", type=float, default=0.01, help="of matrices (%(default)s)")
    how.add_argument("--max-new-tokens", type=int, default=64, help="of a text that is written")
    how.add_argument("--seed", type=int, default=0, help="draws head, order, split and dropout")
    kept = made.add_argument_group("results")
    kept.add_argument("--output", type=file_path, help="folder for the tuned model and its answers")
    kept.add_argument("--checkpoint-every", type=int, help="updates between checkpoints")
    kept.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    told = kept.add_mutually_exclusive_group()
    told.add_argument("--curve", action="store_true", help="draw the loss as a curve that grows")
    told.add_argument("--quiet", action="store_true", help="print the scores only")
    return made


def check(chosen: argparse.Namespace) -> None:
    """Check all that can be checked without reading a file.

    Raises:
        ValueError: If a number is out of range, arguments contradict each other, or one of them
            would be without effect.
        OSError: If the folder for the results cannot be read.
    """
    counts = ("steps", "batch_size", "checkpoint_every", "made_items", "max_new_tokens")
    for name in counts:
        value = getattr(chosen, name)
        if value is not None and not 1 <= value < _MOST:
            wanted = "at least 1" if value < 1 else "less than 2**53"
            raise ValueError(f"{_word(name)} must be {wanted}, got {str(value):.24}")
    for name in ("lr", "weight_decay"):
        value = getattr(chosen, name)
        if value is not None and not (0 <= value < math.inf and (value or name != "lr")):
            wanted = "positive" if name == "lr" else "0 or more"
            raise ValueError(f"{_word(name)} must be {wanted} and finite, got {value}")
        most = LARGEST_RATE if name == "lr" else _LARGEST
        if value is not None and value > most:
            raise ValueError(f"{_word(name)} must be at most {most:.2g}, got {value}")
    if not 0 <= chosen.seed < 2**63 - 1:
        raise ValueError(f"--seed must be 0 to 2**63 - 2, got {chosen.seed}")
    if chosen.held_out is not None and not 0 < chosen.held_out < 1:
        raise ValueError(f"--held-out must be above 0 and below 1, got {chosen.held_out}")
    if chosen.held_out is not None and chosen.test is not None:
        raise ValueError("--held-out cuts a share off --data, but --test brings its own items")
    if chosen.data is None:
        for name in ("test", "held_out", "column"):
            if getattr(chosen, name):
                raise ValueError(f"{_word(name)} is for your own items: it needs --data")
        if chosen.made_items is not None and chosen.made_items > _MOST_MADE:
            raise ValueError(
                f"--made-items must be at most {_MOST_MADE:,}, got {chosen.made_items:,}"
            )
    elif chosen.made_items is not None:
        raise ValueError("--made-items is for a made task: leave out --data")
    kind = TASK_KINDS[chosen.kind].item
    if chosen.prefix and kind is TaggedWords:
        raise ValueError(f"--prefix has no place before the words of {chosen.kind}")
    if len({pair(text)[0] for text in chosen.column}) < len(chosen.column):
        raise ValueError(f"--column names a column twice: {' '.join(chosen.column)}")
    _check_output(chosen)


def check_family(chosen: argparse.Namespace, family: str) -> None:
    """Refuse a prefix where an encoder alone marks the answer in a text.

    Raises:
        ValueError: If there is one.
    """
    if chosen.prefix and family == "encoder-only" and TASK_KINDS[chosen.kind].item is Question:
        raise ValueError("--prefix has no place where an encoder-only model marks an answer")


def _check_output(chosen: argparse.Namespace) -> None:
    needs_output(chosen)
    output = chosen.output
    if output is None:
        return
    check_output("--output", output)
    if not output.exists():
        return
    if Path(chosen.checkpoint).exists() and output.samefile(chosen.checkpoint):
        raise ValueError(f"--output {output} is --checkpoint: its model would be lost")
    found = {entry.name for entry in output.iterdir() if not entry.name.startswith(".")}
    if found and not chosen.resume:
        raise ValueError(f"--output {output} is not empty: pass --resume to go on, or another")
    if found and not found & _OWN_FILES:
        raise ValueError(
            f"--resume finds no run in {output}, which holds {min(found)}: take another folder"
        )


def pair(text: str) -> tuple[str, str]:
    """Read one ``--column``: our name of it, and the file's.

    Raises:
        ValueError: If it is not of the form.
    """
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise ValueError(f"--column wants OURS=THEIRS, got {text!r}")
    return ours, theirs


def _word(name: str) -> str:
    return "--" + name.replace("_", "-")
