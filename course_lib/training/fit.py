"""Whether what a checkpoint holds fits a model and an optimizer, before anything is changed."""

import copy
import json
import math
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


def compare_configs(path: Path, mine: dict[str, Any] | None, saved: dict[str, Any] | None) -> None:
    """Raise ``ValueError`` naming each field that differs, with both values."""
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


def compare_weights(path: Path, mine: dict[str, Any], saved: dict[str, Any]) -> None:
    """Raise ``ValueError`` for a weight that is missing, unknown, or of another shape or type."""
    for name in sorted(mine.keys() | saved.keys()):
        if name not in saved:
            raise ValueError(f"{path} lacks the weight {name}")
        if name not in mine:
            raise ValueError(f"{path} holds the weight {name}, which the model has not")
        ours, theirs = describe(mine[name]), describe(saved[name])
        if ours != theirs:
            raise ValueError(
                f"{path}: {name} is {ours} in the model and {theirs} in the checkpoint"
            )


def compare_optimizer(path: Path, optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """Raise ``ValueError`` unless a saved state is one that this optimizer could have.

    Args:
        path: Of the checkpoint, for messages.
        optimizer: Is left as it is.
        saved: ``name``, ``state`` and ``param_groups``, the state's keys as text.

    Raises:
        ValueError: it is the state of another optimizer, or damaged.
    """
    own = type(optimizer).__name__
    state, groups = saved.get("state"), saved.get("param_groups")
    whole = isinstance(state, dict) and isinstance(groups, list)
    for group in groups if isinstance(groups, list) else []:
        whole = whole and isinstance(group, dict) and _indices(group.get("params"))
    if not whole:
        raise ValueError(f"{path} has an optimizer without state or param_groups")
    if saved.get("name") != own:
        raise ValueError(f"{path} holds the state of {saved.get('name')}, this optimizer is {own}")
    ours = [len(group["params"]) for group in optimizer.param_groups]
    theirs = [len(group["params"]) for group in saved["param_groups"]]
    if ours != theirs:
        raise ValueError(
            f"{path}: the optimizer's groups have {ours} parameters, in the checkpoint {theirs}"
        )
    members: dict[str, tuple[nn.Parameter, dict[str, Any]]] = {}
    for number, (mine, other) in enumerate(
        zip(optimizer.param_groups, saved["param_groups"], strict=True)
    ):
        _compare_options(f"{path}: group {number} of the optimizer", mine, other)
        for index, parameter in zip(other["params"], mine["params"], strict=True):
            members[str(index)] = (parameter, other)
    probed: dict[Any, dict[str, Any] | None] = {}
    for index, entry in saved["state"].items():
        if index not in members:
            raise ValueError(f"{path} has optimizer state for parameter {index}, which is none")
        parameter, group = members[index]
        key = (id(group), parameter.shape, parameter.dtype)
        if optimizer.state.get(parameter):
            probed[key] = optimizer.state[parameter]
        elif key not in probed:
            probed[key] = fresh_state(optimizer, group, parameter)
        wanted = probed[key]
        if wanted is not None:
            _compare_state(f"{path}: optimizer state of parameter {index}", wanted, entry)


def describe(value: Any) -> str:
    """Say shape and type of a tensor, or the type of anything else."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def fresh_state(
    optimizer: Optimizer, options: dict[str, Any], parameter: nn.Parameter
) -> dict[str, Any] | None:
    """Find out what an optimizer keeps for a parameter, by one step on a stand-in without memory.

    Args:
        optimizer: Is left as it is.
        options: Of the parameter's group.
        parameter: Gives shape and type.

    Returns:
        The state after one step; None where this optimizer cannot be asked so.
    """
    probe = copy.copy(optimizer)
    probe.state = defaultdict(dict)
    probe._optimizer_step_pre_hooks = OrderedDict()
    probe._optimizer_step_post_hooks = OrderedDict()
    stand_in = nn.Parameter(torch.empty_like(parameter, device="meta"))
    stand_in.grad = torch.empty_like(stand_in)
    plain: dict[str, Any] = {
        name: False for name in ("foreach", "fused", "capturable") if name in options
    }
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    probe.param_groups = [{**tuples, **plain, "params": [stand_in]}]
    try:
        type(optimizer).step(probe)
    except (RuntimeError, TypeError, KeyError, ValueError, AttributeError):
        return None  # needs values, a closure, or state of its own making
    return dict(probe.state[stand_in])


def _indices(value: Any) -> bool:
    return isinstance(value, list) and all(type(index) is int for index in value)


def _compare_options(where: str, mine: dict[str, Any], saved: dict[str, Any]) -> None:
    for name, value in mine.items():
        if name in ("params", "initial_lr"):
            continue
        if name not in saved:
            raise ValueError(f"{where} has no {name} in the checkpoint")
        other = saved[name]
        if isinstance(value, tuple | list):
            fits = isinstance(other, tuple | list) and len(other) == len(value)
            fits = fits and all(map(_like, value, other))
        else:
            fits = _like(value, other)
        if not fits:
            raise ValueError(f"{where} has {name} {value!r}, in the checkpoint {other!r}")


def _like(mine: Any, saved: Any) -> bool:
    """Say whether a number is in a number's place."""
    number = isinstance(mine, int | float | Tensor) and not isinstance(mine, bool)
    if not number:
        return True
    if isinstance(saved, Tensor):
        return saved.numel() == 1 and bool(saved.isfinite())
    return isinstance(saved, int | float) and not isinstance(saved, bool) and math.isfinite(saved)


def _compare_state(where: str, wanted: dict[str, Any], entry: Any) -> None:
    if not isinstance(entry, dict):
        raise ValueError(f"{where} must be an object, got {entry!r}")
    if wanted.keys() != entry.keys():
        raise ValueError(
            f"{where} lacks {sorted(wanted.keys() - entry.keys())} and has the unknown "
            f"{sorted(entry.keys() - wanted.keys())}"
        )
    for name, value in wanted.items():
        if isinstance(value, Tensor) and describe(value) != describe(entry[name]):
            raise ValueError(
                f"{where}: {name} is {describe(entry[name])} in the checkpoint, "
                f"wanted {describe(value)}"
            )
