"""A model into files that the reference library reads.

Chapter: 09_transformer_models
"""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from course_lib.model.transformer import Transformer
from course_lib.weights.checkpoint import INDEXES, SINGLE, read_index
from course_lib.weights.families import write_config
from course_lib.weights.rules import Rule, check_complete
from course_lib.weights.swap import exchange, make_room, settle


def save_pretrained(
    model: Transformer,
    folder: str | os.PathLike[str],
    *,
    max_shard_bytes: int = 5 * 10**9,
) -> None:
    """Write a model as a published checkpoint of its family: `config.json` and safetensors.

    All is written elsewhere first, then shown at once: whenever the process is killed, the folder
    holds what it held before or all of the new checkpoint.

    Args:
        model: The model. Its config decides the family.
        folder: Where to write. Other files in it are left alone, an older checkpoint is not.
        max_shard_bytes: Size from which the weights are split, in bytes.

    Raises:
        ValueError: If no published family is built like this, naming the nearest and every field
            that differs, if the model's parameters are not its config's, or if they are on the
            meta device.
        NotADirectoryError: If `folder` is a file.
    """
    if max_shard_bytes < 1:
        raise ValueError(f"max_shard_bytes={max_shard_bytes}: expected at least 1")
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file: expected a folder")
    family, fields = write_config(model.config)
    rules, state = family.rules(model.config), dict(model.state_dict())
    check_complete(rules, state)
    if any(tensor.is_meta for tensor in state.values()):
        raise ValueError("model is on the meta device: it has sizes, but no numbers to save")
    published = dict(model.published_fields)
    if published.pop("model_type", family.model_type) != family.model_type:
        published = {}
    fields = {
        **family.defaults(model.config),
        **published,
        **fields,
        "architectures": [family.architecture(model.config)],
        "dtype": str(model.embedding.weight.dtype).removeprefix("torch."),
    }

    if folder.exists():
        settle(folder)  # what a save that was killed may have left
        room = make_room(folder)
        staged = room / "new"
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        room = staged = folder.parent / f".{folder.name}.{secrets.token_hex(6)}.part"
        staged.mkdir()
    try:
        _write_weights(staged, _shards(rules, state, max_shard_bytes), state)
        _write_json(staged / "config.json", fields)
        if staged is room:
            os.replace(staged, folder)
        else:
            exchange(room, _checkpoint_files(folder))
    finally:
        if staged is room:
            shutil.rmtree(room, ignore_errors=True)
        else:
            settle(folder)


def _shards(rules: list[Rule], state: dict[str, Tensor], limit: int) -> list[list[Rule]]:
    """Divide the rules, in order, so that no shard but one of a single tensor is over the limit."""
    shards: list[list[Rule]] = [[]]
    size = 0
    for rule in rules:
        ours = rule.view(state[rule.ours])
        n_bytes = ours.numel() * ours.itemsize
        if shards[-1] and size + n_bytes > limit:
            shards.append([])
            size = 0
        shards[-1].append(rule)
        size += n_bytes
    return shards


def _write_weights(folder: Path, shards: list[list[Rule]], state: dict[str, Tensor]) -> None:
    n = len(shards)
    where: dict[str, str] = {}
    total = 0
    for number, shard in enumerate(shards, 1):
        name = SINGLE[0] if n == 1 else f"model-{number:05}-of-{n:05}.safetensors"
        tensors = {rule.theirs: rule.save(state[rule.ours]) for rule in shard}
        save_file(tensors, folder / name, metadata={"format": "pt"})
        _sync(folder / name)
        where |= dict.fromkeys(tensors, name)
        total += sum(tensor.numel() * tensor.itemsize for tensor in tensors.values())
    if n > 1:
        index = {"metadata": {"total_size": total}, "weight_map": where}
        _write_json(folder / INDEXES[0], index)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    _sync(file)


def _sync(file: Path) -> None:
    with open(file, "rb") as opened:
        os.fsync(opened.fileno())


def _checkpoint_files(folder: Path) -> set[str]:
    """Return the names a checkpoint may have in a folder: each would hide or mix with another."""
    names = {"config.json", *SINGLE, *INDEXES}
    for index in INDEXES:
        if (folder / index).is_file():
            try:
                names |= set(read_index(folder / index).values())
            except ValueError:
                continue  # a damaged index names nothing
    return names
