"""Write a made task to files: ``python -m course_lib.tasks.made sentiment --output FOLDER``.

A run on these files is the same as one on your own, from pre-training to scores.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

import torch

from course_lib.command_line import check_output, file_path, run_command
from course_lib.files import write_text
from course_lib.tasks.made import MADE, made_tokenizer


def main(arguments: Sequence[str] | None = None) -> int:
    """Write `texts.txt` to pre-train on, `tokenizer.json`, `train.jsonl` and `test.jsonl`.

    Args:
        arguments: Words of the command line; None takes the program's own.

    Returns:
        0; bad arguments end the program with 2.
    """
    reader = argparse.ArgumentParser(prog="python -m course_lib.tasks.made", description=__doc__)
    reader.add_argument("task", choices=tuple(MADE))
    reader.add_argument("--output", type=file_path, required=True, help="folder for the files")
    reader.add_argument("--texts", type=int, default=16_000, help="to pre-train on (%(default)s)")
    reader.add_argument("--train", type=int, default=128, help="items to tune on (%(default)s)")
    reader.add_argument("--test", type=int, default=400, help="items to score on (%(default)s)")
    reader.add_argument("--seed", type=int, default=0)
    chosen = reader.parse_args(arguments)
    for name in ("texts", "train", "test"):
        if getattr(chosen, name) < 1:
            reader.error(f"--{name} must be at least 1, got {getattr(chosen, name)}")
    if not 0 <= chosen.seed < 2**63:
        reader.error(f"--seed must be 0 to 2**63 - 1, got {chosen.seed}")
    task, generator = MADE[chosen.task], torch.Generator().manual_seed(chosen.seed)
    try:
        check_output("--output", chosen.output)
        chosen.output.mkdir(parents=True, exist_ok=True)
        texts = task.texts(chosen.texts, generator)
        files = {"texts.txt": "".join(f"{text}\n" for text in texts)}
        for name in ("train", "test"):
            items = task.items(getattr(chosen, name), generator)
            files[f"{name}.jsonl"] = "".join(f"{json.dumps(asdict(item))}\n" for item in items)
        for name, content in files.items():
            path = chosen.output / name
            if path.exists() and path.read_bytes() != content.encode():
                reader.exit(2, f"{reader.prog}: {path} holds others: take another --output\n")
        for name, content in files.items():
            write_text(chosen.output / name, content)
        made_tokenizer().save(chosen.output / "tokenizer.json")
    except (OSError, ValueError) as error:
        reader.exit(2, f"{reader.prog}: {error}\n")
    except KeyboardInterrupt:
        reader.exit(130, f"{reader.prog}: interrupted; the same command goes on\n")
    print(f"{chosen.texts} texts, {chosen.train} and {chosen.test} items are in {chosen.output}")
    return 0


if __name__ == "__main__":
    run_command(main)
