"""The task heads that published checkpoints hold beside the model."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from course_lib.config import TransformerConfig
from course_lib.model.heads import (
    NextSentenceHead,
    Pooler,
    SequenceClassifier,
    SpanHead,
    TokenClassifier,
)
from course_lib.weights.checkpoint import Checkpoint
from course_lib.weights.load import check_placement, find_folder, read_checkpoint, steadily


def load_head(
    path_or_name: str | os.PathLike[str],
    kind: str,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
) -> nn.Module:
    """Load the head of a task from a published checkpoint.

    `Transformer.from_pretrained` passes over these heads: they are modules of their own, which
    take hidden states: of `model.encode` for an encoder, else of `model.decode`. An
    encoder-decoder reads one text on both sides, on the decoder's shifted right by its start
    token, and the head takes the hidden states of that side, with the `keep` of the text: so the
    label of a text is read where the text ends. What the labels mean is in
    `model.published_fields["id2label"]`.

    Args:
        path_or_name: A folder with `config.json` and weights, or a name on the hub.
        kind: What the checkpoint was trained for: `pooler`, `next_sentence`, `sequence` (one label
            for a text), `tokens` (one for each token) or `span` (where an answer starts and ends).
        device: Where to put the head; None means the CPU.
        dtype: Type of the parameters; None means the file's own.
        revision: Branch, tag or commit, for a name on the hub.

    Returns:
        The head, in evaluation mode.

    Raises:
        FileNotFoundError: If there is no such folder or name, or a file is missing in it.
        ValueError: If the family has no such head, if this checkpoint lacks it, or if a tensor
            has a shape that does not fit.
    """
    check_placement(device, dtype)
    folder = find_folder(path_or_name, revision)
    return steadily(folder, lambda: read_head(folder, kind, device, dtype))


def read_head(
    folder: Path,
    kind: str,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Load as `load_head` does, once: for a block of `steadily` that reads more than this.

    Args:
        folder: From `find_folder`.
        kind: What the checkpoint was trained for.
        device: Where to put the head.
        dtype: Type of the parameters.

    Raises:
        ValueError: If the family has no such head, or the checkpoint lacks it or has another.
    """
    published, checkpoint = read_checkpoint(folder)
    family, config = published.family, published.config
    if kind not in family.heads:
        known = ", ".join(sorted(family.heads)) or "none"
        raise ValueError(f"kind={kind!r}: heads of {family.model_type} files are: {known}")
    maps = family.heads[kind]
    for theirs in maps.values():
        if f"{theirs}.weight" not in checkpoint.entries:
            raise ValueError(f"{checkpoint.folder}: no {theirs}.weight, so no head kind={kind!r}")
    head = _build(kind, config, maps, checkpoint)
    head.to(dtype or checkpoint.dtype(f"{theirs}.weight" for theirs in maps.values()))
    for name, ours in head.state_dict().items():
        part, _, which = name.rpartition(".")
        entry = checkpoint.entries.get(f"{maps[part]}.{which}")
        if entry is None:
            raise ValueError(f"{checkpoint.folder}: {maps[part]}.{which} is missing")
        if entry.shape != tuple(ours.shape):
            raise ValueError(
                f"{entry.file}: {entry.name} has shape {entry.shape}, but a head kind={kind!r} "
                f"of this model asks for {tuple(ours.shape)}"
            )
        for start, piece in checkpoint.pieces(entry, 1):
            ours[start : start + len(piece)].copy_(piece)
    return head.to(device or "cpu").eval()


def _build(
    kind: str, config: TransformerConfig, maps: Mapping[str, str], checkpoint: Checkpoint
) -> nn.Module:
    d_model, entries = config.d_model, checkpoint.entries
    output = maps.get("output", "")
    n_labels = entries[f"{output}.weight"].shape[0] if output else 0
    makers: dict[str, Callable[[], nn.Module]] = {
        "pooler": lambda: Pooler(d_model),
        "next_sentence": lambda: NextSentenceHead(d_model),
        "sequence": lambda: SequenceClassifier(
            d_model,
            n_labels,
            last=config.n_decoder_layers > 0,
            dense="dense" in maps,
            bias=f"{output}.bias" in entries,
            dropout=config.dropout,
        ),
        "tokens": lambda: TokenClassifier(d_model, n_labels, dropout=config.dropout),
        "span": lambda: SpanHead(d_model),
    }
    return makers[kind]()
