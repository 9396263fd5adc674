"""A tuned model in a folder, and back; and the folder of a pre-trained one that it began from."""

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch

from course_lib.config import TransformerConfig
from course_lib.files import read_json, write_json
from course_lib.model import SequenceClassifier, Transformer
from course_lib.tasks.examples import Encoder
from course_lib.tasks.heads import TaskModel, make_head
from course_lib.tokenizers import Tokenizer, load_tokenizer
from course_lib.training import load_checkpoint, read_config, save_checkpoint
from course_lib.weights import load_head, save_pretrained

TASK = "task.json"
_OWN = ("model.safetensors", "checkpoint.safetensors")


@dataclass
class Tuned:
    """A model with all that is needed to ask it.

    Attributes:
        model: With its head, where the task has one.
        encoder: How texts become ids.
        labels: All labels in the order of the head's choices.
    """

    model: Transformer | TaskModel
    encoder: Encoder
    labels: tuple[str, ...]


def open_pretrained(folder: str | PathLike[str]) -> Transformer:
    """Read a model from a run of `course_lib.training`, a published checkpoint, or a tuned model.

    Args:
        folder: Of any of them; of a run that is not over, its last checkpoint is read. The head
            of a tuned model is left behind.

    Returns:
        The model, in evaluation mode.

    Raises:
        FileNotFoundError: If it holds no model.
        ValueError: If a file is damaged.
    """
    folder = Path(folder)
    if (folder / TASK).is_file():
        tuned = load_tuned(folder).model
        return tuned if isinstance(tuned, Transformer) else tuned.model
    # its name counts, for a save that goes on makes it a link for a moment
    if os.path.lexists(folder / "config.json") or not folder.exists():
        return Transformer.from_pretrained(folder if folder.exists() else str(folder))
    for name in _OWN:
        if (folder / name).is_file():
            fields = read_config(folder / name)
            if fields is None:
                raise ValueError(f"{folder / name} does not say of which config its model is")
            model = Transformer(TransformerConfig.from_dict(fields))
            load_checkpoint(folder / name, model)
            return model.eval()
    raise FileNotFoundError(f"{folder} holds no model: no config.json, {', '.join(_OWN)}")


def use_pooler(model: TaskModel, folder: str | PathLike[str]) -> bool:
    """Begin with the pooler of a published BERT, where its checkpoint has one.

    Args:
        model: With a fresh head.
        folder: Of the checkpoint.

    Returns:
        Whether it has one, and the head reads it.
    """
    head, bert = model.head, model.model.published_fields.get("model_type") == "bert"
    if not (bert and isinstance(head, SequenceClassifier) and head.dense is not None):
        return False
    try:
        pooler = load_head(folder, "pooler")
    except ValueError:
        return False  # a checkpoint of masked language modelling alone
    head.dense.load_state_dict(pooler.dense.state_dict())  # type: ignore[union-attr]
    return True


def save_tuned(tuned: Tuned, folder: str | PathLike[str]) -> None:
    """Write a tuned model, its tokenizer and its labels.

    A model of a published family is written as the reference library reads it; any other one as a
    checkpoint of `save_checkpoint`.

    Args:
        tuned: The model.
        folder: Where to write.

    Raises:
        ValueError: If the weights cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    encoder, model = tuned.encoder, tuned.model
    plain = model if isinstance(model, Transformer) else model.model
    kind = None if isinstance(model, Transformer) else model.kind
    plain.published_fields = {
        **plain.published_fields,
        "eos_token_id": encoder.end_id,
        "pad_token_id": encoder.pad_id,
        "decoder_start_token_id": encoder.start_id,
    }
    labels = () if kind == "span" else tuned.labels
    try:
        if isinstance(model, Transformer):
            save_pretrained(model, folder)
        else:
            save_pretrained(
                model.model, folder, head=model.head, head_kind=model.kind, labels=labels
            )
        published = True
    except ValueError as error:
        if "family" not in str(error) and "heads of" not in str(error):
            raise
        save_checkpoint(folder / _OWN[0], model)
        published = False
    encoder.tokenizer.save(folder / "tokenizer.json")
    content = {
        "head": kind,
        "labels": list(tuned.labels),
        "prefix": encoder.prefix,
        "published": published,
        "ids": {"end": encoder.end_id, "pad": encoder.pad_id, "start": encoder.start_id},
    }
    write_json(folder / TASK, content, indent=1)


def load_tuned(folder: str | PathLike[str]) -> Tuned:
    """Read what `save_tuned` wrote.

    Args:
        folder: Where it was written.

    Returns:
        The model, ready to be asked.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged.
    """
    folder = Path(folder)
    content = read_json(folder / TASK)
    try:
        kind, labels = content["head"], tuple(content["labels"])
        ids, prefix, published = content["ids"], content["prefix"], content["published"]
        named = {f"{name}_token_id": ids[name] for name in ("pad",)}
        named |= {"eos_token_id": ids["end"], "decoder_start_token_id": ids["start"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / TASK} describes no tuned model: {error!r}") from error
    model: Transformer | TaskModel
    if published:
        plain = Transformer.from_pretrained(folder)
        model = plain if kind is None else TaskModel(plain, load_head(folder, kind))
    else:
        fields = read_config(folder / _OWN[0])
        plain = Transformer(TransformerConfig.from_dict(fields or {}))
        model = plain
        if kind is not None:
            fresh = torch.Generator()
            head = make_head(plain.config, kind, max(len(labels), 2), generator=fresh)
            model = TaskModel(plain, head)
        load_checkpoint(folder / _OWN[0], model)
    tokenizer = load_tokenizer(folder)
    return Tuned(model.eval(), Encoder.of(tokenizer, plain.config, named, prefix), labels)


def find_tokenizer(checkpoint: str | PathLike[str], given: Path | None) -> Tokenizer:
    """Read the tokenizer that was named, or that of a checkpoint.

    Args:
        checkpoint: A folder.
        given: A tokenizer's file or folder; None looks into the checkpoint.

    Raises:
        FileNotFoundError: If there is none.
    """
    place = Path(checkpoint) if given is None else given
    if given is None and not place.is_dir():
        raise FileNotFoundError(f"--tokenizer is needed: {checkpoint} is no folder with one")
    return load_tokenizer(place)
