"""A training run in one file: weights, optimizer, place in the data, and what they belong to."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.files import parse_json, replacing
from course_lib.stored import ChangedError
from course_lib.tensor_file import TensorFile
from course_lib.training.fit import compare_configs, compare_optimizer, compare_weights

FORMAT = "course_lib.checkpoint.2"
_TENSOR = "tensor at"
_DIGEST = b'"sha256":"'  # as safetensors writes the key; inside other texts a quote is escaped
_EMPTY = b"0" * 64


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: Optimizer | None = None,
    *,
    step: int = 0,
    state: dict[str, Any] | None = None,
) -> None:
    """Write a run to one safetensors file, wholly or not at all.

    Tensors are stored as they are, everything else as JSON in the file's header, and a digest over
    every other byte of the file beside it. A run killed while it saves leaves the checkpoint before
    this one.

    Args:
        path: File to write; its folder is made where needed.
        model: Its weights are saved, and its ``config`` where it has one with ``to_dict``.
        optimizer: Its state, if the run is to go on.
        step: Updates made.
        state: More to keep: nested dicts, with text keys, and lists of numbers, texts, tensors.

    Raises:
        TypeError: If ``state`` holds what neither JSON nor safetensors can.
        ValueError: If it is nested too deeply.
    """
    tensors: dict[str, Tensor] = {}
    tree = {
        "model": {name: _detached(value) for name, value in model.state_dict().items()},
        "optimizer": _optimizer_tree(optimizer),
        "state": state or {},
    }
    try:
        stripped = _strip(tree, (), tensors, {})
    except RecursionError:
        raise ValueError("a checkpoint's state is nested too deeply to be written") from None
    header = {"format": FORMAT, "config": _config_of(model), "step": step, "tree": stripped}
    save_tensors(path, tensors, course_lib=json.dumps(header))


def save_tensors(path: str | os.PathLike[str], tensors: dict[str, Tensor], **texts: str) -> None:
    """Write tensors and texts as safetensors, with a digest, wholly or not at all.

    Args:
        path: File to write; its folder is made where needed.
        tensors: By name.
        **texts: By name, for the file's metadata.

    Raises:
        OSError: If the file cannot be written; one that was there before is whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    storages: set[int] = set()
    for name, tensor in tensors.items():
        whole = tensor.detach().contiguous()
        if whole.untyped_storage().data_ptr() in storages:  # safetensors refuses shared memory
            whole = whole.clone()
        storages.add(whole.untyped_storage().data_ptr())
        tensors[name] = whole
    with replacing(path) as part:
        try:
            save_file(tensors, part, metadata={**texts, "sha256": _EMPTY.decode()})
        except SafetensorError as error:  # the disk is full, say
            raise OSError(f"cannot write {path}: {error}") from error
        with part.open("r+b") as file:
            place = _digest_place(file.read(_header_end(part)))
            assert place is not None
            digest = _digest(part, place)
            file.seek(place)
            file.write(digest)


@dataclass(frozen=True)
class Saved:
    """A checkpoint that has been read and found whole.

    Attributes:
        path: Its file.
        config: What the model's ``config.to_dict()`` gave, or None.
        step: Updates made.
        state: What was saved besides.
        weights: Of the model.
        optimizer: State of the optimizer, or None.
    """

    path: Path
    config: dict[str, Any] | None
    step: int
    state: dict[str, Any]
    weights: dict[str, Any]
    optimizer: dict[str, Any] | None

    def check(self, model: nn.Module, optimizer: Optimizer | None = None) -> None:
        """Raise ``ValueError`` where anything does not fit; nothing is changed."""
        compare_configs(self.path, _config_of(model), self.config)
        compare_weights(self.path, model.state_dict(), self.weights)
        if optimizer is not None:
            if self.optimizer is None:
                raise ValueError(
                    f"{self.path} holds no optimizer state, but an optimizer was given"
                )
            compare_optimizer(self.path, optimizer, self.optimizer)

    def put(self, model: nn.Module, optimizer: Optimizer | None = None) -> None:
        """Put everything back, after ``check``."""
        if optimizer is not None and self.optimizer is not None:
            optimizer.load_state_dict(_optimizer_state(optimizer, self.optimizer))
        model.load_state_dict(self.weights)


def load_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: Optimizer | None = None,
) -> tuple[int, dict[str, Any]]:
    """Put a saved run back; nothing is changed unless all of it fits.

    Args:
        path: A file of ``save_checkpoint``.
        model: Receives the weights; its config must be the saved one, field by field.
        optimizer: Receives its state; it must be of the same kind, over the same parameters.

    Returns:
        The number of updates made, and the ``state`` that was saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, cut short or no checkpoint, if its config differs from
            the model's (the message names each field with both values), if a weight is missing,
            unknown, or of another shape or type, or if an optimizer is given and what was saved is
            not its state.
    """
    saved = open_checkpoint(path)
    saved.check(model, optimizer)
    saved.put(model, optimizer)
    return saved.step, saved.state


def read_config(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Read only the config of a checkpoint, to build the model that it needs.

    Args:
        path: A file of ``save_checkpoint``.

    Returns:
        What the model's ``config.to_dict()`` gave, or None if it had no config.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, cut short or no checkpoint.
    """
    return open_checkpoint(path).config


def open_checkpoint(path: str | os.PathLike[str]) -> Saved:
    """Read a checkpoint and verify its digest, without a model to put it into.

    Args:
        path: A file of ``save_checkpoint``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, cut short or no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    for _ in range(5):
        before = _identity(path)
        try:
            text, tensors = _read(path)
        except ChangedError:
            continue
        if _identity(path) == before:
            break
    else:
        raise ValueError(f"{path} is replaced again and again while it is read")
    header = parse_json(text, f"the header of {path}")
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        raise ValueError(f"{path} is of format {found}, wanted {FORMAT}")
    try:
        tree = _restore(header["tree"], tensors)
        step = header["step"]
        parts = {
            "config": header["config"],
            "state": tree["state"],
            "weights": tree["model"],
            "optimizer": tree["optimizer"],
        }
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} has a header that is none of a checkpoint: {error!r}") from None
    if type(step) is not int or step < 0:
        raise ValueError(f"{path}: step must be 0 or more, got {step!r}")
    for name, part in parts.items():
        if not (isinstance(part, dict) or (part is None and name in ("config", "optimizer"))):
            raise ValueError(f"{path}: {name} must be an object, got {part!r}")
    return Saved(path, step=step, **parts)


# ---- the file and its digest


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _header_end(path: Path) -> int:
    with path.open("rb") as file:
        return min(8 + int.from_bytes(file.read(8), "little"), path.stat().st_size)


def _digest_place(header: bytes) -> int | None:
    """Say where the digest stands, if there is exactly one."""
    if header.count(_DIGEST) != 1:
        return None
    return header.index(_DIGEST) + len(_DIGEST)


def _digest(path: Path, place: int) -> bytes:
    """Hash a whole file, with nothing in the place of the digest."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        total.update(file.read(place))
        total.update(_EMPTY)
        file.seek(place + len(_EMPTY))
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest().encode()


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    file = TensorFile(path)
    metadata = file.metadata
    tensors = {name: file.rows(name) for name in file.tensors}
    with path.open("rb") as raw:
        header = raw.read(_header_end(path))
    place = _digest_place(header)
    if place is None:
        if FORMAT not in metadata.get("course_lib", ""):
            return metadata.get("course_lib", "{}"), {}  # another kind of file, which is said later
        raise ValueError(f"{path} is damaged or cut short: it has no digest")
    if header[place : place + len(_EMPTY)] != _digest(path, place):
        raise ValueError(f"{path} is damaged or cut short: its digest is another one")
    return metadata.get("course_lib", "{}"), tensors


# ---- trees of tensors


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _config_of(model: nn.Module) -> dict[str, Any] | None:
    config = getattr(model, "config", None)
    return None if config is None else dict(config.to_dict())


def _optimizer_tree(optimizer: Optimizer | None) -> dict[str, Any] | None:
    """Give the optimizer's state with text keys, as JSON has no others."""
    if optimizer is None:
        return None
    saved = optimizer.state_dict()
    return {
        "name": type(optimizer).__name__,
        "state": {str(index): entry for index, entry in saved["state"].items()},
        "param_groups": saved["param_groups"],
    }


def _optimizer_state(optimizer: Optimizer, tree: dict[str, Any]) -> dict[str, Any]:
    groups = [
        {
            key: tuple(value) if isinstance(mine.get(key), tuple) else value
            for key, value in group.items()
        }
        for mine, group in zip(optimizer.param_groups, tree["param_groups"], strict=True)
    ]
    return {
        "state": {int(index): entry for index, entry in tree["state"].items()},
        "param_groups": groups,
    }


def _strip(
    node: Any, place: tuple[str, ...], tensors: dict[str, Tensor], seen: dict[Any, str]
) -> Any:
    """Move the tensors of a tree into ``tensors`` and leave their names in the tree."""
    if isinstance(node, Tensor):
        # Tied weights share one memory: store it once, name it twice.
        key = (node.data_ptr(), node.dtype, tuple(node.shape), tuple(node.stride()), node.device)
        if node.numel() == 0 or key not in seen:
            # a slash inside a key must not look like one between two
            seen[key] = "/".join(key.replace("~", "~0").replace("/", "~1") for key in place)
            tensors[seen[key]] = node
        return {_TENSOR: seen[key]}
    if isinstance(node, dict):
        for key in node:
            if not isinstance(key, str):
                raise TypeError(
                    f"a checkpoint cannot hold the key {key!r} in {'/'.join(place)}: keys are text"
                )
        return {
            (_TENSOR + key if key.startswith(_TENSOR) else key): _strip(
                value, (*place, key), tensors, seen
            )
            for key, value in node.items()
        }
    if isinstance(node, list | tuple):
        return [_strip(value, (*place, str(n)), tensors, seen) for n, value in enumerate(node)]
    if node is None or type(node) in (bool, int, float, str):
        return node
    raise TypeError(f"a checkpoint cannot hold {'/'.join(place)}, a {type(node).__name__}")


def _restore(node: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(node, dict):
        if set(node) == {_TENSOR}:
            return tensors[node[_TENSOR]]
        return {key.removeprefix(_TENSOR): _restore(value, tensors) for key, value in node.items()}
    if isinstance(node, list):
        return [_restore(value, tensors) for value in node]
    return node
