"""A model into files that the reference library reads.

Chapter: 09_transformer_models
"""

import os
import secrets
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.command_line import check_output
from course_lib.files import partial_path, remove_leftovers, replacing, sync, write_json
from course_lib.locks import locked
from course_lib.model.transformer import Transformer
from course_lib.renames import rename_to_new
from course_lib.weights.checkpoint import BESIDE, INDEXES, SINGLE, checkpoint_files
from course_lib.weights.families import write_config
from course_lib.weights.head_files import HEAD, head_rules
from course_lib.weights.rules import Rule, check_complete
from course_lib.weights.swap import exchange, make_room, settle


def save_pretrained(
    model: Transformer,
    folder: str | os.PathLike[str],
    *,
    max_shard_bytes: int = 5 * 10**9,
    head: nn.Module | None = None,
    head_kind: str | None = None,
    labels: Sequence[str] = (),
    beside: Callable[[Path], None] | None = None,
) -> None:
    """Write a model as a published checkpoint of its family: `config.json` and safetensors.

    All is written elsewhere first, then shown at once: whenever the process is killed, the folder
    holds what it held before or all of the new checkpoint. Processes that save to one folder at the
    same time do so one after the other.

    Args:
        model: The model. Its config decides the family.
        folder: Where to write. Other files in it are left alone, an older checkpoint is not.
        max_shard_bytes: Size from which the weights are split, in bytes.
        head: The head of a task, to be written too, as `load_head` reads it.
        head_kind: What the head is for: `sequence`, `tokens` or `span`.
        labels: What the choices of the head are called, in order.
        beside: Writes more files that belong to the model, its words say, into the folder that it
            is given. They are shown with the model, at the same moment; older words go.

    Raises:
        ValueError: If no published family is built like this, naming the nearest and every field
            that differs, if the model's parameters are not its config's, or if they are on the
            meta device.
        NotADirectoryError: If `folder` is a file.
        TimeoutError: If another process has been writing to the folder for ten minutes.
    """
    if max_shard_bytes < 1:
        raise ValueError(f"max_shard_bytes={max_shard_bytes}: expected at least 1")
    folder = target_folder(folder)
    family, fields = write_config(model.config)
    rules, state = family.rules(model.config), dict(model.state_dict())
    check_complete(rules, state)
    of_head: dict[str, Any] = {}
    if head is not None:
        rules, of_head = head_rules(family, model.config, head, head_kind, labels)
        state |= {HEAD + name: tensor for name, tensor in head.state_dict().items()}
    elif head_kind is not None or labels:
        raise ValueError(f"head=None: head_kind={head_kind!r} and labels need a head")
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
        **of_head,
    }

    def write(staged: Path) -> None:
        _write_weights(staged, _shards(rules, state, max_shard_bytes), state)
        write_json(staged / "config.json", fields, sort_keys=True)
        if beside is not None:
            beside(staged)

    save_together(folder, write, BESIDE if beside is not None else ())


def target_folder(folder: str | os.PathLike[str]) -> Path:
    """Find the folder that a user names to write to, before work starts.

    Raises:
        ValueError: If the name is empty or can be no folder's, such as that of a dead link.
        NotADirectoryError: If it is a file, or lies below one.
    """
    if not os.fspath(folder):
        raise ValueError("folder is empty: expected the name of a folder")
    found = Path(folder).expanduser()
    for place in (found, *found.parents):
        if os.path.exists(place) and not os.path.isdir(place):
            raise NotADirectoryError(f"{place} is a file: expected a folder")
    check_output("folder", found)
    return found


def save_together(
    folder: Path, write: Callable[[Path], None], beside: Collection[str] = ()
) -> None:
    """Write the files of a model into a folder at once, in the place of an older checkpoint.

    Args:
        folder: Where to write, from `target_folder`. Other files in it are left alone.
        write: Writes all files into the folder that it is given, and no folder.
        beside: Names of files that go with the older checkpoint, too.

    Raises:
        ValueError: If something else than files was written.
        IsADirectoryError: If a folder has the name of one of the files.
        TimeoutError: If another process has been writing to the folder for ten minutes.
    """

    def fill(staged: Path) -> None:
        write(staged)
        others = [one.name for one in staged.iterdir() if one.is_symlink() or not one.is_file()]
        if others:
            raise ValueError(f"{others[0]} is no file: expected files beside each other, no folder")

    remove_leftovers(folder)
    if folder.exists():
        with locked(folder):
            settle(folder)  # what a save that was killed may have left
            room = make_room(folder)
            _swap(room, lambda: fill(room / "new"), beside)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = partial_path(folder)
    staged.mkdir()
    try:
        fill(staged)
        if _show(staged, folder):
            return
        with locked(folder):  # another process made it in the meantime
            settle(folder)
            room = make_room(folder)
            _swap(room, lambda: _move(staged, room / "new"), beside)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _swap(room: Path, fill: Callable[[], None], beside: Collection[str]) -> None:
    """Fill a room, and put its files in the place of the old ones; the lock is held."""
    folder = room.parent
    try:
        fill()
        exchange(room, checkpoint_files(folder) | set(beside))
    finally:
        settle(folder)
        sync(folder)


def _show(staged: Path, folder: Path) -> bool:
    """Give the finished folder its name; False if that has been taken."""
    if not rename_to_new(staged, folder):
        return False
    sync(folder.parent)
    return True


def _move(staged: Path, new: Path) -> None:
    for file in sorted(staged.iterdir()):
        os.replace(file, new / file.name)


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
    mark = {"save": secrets.token_hex(8)} if n > 1 else {}  # tells shards of two saves apart
    total = 0
    for number, shard in enumerate(shards, 1):
        name = SINGLE[0] if n == 1 else f"model-{number:05}-of-{n:05}.safetensors"
        tensors = {rule.theirs: rule.save(state[rule.ours]) for rule in shard}
        with replacing(folder / name) as part:
            try:
                save_file(tensors, part, metadata={"format": "pt", **mark})
            except SafetensorError as error:  # the disk is full, say
                raise OSError(f"cannot write {folder / name}: {error}") from error
        where |= dict.fromkeys(tensors, name)
        total += sum(tensor.numel() * tensor.itemsize for tensor in tensors.values())
    if n > 1:
        index = {"metadata": {"total_size": total, **mark}, "weight_map": where}
        write_json(folder / INDEXES[0], index, sort_keys=True)
