"""A training run in one file: weights, optimizer, place in the data, and what they belong to."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

FORMAT = "course_lib.checkpoint.1"
_TENSOR = "tensor at"


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    step: int = 0,
    state: dict[str, Any] | None = None,
) -> None:
    """Write a run to one safetensors file, wholly or not at all.

    Tensors are stored as they are, everything else as JSON in the file's header. The file is
    written beside its place under another name and then renamed, so that a run killed while it
    saves leaves the checkpoint before this one.

    Args:
        path: File to write; its folder is made where needed.
        model: Its weights are saved, and its ``config`` where it has one with ``to_dict``.
        optimizer: Its state, if the run is to go on.
        step: Updates made.
        state: More to keep: nested dicts, with text keys, and lists of numbers, texts, tensors.

    Raises:
        TypeError: If ``state`` holds what neither JSON nor safetensors can.

    Chapter: 15_causal_language_modeling
    """
    tensors: dict[str, Tensor] = {}
    weights = model.state_dict()
    tree = {
        "model": {name: tensor.detach() for name, tensor in weights.items()},
        "optimizer": _optimizer_tree(optimizer),
        "state": state or {},
    }
    header = {
        "format": FORMAT,
        "config": _config_of(model),
        "step": step,
        "tree": _strip(tree, "", tensors, {}),
    }
    metadata = {"course_lib": json.dumps(header, allow_nan=True)}

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        save_file(tensors, name, metadata=metadata)
        with open(name, "rb") as file:
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
) -> tuple[int, dict[str, Any]]:
    """Put a saved run back; nothing is changed unless all of it fits.

    Args:
        path: A file of ``save_checkpoint``.
        model: Receives the weights; its config must be the saved one, field by field.
        optimizer: Receives its state; it must have the same groups of parameters.

    Returns:
        The number of updates made, and the ``state`` that was saved.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, cut short or no checkpoint, if its config differs from
            the model's (the message names each field with both values), if a weight is missing,
            unknown or of another shape, or if an optimizer is given and none was saved.

    Chapter: 15_causal_language_modeling
    """
    header, tree = _read(path)
    _compare_configs(path, _config_of(model), header["config"])
    _compare_weights(path, model.state_dict(), tree["model"])
    if optimizer is not None:
        if tree["optimizer"] is None:
            raise ValueError(f"{path} holds no optimizer state, but an optimizer was given")
        _compare_groups(path, optimizer, tree["optimizer"])
        optimizer.load_state_dict(_optimizer_state(tree["optimizer"]))
    model.load_state_dict(tree["model"])
    return int(header["step"]), tree["state"]


def read_config(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Read only the config of a checkpoint, to build the model that it needs.

    Args:
        path: A file of ``save_checkpoint``.

    Returns:
        What the model's ``config.to_dict()`` gave, or None if it had no config.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, cut short or no checkpoint.

    Chapter: 15_causal_language_modeling
    """
    return _read(path)[0]["config"]


def _config_of(model: nn.Module) -> dict[str, Any] | None:
    config = getattr(model, "config", None)
    return None if config is None else dict(config.to_dict())


def _optimizer_tree(optimizer: torch.optim.Optimizer | None) -> dict[str, Any] | None:
    """Give the optimizer's state with text keys, as JSON has no others."""
    if optimizer is None:
        return None
    saved = optimizer.state_dict()
    return {
        "state": {str(index): entry for index, entry in saved["state"].items()},
        "param_groups": saved["param_groups"],
    }


def _optimizer_state(tree: dict[str, Any]) -> dict[str, Any]:
    groups = [
        {key: tuple(value) if key == "betas" else value for key, value in group.items()}
        for group in tree["param_groups"]
    ]
    return {
        "state": {int(index): entry for index, entry in tree["state"].items()},
        "param_groups": groups,
    }


def _strip(node: Any, place: str, tensors: dict[str, Tensor], seen: dict[Any, str]) -> Any:
    """Move the tensors of a tree into ``tensors`` and leave their names in the tree."""
    if isinstance(node, Tensor):
        # Tied weights share one memory, which safetensors refuses: store it once, name it twice.
        key = (node.data_ptr(), node.dtype, tuple(node.shape), tuple(node.stride()), node.device)
        if node.numel() == 0 or key not in seen:
            seen[key] = place
            tensors[place] = node.detach().contiguous()
        return {_TENSOR: seen[key]}
    if isinstance(node, dict):
        return {key: _strip(value, f"{place}/{key}", tensors, seen) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_strip(value, f"{place}/{n}", tensors, seen) for n, value in enumerate(node)]
    if node is None or isinstance(node, bool | int | float | str):
        return node
    raise TypeError(f"a checkpoint cannot hold {place.strip('/')}, a {type(node).__name__}")


def _restore(node: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(node, dict):
        if set(node) == {_TENSOR}:
            return tensors[node[_TENSOR]]
        return {key: _restore(value, tensors) for key, value in node.items()}
    if isinstance(node, list):
        return [_restore(value, tensors) for value in node]
    return node


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short: {error}") from error
    header = json.loads(metadata.get("course_lib", "{}"))
    if header.get("format") != FORMAT:
        raise ValueError(f"{path} is of format {header.get('format')}, wanted {FORMAT}")
    return header, _restore(header["tree"], tensors)


def _compare_configs(
    path: str | os.PathLike[str], mine: dict[str, Any] | None, saved: dict[str, Any] | None
) -> None:
    # Through JSON and back, as the saved one has been: tuples have become lists.
    ours = json.loads(json.dumps(mine)) or {}
    theirs = saved or {}
    differences = [
        f"{name} is {ours.get(name)!r} in the model and {theirs.get(name)!r} in the checkpoint"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
    if differences:
        raise ValueError(f"{path} is a checkpoint of another config: {'; '.join(differences)}")


def _compare_weights(
    path: str | os.PathLike[str], mine: dict[str, Tensor], saved: dict[str, Tensor]
) -> None:
    for name in sorted(mine.keys() | saved.keys()):
        if name not in saved:
            raise ValueError(f"{path} lacks the weight {name}")
        if name not in mine:
            raise ValueError(f"{path} holds the weight {name}, which the model has not")
        if mine[name].shape != saved[name].shape:
            raise ValueError(
                f"{path}: {name} is {tuple(mine[name].shape)} in the model "
                f"and {tuple(saved[name].shape)} in the checkpoint"
            )


def _compare_groups(
    path: str | os.PathLike[str], optimizer: torch.optim.Optimizer, saved: dict[str, Any]
) -> None:
    ours = [len(group["params"]) for group in optimizer.param_groups]
    theirs = [len(group["params"]) for group in saved["param_groups"]]
    if ours != theirs:
        raise ValueError(
            f"{path}: the optimizer's groups have {ours} parameters, in the checkpoint {theirs}"
        )
