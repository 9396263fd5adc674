"""The command line of tasks: tune a pre-trained model, score it, and keep it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.command_line import in_options, what_is_kept
from course_lib.files import write_json, write_text
from course_lib.locks import locked
from course_lib.model import Transformer
from course_lib.tasks.arguments import check, check_family, pair, parser
from course_lib.tasks.examples import Encoder, Examples, encode_items
from course_lib.tasks.files import labels_of, read_items
from course_lib.tasks.fine_tune import Answer, answer, fine_tune, task_model
from course_lib.tasks.heads import TaskModel
from course_lib.tasks.items import Item, LabelledText, TaggedWords
from course_lib.tasks.kinds import TASK_KINDS, TaskKind
from course_lib.tasks.made import MADE
from course_lib.tasks.metrics import METRICS, right_answers
from course_lib.tasks.saved import (
    Tuned,
    find_tokenizer,
    read_model,
    read_pooler,
    save_tuned,
    together,
    use_pooler,
)
from course_lib.tokenizers import Tokenizer
from course_lib.training import History
from course_lib.training.curve import how_to_say

_PUBLISHED_RATE, _PUBLISHED_WIDTH = 5e-5, 768


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

    Raises:
        BrokenPipeError: Whoever read the output is gone.
    """
    reader = parser()
    chosen = reader.parse_args(arguments)
    try:
        try:
            prepared = prepare(chosen)
        except (ValueError, TypeError, OSError, ImportError) as error:
            reader.exit(2, f"{reader.prog}: {in_options(error, chosen)}\n")
        with _alone(chosen.output):
            history = tune(prepared, chosen)
            if history.interrupted:
                kept = what_is_kept(chosen.output, "--resume goes on")
                print(f"interrupted after {history.steps} steps; {kept}", file=sys.stderr)
                return 130
            scores, answers = score(prepared, chosen)
        print(json.dumps(scores))
        if chosen.output is not None:
            write_results(prepared, chosen, scores, answers)
    except BrokenPipeError:
        raise  # whoever reads the output has gone: `run_command` ends this quietly
    except (FloatingPointError, ValueError, OSError, ImportError) as error:
        print(f"{type(error).__name__}: {in_options(error, chosen)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = what_is_kept(chosen.output, "a checkpoint, if there is one, is whole")
        print(f"interrupted; {kept}", file=sys.stderr)
        return 130
    return 0


def _alone(output: Path | None) -> contextlib.AbstractContextManager[None]:
    """Keep other runs out of the folder; the model's own writer takes the lock after this."""
    if output is None:
        return contextlib.nullcontext()
    output.mkdir(parents=True, exist_ok=True)
    return locked(output, timeout_seconds=0.0)


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
    check(chosen)
    kind = TASK_KINDS[chosen.kind]
    train, test = read_data(chosen, kind)
    pretrained, words, pooler = together(
        chosen.checkpoint, lambda place: _read_start(chosen, place)
    )
    generator = torch.Generator().manual_seed(chosen.seed)
    fields = pretrained.published_fields
    if chosen.scratch:
        pretrained = Transformer(pretrained.config, generator=generator)
        pretrained.published_fields = fields
    encoder = Encoder.of(words, pretrained.config, fields, chosen.prefix)
    labels: tuple[str, ...] = ()
    if kind.item in (LabelledText, TaggedWords):
        made = chosen.data is None
        labels = tuple(
            MADE[kind.name].labels if made else labels_of(train if chosen.test else [*train, *test])
        )
    model = task_model(pretrained, train, labels, generator)
    if isinstance(model, TaskModel) and not chosen.scratch:
        use_pooler(model, pooler)
    sides = []
    for name, items in ((chosen.data, train), (chosen.test or chosen.data, test)):
        try:
            sides.append(encode_items(items, encoder, labels))
        except ValueError as error:
            raise ValueError(f"{name or 'made task'}: {error}") from error
    lr = chosen.lr or _PUBLISHED_RATE * _PUBLISHED_WIDTH / pretrained.config.d_model
    tuned = Tuned(model, encoder, labels)
    return Prepared(kind, tuned, train, test, sides[0], sides[1], lr)


def _read_start(
    chosen: argparse.Namespace, place: Path
) -> tuple[Transformer, Tokenizer, nn.Module | None]:
    """Read the model to begin from, its tokenizer and, where it has one, its pooler."""
    pretrained = read_model(place)
    check_family(chosen, pretrained.config.family)
    words = find_tokenizer(chosen.checkpoint, chosen.tokenizer)
    return pretrained, words, read_pooler(pretrained, place)


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
    items = _read(chosen, chosen.data, kind)
    if chosen.test is not None:
        return items, _read(chosen, chosen.test, kind)
    n_test = max(1, round(len(items) * (0.2 if chosen.held_out is None else chosen.held_out)))
    if n_test >= len(items):
        raise ValueError(f"{chosen.data} holds {len(items)} items: too few to hold {n_test} out")
    order = torch.randperm(len(items), generator=generator).tolist()
    mixed = [items[number] for number in order]
    return mixed[n_test:], mixed[:n_test]


def _read(chosen: argparse.Namespace, path: Path, kind: TaskKind) -> list[Item]:
    try:
        items = read_items(path, kind.item, dict(map(pair, chosen.column)))
    except ValueError as error:
        if not str(error).startswith("columns "):
            raise
        raise ValueError(f"--column{str(error).removeprefix('columns')}") from error
    try:
        return kind.ready(items)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def tune(prepared: Prepared, chosen: argparse.Namespace) -> History:
    """Tune the model, with checkpoints where there is a folder for them."""
    output = chosen.output
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
        progress=not chosen.quiet and how_to_say(chosen.steps, chosen.curve),
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
