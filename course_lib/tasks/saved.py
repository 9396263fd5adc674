"""A tuned model in a folder, and back; and the folder of a pre-trained one that it began from."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from course_lib.config import TransformerConfig
from course_lib.files import read_json, write_json
from course_lib.model import SequenceClassifier, Transformer
from course_lib.tasks.examples import Encoder
from course_lib.tasks.heads import TaskModel, make_head
from course_lib.tokenizers import Tokenizer, load_tokenizer
from course_lib.training import load_checkpoint, read_config, save_checkpoint
from course_lib.weights import save_pretrained
from course_lib.weights.checkpoint import BESIDE, TASK
from course_lib.weights.heads import read_head
from course_lib.weights.llama_meta import PARAMS
from course_lib.weights.load import find_folder, read_pretrained, steadily
from course_lib.weights.save import save_together, target_folder

_OWN = ("model.safetensors", "checkpoint.safetensors")
_Read = TypeVar("_Read")


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
    return together(folder, read_model)


def together(folder: str | PathLike[str], read: Callable[[Path], _Read]) -> _Read:
    """Read a model and what lies beside it in such a way that all of it is of one save.

    Args:
        folder: Where to read.
        read: Reads from the folder it is given, with `read_model`, `find_tokenizer` and
            `read_pooler`. It is called again if files were exchanged in the meantime.

    Raises:
        ValueError: If files were exchanged each time.
    """
    place = Path(folder).expanduser()
    return steadily(place, lambda: read(place), BESIDE) if place.is_dir() else read(place)


def read_model(folder: Path) -> Transformer:
    """Open as `open_pretrained` does, once: for a block of `together` that reads more than this.

    Args:
        folder: Where to read.

    Raises:
        FileNotFoundError: If it holds no model.
        ValueError: If a file is damaged.
    """
    if not folder.is_dir():  # a `.gguf` file, or a name on the hub
        return Transformer.from_pretrained(folder if folder.exists() else str(folder))
    if (folder / TASK).is_file():
        tuned = _read_tuned(folder).model
        return tuned if isinstance(tuned, Transformer) else tuned.model
    if (folder / "config.json").is_file() or (folder / PARAMS).is_file():
        return read_pretrained(folder)
    for name in _OWN:
        if (folder / name).is_file():
            fields = read_config(folder / name)
            if fields is None:
                raise ValueError(f"{folder / name} does not say of which config its model is")
            model = Transformer(TransformerConfig.from_dict(fields))
            load_checkpoint(folder / name, model)
            return model.eval()
    raise FileNotFoundError(f"{folder} holds no model: no config.json, {', '.join(_OWN)}")


def read_pooler(model: Transformer, folder: Path) -> nn.Module | None:
    """Read the pooler of a published BERT, where its checkpoint has one.

    Args:
        model: That was read from there.
        folder: Of the checkpoint.
    """
    if model.published_fields.get("model_type") != "bert":
        return None
    try:
        return read_head(find_folder(folder if folder.exists() else str(folder)), "pooler")
    except ValueError:
        return None  # a checkpoint of masked language modelling alone


def use_pooler(model: TaskModel, pooler: nn.Module | None) -> None:
    """Let a fresh head begin with a pooler, if there is one and the head has such a part."""
    head = model.head
    if pooler is not None and isinstance(head, SequenceClassifier) and head.dense is not None:
        head.dense.load_state_dict(pooler.dense.state_dict())  # type: ignore[union-attr]


def save_tuned(tuned: Tuned, folder: str | PathLike[str]) -> None:
    """Write a tuned model, its tokenizer and its labels, all at once.

    A model of a published family is written as the reference library reads it; any other one as a
    checkpoint of `save_checkpoint`.

    Args:
        tuned: The model.
        folder: Where to write.

    Raises:
        ValueError: If the weights cannot be written.
    """
    folder = target_folder(folder)
    encoder, model = tuned.encoder, tuned.model
    plain = model if isinstance(model, Transformer) else model.model
    kind = None if isinstance(model, Transformer) else model.kind
    plain.published_fields = {
        **plain.published_fields,
        "eos_token_id": encoder.end_id,
        "pad_token_id": encoder.pad_id,
        "decoder_start_token_id": encoder.start_id,
    }
    labels = () if kind in (None, "span") else tuned.labels
    content = {
        "head": kind,
        "labels": list(tuned.labels),
        "prefix": encoder.prefix,
        "ids": {"end": encoder.end_id, "pad": encoder.pad_id, "start": encoder.start_id},
    }

    def write_rest(staged: Path, published: bool = True) -> None:
        encoder.tokenizer.save(staged / "tokenizer.json")
        write_json(staged / TASK, {**content, "published": published}, indent=1)

    def write_own(staged: Path) -> None:
        save_checkpoint(staged / _OWN[0], model)
        write_rest(staged, published=False)

    head = None if isinstance(model, Transformer) else model.head
    try:
        save_pretrained(plain, folder, head=head, head_kind=kind, labels=labels, beside=write_rest)
    except ValueError as error:
        if "family" not in str(error) and "heads of" not in str(error):
            raise
        save_together(folder, write_own, BESIDE)


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
    return together(folder, _read_tuned)


def _read_tuned(folder: Path) -> Tuned:
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
        plain = read_pretrained(folder)
        model = plain if kind is None else TaskModel(plain, read_head(folder, kind))
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
    place = (Path(checkpoint) if given is None else given).expanduser()
    if given is None and not place.is_dir():
        raise FileNotFoundError(f"--tokenizer is needed: {checkpoint} is no folder with one")
    return load_tokenizer(place)
