"""The command line of tasks: tune a pre-trained model, score it, and keep it."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from course_lib.files import write_json, write_text
from course_lib.model import Transformer
from course_lib.tasks.examples import Encoder, Examples, encode_items
from course_lib.tasks.files import COLUMNS, labels_of, read_items
from course_lib.tasks.fine_tune import Answer, answer, fine_tune, task_model
from course_lib.tasks.heads import TaskModel
from course_lib.tasks.items import Item, LabelledText, TaggedWords
from course_lib.tasks.kinds import TASK_KINDS, TaskKind
from course_lib.tasks.made import MADE
from course_lib.tasks.metrics import METRICS, right_answers
from course_lib.tasks.saved import Tuned, find_tokenizer, open_pretrained, save_tuned, use_pooler
from course_lib.training import History
from course_lib.training.progress import lines

_PUBLISHED_RATE, _PUBLISHED_WIDTH = 5e-5, 768


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    about = "; ".join(f"{kind.name}: {kind.about}" for kind in TASK_KINDS.values())
    made = argparse.ArgumentParser(
        prog="python -m course_lib.tasks",
        description=f"Tune a pre-trained model on a task and score it. {about}.",
    )
    made.add_argument("kind", choices=tuple(TASK_KINDS), metavar="KIND", help=", ".join(TASK_KINDS))
    made.add_argument("--checkpoint", required=True, help="folder of a training run or of a "
                      "published model, or a name on the hub")  # fmt: skip
    made.add_argument("--scratch", action="store_true", help="forget the weights: the same model "
                      "from random ones, to see what pre-training is worth")  # fmt: skip
    data = made.add_argument_group("data")
    data.add_argument("--data", type=Path, help="CSV, JSON lines or CoNLL; without it, the task "
                      "that is made by rules")  # fmt: skip
    data.add_argument("--test", type=Path, help="items to score on; without it, a share of --data")
    data.add_argument("--held-out", type=float, help="that share (0.2)")
    data.add_argument("--column", action="append", default=[], metavar="OURS=THEIRS",
                      help="what the file calls a column; ours are "
                      f"{', '.join(n for names in COLUMNS.values() for n in names)}")  # fmt: skip
    data.add_argument("--made-items", type=int, help="items of the made task to tune on (128)")
    data.add_argument("--tokenizer", type=Path, help="file or folder; else the checkpoint's own")
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
    kept.add_argument("--output", type=Path, help="folder for the tuned model and its answers")
    kept.add_argument("--checkpoint-every", type=int, help="updates between checkpoints")
    kept.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    kept.add_argument("--quiet", action="store_true", help="print the scores only")
    return made


@dataclass
class Prepared:
    """A run whose arguments and data are checked.

    Attributes:
        kind: The use.
        tuned: Model, encoder and labels, before tuning.
        train: To tune on.
        test: To score on.
        examples: The first, encoded.
        held_out: The second, encoded.
        lr: Peak learning rate.
    """

    kind: TaskKind
    tuned: Tuned
    train: list[Item]
    test: list[Item]
    examples: Examples
    held_out: Examples
    lr: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words of the command line; None takes the program's own.

    Returns:
        0; 1 where the run fails; 130 after an interrupt. Bad arguments or data end the program
        with 2.
    """
    reader = parser()
    chosen = reader.parse_args(arguments)
    try:
        prepared = prepare(chosen)
    except (ValueError, TypeError, OSError, ImportError) as error:
        reader.exit(2, f"{reader.prog}: {error}\n")
    try:
        history = tune(prepared, chosen)
        if history.interrupted:
            print(f"interrupted after {history.steps} steps", file=sys.stderr)
            return 130
        scores, answers = score(prepared, chosen)
    except (FloatingPointError, ValueError, ImportError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the last checkpoint is whole", file=sys.stderr)
        return 130
    print(json.dumps(scores))
    if chosen.output is not None:
        write_results(prepared, chosen, scores, answers)
    return 0


def prepare(chosen: argparse.Namespace) -> Prepared:
    """Check the arguments, read model and data, and encode the data.

    Args:
        chosen: The arguments.

    Returns:
        The run.

    Raises:
        ValueError: If arguments contradict each other, or the data do not fit the task.
        OSError: If a file cannot be read.
    """
    _check(chosen)
    kind = TASK_KINDS[chosen.kind]
    train, test = read_data(chosen, kind)
    for items in (train, test):
        kind.check(items)
    pretrained = open_pretrained(chosen.checkpoint)
    generator = torch.Generator().manual_seed(chosen.seed)
    fields = pretrained.published_fields
    if chosen.scratch:
        pretrained = Transformer(pretrained.config, generator=generator)
        pretrained.published_fields = fields
    words = find_tokenizer(chosen.checkpoint, chosen.tokenizer)
    encoder = Encoder.of(words, pretrained.config, fields, chosen.prefix)
    labels: tuple[str, ...] = ()
    if kind.item in (LabelledText, TaggedWords):
        made = chosen.data is None
        labels = tuple(
            MADE[kind.name].labels if made else labels_of(train if chosen.test else [*train, *test])
        )
    model = task_model(pretrained, train, labels, generator)
    if isinstance(model, TaskModel) and not chosen.scratch:
        use_pooler(model, chosen.checkpoint)
    sides = []
    for name, items in ((chosen.data, train), (chosen.test or chosen.data, test)):
        try:
            sides.append(encode_items(items, encoder, labels))
        except ValueError as error:
            raise ValueError(f"{name or 'made task'}: {error}") from error
    lr = chosen.lr or _PUBLISHED_RATE * _PUBLISHED_WIDTH / pretrained.config.d_model
    tuned = Tuned(model, encoder, labels)
    return Prepared(kind, tuned, train, test, sides[0], sides[1], lr)


def read_data(chosen: argparse.Namespace, kind: TaskKind) -> tuple[list[Item], list[Item]]:
    """Read or draw the items to tune on, and others to score on.

    Raises:
        ValueError: If there are too few.
    """
    generator = torch.Generator().manual_seed(chosen.seed)
    if chosen.data is None:
        task = MADE[kind.name]
        n_items = 128 if chosen.made_items is None else chosen.made_items
        return task.items(n_items, generator), task.items(400, generator)
    columns = dict(_pair(text) for text in chosen.column)
    items = read_items(chosen.data, kind.item, columns)
    if chosen.test is not None:
        return items, read_items(chosen.test, kind.item, columns)
    n_test = max(1, round(len(items) * (0.2 if chosen.held_out is None else chosen.held_out)))
    if n_test >= len(items):
        raise ValueError(f"{chosen.data} holds {len(items)} items: too few to hold {n_test} out")
    order = torch.randperm(len(items), generator=generator).tolist()
    mixed = [items[number] for number in order]
    return mixed[n_test:], mixed[:n_test]


def tune(prepared: Prepared, chosen: argparse.Namespace) -> History:
    """Tune the model, with checkpoints where there is a folder for them."""
    output = chosen.output
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    if not chosen.quiet:
        print(announcement(prepared), flush=True)
    return fine_tune(
        prepared.tuned.model,
        prepared.examples,
        steps=chosen.steps,
        batch_size=chosen.batch_size,
        lr=prepared.lr,
        weight_decay=chosen.weight_decay,
        seed=chosen.seed,
        held_out=prepared.held_out,
        checkpoint=None if output is None else output / "checkpoint.safetensors",
        checkpoint_every=chosen.checkpoint_every,
        resume=chosen.resume,
        run={"task": prepared.kind.name, "labels": list(prepared.tuned.labels),
             "checkpoint": str(chosen.checkpoint), "scratch": chosen.scratch},
        metrics=None if output is None else output / "metrics.jsonl",
        progress=False if chosen.quiet else (sys.stderr.isatty() or lines(chosen.steps)),
    )  # fmt: skip


def score(prepared: Prepared, chosen: argparse.Namespace) -> tuple[dict[str, Any], list[Answer]]:
    """Ask the tuned model, and score its answers."""
    tuned = prepared.tuned
    test = [prepared.test[number] for number in prepared.held_out.kept]
    answers = answer(
        tuned.model, test, tuned.encoder, tuned.labels, max_new_tokens=chosen.max_new_tokens
    )
    right = right_answers(test)
    scores: dict[str, Any] = {"task": prepared.kind.name, "items": len(test)}
    for name in prepared.kind.scores:
        scores[name] = round(METRICS[name](right, answers), 4)
    return scores, answers


def write_results(
    prepared: Prepared, chosen: argparse.Namespace, scores: dict[str, Any], answers: list[Answer]
) -> None:
    """Write the tuned model, its scores, and each answer beside the right one."""
    save_tuned(prepared.tuned, chosen.output)
    write_json(chosen.output / "scores.json", scores, indent=1)
    right = right_answers([prepared.test[number] for number in prepared.held_out.kept])
    pairs = zip(right, answers, strict=True)
    told = [json.dumps({"right": a, "answer": b}, ensure_ascii=False) for a, b in pairs]
    write_text(chosen.output / "answers.jsonl", "".join(f"{line}\n" for line in told))
    if not chosen.quiet:
        print(f"model, scores and answers are in {chosen.output}")


def announcement(prepared: Prepared) -> str:
    """Say what is about to run, and what was cut or left out."""
    n = prepared.tuned.encoder.config.n_parameters()
    text = (
        f"{n:,} parameters, {len(prepared.examples)} items to tune on, "
        f"{len(prepared.held_out)} to score on, learning rate {prepared.lr:.2g}"
    )
    for name, side in (("tune on", prepared.examples), ("score on", prepared.held_out)):
        for note, count in side.notes.items():
            if count:
                text += f"\n{count} items to {name}: {note}"
    return text


def _check(chosen: argparse.Namespace) -> None:
    counts = ("steps", "batch_size", "checkpoint_every", "made_items", "max_new_tokens")
    for name in counts:
        value = getattr(chosen, name)
        if value is not None and value < 1:
            raise ValueError(f"{_word(name)} must be at least 1, got {value}")
    for name in ("lr", "weight_decay"):
        value = getattr(chosen, name)
        if value is not None and not (0 <= value < math.inf and (value or name != "lr")):
            wanted = "positive" if name == "lr" else "0 or more"
            raise ValueError(f"{_word(name)} must be {wanted} and finite, got {value}")
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
    elif chosen.made_items is not None:
        raise ValueError("--made-items is for a made task: leave out --data")
    _check_output(chosen)


def _check_output(chosen: argparse.Namespace) -> None:
    output = chosen.output
    if output is None:
        if chosen.resume or chosen.checkpoint_every:
            name = "--resume" if chosen.resume else "--checkpoint-every"
            raise ValueError(f"{name} needs --output, the folder of the checkpoints")
        return
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output {output} is a file; a folder is wanted")
    if output.exists() and any(output.iterdir()) and not chosen.resume:
        raise ValueError(f"--output {output} is not empty: pass --resume to go on, or another")


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise ValueError(f"--column wants OURS=THEIRS, got {text!r}")
    return ours, theirs


def _word(name: str) -> str:
    return "--" + name.replace("_", "-")
