"""Tuning a pre-trained model on a task, and asking the tuned one, with the one training loop."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import torch
from torch import nn

from course_lib.checks import (
    check_generator,
    check_lists,
    check_mappings,
    check_module,
    check_numbers,
    check_whole,
)
from course_lib.data import batches
from course_lib.generation import generate
from course_lib.model import Transformer
from course_lib.objectives import causal_loss
from course_lib.tasks.examples import Encoder, Examples, prompt, question_ids
from course_lib.tasks.heads import TaskModel, make_head, task_loss
from course_lib.tasks.items import Item, LabelledText, Question, TaggedWords, TextPair
from course_lib.tasks.labels import first_pieces
from course_lib.training import History, adamw, linear, train
from course_lib.training.progress import Say

Answer = str | tuple[str, ...]
LONGEST_ANSWER = 30
"""Tokens; no span is longer."""


def fine_tune(
    model: Transformer | TaskModel,
    examples: Examples,
    *,
    steps: int,
    batch_size: int = 16,
    lr: float = 1e-3,
    weight_decay: float = 0.01,
    warmup: float = 0.1,
    seed: int = 0,
    held_out: Examples | None = None,
    evaluate_every: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    run: Mapping[str, Any] | None = None,
    metrics: str | PathLike[str] | None = None,
    progress: bool | Say = True,
) -> History:
    """Tune all weights of a model on encoded items.

    It is a call of `course_lib.training.train`: checkpoints, exact resuming, interrupts and metrics
    are those of pre-training. The rate rises, then falls to 0 along a straight line.

    Args:
        model: With the head of a task, or as it is where the task is to write text.
        examples: From `encode_items`.
        steps: Updates of the whole run.
        batch_size: Items of an update; all of them, where there are less.
        lr: Peak learning rate of AdamW.
        weight_decay: Of matrices.
        warmup: Share of the updates before the full rate.
        seed: Draws the order of the items, and dropout.
        held_out: Items to measure the loss on.
        evaluate_every: Updates between measurements; None leaves the first and the last.
        checkpoint: File to keep the run in.
        checkpoint_every: Updates between writings of it.
        resume: Go on from the checkpoint where there is one.
        run: More values that must not change when the run goes on.
        metrics: File that gets a JSON object a line.
        progress: As in `train`.

    Returns:
        The course of the run; the model is left in evaluation mode.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a number is out of range, a checkpoint is of another run, or an argument
            would be without effect.

    Source: Devlin et al. 2019, appendix A.3: warm-up over a tenth, then a linear fall.
    """
    check_module(model)
    [steps, batch_size, seed] = check_whole(steps=steps, batch_size=batch_size, seed=seed)
    [warmup] = check_numbers(warmup=warmup)
    for name, given in (("examples", examples), ("held_out", held_out)):
        if not isinstance(given, Examples) and (given is not None or name == "examples"):
            raise TypeError(f"{name} must be Examples, from encode_items, got {given!r:.60}")
    if not 0 <= seed < 2**63 - 1:
        raise ValueError(f"seed must be 0 to 2**63 - 2, got {seed}")
    if held_out is not None and (
        not len(held_out) or {*held_out.rows[0]} != {*(examples.rows or [{}])[0]}
    ):
        raise ValueError("held_out must hold at least 1 row, of the kind of examples")
    if held_out is not None and held_out.pad_id != examples.pad_id:
        raise ValueError(
            f"held_out must be padded as examples, with {examples.pad_id}, got {held_out.pad_id}"
        )
    run = {} if run is None else run
    check_mappings(run=run)
    if not 0 <= warmup <= 1:
        raise ValueError(f"warmup must be a share of the steps, 0 to 1, got {warmup}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    table, measured = examples, None
    if held_out is not None:
        table = Examples(examples.rows + held_out.rows, examples.pad_id, [])
        measured = table.numbers[len(examples) :]
    settings: dict[str, Any] = {
        "examples": examples.digest(),
        "batch_size": batch_size,
        "lr": lr,
        "weight_decay": weight_decay,
        "warmup": warmup,
        "seed": seed,
    }
    if twice := sorted({*settings} & {*run}):
        raise ValueError(f"run must name none of {', '.join(settings)}; got {', '.join(twice)}")
    settings.update(run)
    history = train(
        model,
        batches(
            examples.numbers,
            min(batch_size, len(examples)),
            generator=torch.Generator().manual_seed(seed + 1),
        ),
        optimizer=adamw(model, lr, weight_decay),
        steps=steps,
        schedule=linear(steps=steps, warmup=int(warmup * steps)),
        loss=task_loss if isinstance(model, TaskModel) else causal_loss,
        objective=table,
        seed=seed,
        held_out=measured,
        evaluate_every=evaluate_every,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
        run=settings,
        metrics=metrics,
        progress=progress,
    )
    model.eval()
    return history


def answer(
    model: Transformer | TaskModel,
    items: Sequence[Item],
    encoder: Encoder,
    labels: Sequence[str] = (),
    *,
    batch_size: int = 64,
    max_new_tokens: int = 64,
) -> list[Answer]:
    """Ask a tuned model for its answers, without showing it the right ones.

    Args:
        model: As tuned.
        items: All of one type; what they say is right is not looked at.
        encoder: As in tuning.
        labels: As in tuning. A word that lies beyond `max_seq_len` gets the first of them.
        batch_size: Items read at a time; the answers do not depend on it.
        max_new_tokens: The most tokens of a written answer.

    Returns:
        For each item a label, a label a word, or a text.

    Raises:
        TypeError: If an argument is of a wrong type, model and items do not belong together, or
            the items are of several types.
        ValueError: If a number is not positive, or labels are not as many as the head's choices.
    """
    check_module(model)
    check_lists(items=items, labels=labels)
    [batch_size, max_new_tokens] = check_whole(batch_size=batch_size, max_new_tokens=max_new_tokens)
    for name, value in (("batch_size", batch_size), ("max_new_tokens", max_new_tokens)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not isinstance(encoder, Encoder):
        raise TypeError(f"encoder must be an Encoder, got {encoder!r:.60}")
    several = {type(item).__name__ for item in items}
    if len(several) > 1:
        raise TypeError(f"items must be of one type, got {', '.join(sorted(several))}")
    choices = model.n_labels if isinstance(model, TaskModel) else None
    if choices is not None and len(labels) != choices:
        raise ValueError(f"labels must be as many as the head's {choices}, got {len(labels)}")
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return list(_answers(model, items, encoder, labels, batch_size, max_new_tokens))
    finally:
        model.train(was_training)


def _answers(
    model: Transformer | TaskModel,
    items: Sequence[Item],
    encoder: Encoder,
    labels: Sequence[str],
    batch_size: int,
    max_new_tokens: int,
) -> Iterable[Answer]:
    for start in range(0, len(items), batch_size):
        part = items[start : start + batch_size]
        first = part[0]
        if isinstance(model, Transformer):
            if not isinstance(first, TextPair | Question):
                raise TypeError(f"{type(first).__name__} needs a model with the head of a task")
            yield from _write(model, part, encoder, max_new_tokens)
        elif isinstance(first, LabelledText) and model.kind == "sequence":
            read = [encoder.cut(encoder.prefix + item.text)[0] for item in part]  # type: ignore[union-attr]
            for scores in _scores(model, read, encoder):
                yield labels[int(scores[0].argmax())]
        elif isinstance(first, TaggedWords) and model.kind == "tokens":
            cuts = [encoder.cut(item.text) for item in part]  # type: ignore[union-attr]
            scored = _scores(model, [ids for ids, _, _ in cuts], encoder)
            for item, (_, pieces, _), scores in zip(part, cuts, scored, strict=True):
                places = first_pieces(pieces, item.spans)  # type: ignore[union-attr]
                best = scores.argmax(-1).tolist()
                yield tuple(labels[0 if at is None else best[at]] for at in places)
        elif isinstance(first, Question) and model.kind == "span":
            yield from _spans(model, part, encoder)
        else:
            raise TypeError(f"a head for {model.kind} cannot answer a {type(first).__name__}")


def _scores(model: TaskModel, read: list[list[int]], encoder: Encoder) -> Iterable[torch.Tensor]:
    """Logits of each text by itself, without padding."""
    rows = []
    for ids in read:
        row = {"inputs": ids, "targets": ids}
        if encoder.config.family == "encoder-decoder":
            row = {"inputs": [encoder.start_id, *ids[:-1]], "targets": ids, "source": ids}
        rows.append(row)
    batch = Examples(rows, encoder.pad_id, [])
    example = batch(batch.numbers)
    device = next(model.parameters()).device
    more = {
        name: part.to(device)
        for name in ("keep", "source", "source_keep")
        if (part := getattr(example, name)) is not None
    }
    logits = model(example.inputs.to(device), **more)
    for ids, scores in zip(read, logits, strict=True):
        yield scores[: len(ids)]


def _spans(model: TaskModel, items: Sequence[Item], encoder: Encoder) -> Iterable[str]:
    """The likeliest span of the text whose end does not come before its beginning."""
    room = encoder.config.max_seq_len
    read, places = [], []
    for item in items:
        assert isinstance(item, Question)
        ids, place = question_ids(item, encoder)
        read.append(ids[:room])
        places.append(place)
    for item, ids, place, scores in zip(
        items, read, places, _scores(model, read, encoder), strict=True
    ):
        assert isinstance(item, Question)
        pieces = encoder.tokenizer.offsets(item.context)
        n = min(len(pieces), len(ids) - place)
        if n < 1:
            yield ""
            continue
        both = scores[0, place : place + n, None] + scores[1, None, place : place + n]  # (T, T)
        allowed = torch.ones_like(both, dtype=torch.bool).triu().tril(LONGEST_ANSWER - 1)
        best = int(both.masked_fill(~allowed, float("-inf")).argmax())
        begin, end = pieces[best // n][0], pieces[best % n][1]
        yield item.context[begin:end].strip()


def _write(
    model: Transformer, items: Sequence[Item], encoder: Encoder, max_new_tokens: int
) -> Iterable[str]:
    device = model.embedding.weight.device
    room = encoder.config.max_seq_len
    read = []
    for item in items:
        assert isinstance(item, TextPair | Question)
        read.append(prompt(item, encoder))
    longest = max(map(len, read))
    if longest > room:
        raise ValueError(f"a source has {longest} tokens, more than max_seq_len {room}")
    ids = torch.full((len(read), longest), encoder.pad_id)
    keep = torch.zeros_like(ids, dtype=torch.bool)
    both_sides = encoder.config.family == "encoder-decoder"
    for number, row in enumerate(read):
        where = slice(0, len(row)) if both_sides else slice(longest - len(row), None)
        ids[number, where] = torch.tensor(row)
        keep[number, where] = True
    ids, keep = ids.to(device), keep.to(device)
    if both_sides:
        first = torch.full((len(read), 1), encoder.start_id, device=device)
        written = generate(
            model,
            first,
            max_new_tokens=min(max_new_tokens, room - 1),
            eos_id=encoder.end_id,
            source=ids,
            source_keep=keep,
        )
    else:
        if longest == room:
            raise ValueError(f"a prompt of {room} tokens leaves no room to write")
        written = generate(
            model,
            ids,
            max_new_tokens=min(max_new_tokens, room - longest),
            eos_id=encoder.end_id,
            keep=keep,
        )
    for tokens, length in zip(written.tokens.tolist(), written.lengths.tolist(), strict=True):
        kept = tokens[:length]
        if kept and kept[-1] == encoder.end_id:
            kept = kept[:-1]
        yield encoder.tokenizer.decode(kept, skip_special=True).strip()


def task_model(
    model: Transformer, items: Sequence[Item], labels: Sequence[str], generator: torch.Generator
) -> Transformer | TaskModel:
    """Put the head on a model that items of this type need; text pairs need none.

    Args:
        model: A model of any family.
        items: What it will be tuned on.
        labels: All labels.
        generator: Draws the head's weights.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there is no item, or the model writes no text and the items want some.
    """
    if not isinstance(model, Transformer):
        raise TypeError(f"model must be a Transformer, got {type(model).__name__}")
    check_lists(items=items, labels=labels)
    check_generator(generator)
    if not len(items):
        raise ValueError("items must hold at least 1, got none")
    kind = {LabelledText: "sequence", TaggedWords: "tokens"}.get(type(items[0]))
    if isinstance(items[0], Question) and model.decoder is None:
        kind = "span"
    if kind is None:
        if model.decoder is None:
            raise ValueError("an encoder-only model writes no text: take a model with a decoder")
        return model
    head: nn.Module = make_head(model.config, kind, max(len(labels), 2), generator=generator)  # type: ignore[arg-type]
    return TaskModel(model, head)
