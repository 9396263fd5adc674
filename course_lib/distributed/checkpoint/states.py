"""What a checkpoint holds: this rank's parts of parameters and moments, under their names."""

from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata

from course_lib.distributed.checkpoint.pieces import ParameterPart
from course_lib.distributed.comm.errors import CheckpointError
from course_lib.distributed.zero.module import ZeroModule
from course_lib.distributed.zero.optimizer import ShardedOptimizer


def model_state(model: ZeroModule, names: dict[str, str] | None = None) -> dict[str, Any]:
    """Return this rank's parts of parameters by name, and the buffers.

    Args:
        model: the sharded model.
        names: under which name to look for a parameter; None: under all its names.
    """
    state: dict[str, Any] = {}
    for flat in model.flats:
        for index, start, stop, at in flat.pieces():
            if not flat.sharded.optimizer and model.comm.rank != 0 and names is None:
                continue  # every rank has it; one writes it
            slot = flat.plan.slots[index]
            part = ParameterPart(slot.shape, start, flat.master[at : at + stop - start])
            aliases = [a for a, owner in model.aliases.items() if owner == slot.name]
            for name in aliases if names is None else [names[slot.name]]:
                state[name] = part
    for name, buffer in model.module.state_dict().items():
        if name not in model.aliases:
            state[name] = buffer
    return state


def optimizer_state(optimizer: ShardedOptimizer) -> dict[str, Any]:
    """Return this rank's parts of the optimizer state by parameter name, and the groups."""
    state: dict[str, Any] = {}
    for piece in optimizer.pieces:
        if not piece.flat.sharded.optimizer and piece.flat.comm.rank != 0:
            continue
        entries: dict[str, Any] = {}
        for key, value in optimizer.optimizer.state.get(piece.value, {}).items():
            whole = isinstance(value, Tensor) and value.dim() > 0
            entries[key] = ParameterPart(piece.shape, piece.start, value) if whole else value
        if entries:
            state[piece.name] = entries
    groups = [
        {**{k: v for k, v in group.items() if k != "params"}, "params": names}
        for group, names in zip(optimizer.param_groups, optimizer.group_names, strict=True)
    ]
    return {"state": state, "param_groups": groups}


def group_options(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return learning rates and other plain options of each group."""
    plain = (int, float, str, list, tuple, type(None))
    return [
        {k: v for k, v in group.items() if k != "params" and isinstance(v, plain)}
        for group in groups
    ]


def fitting_names(model: ZeroModule, saved: Metadata) -> dict[str, str]:
    """Return under which name each parameter was saved; refuse what does not fit."""
    there = {
        key.removeprefix("model."): entry
        for key, entry in saved.state_dict_metadata.items()
        if key.startswith("model.")
    }
    slots = [slot for flat in model.flats for slot in flat.plan.slots]
    names, missing, other = {}, [], []
    for slot in slots:
        aliases = [a for a, owner in model.aliases.items() if owner == slot.name]
        found = next((alias for alias in aliases if alias in there), None)
        if found is None:
            missing.append(slot.name)
            continue
        names[slot.name] = found
        entry = there[found]
        if not isinstance(entry, TensorStorageMetadata) or tuple(entry.size) != slot.shape:
            shape = list(getattr(entry, "size", []))
            other.append(f"{slot.name}: saved {shape}, wanted {list(slot.shape)}")
    known = set(model.aliases) | set(model.module.state_dict())
    extra = sorted(set(there) - known)
    if missing or other or extra:
        raise CheckpointError(
            f"the checkpoint does not fit the model: missing {missing}, not known {extra}, "
            f"other shapes {other}"
        )
    return names


def check_optimizer(optimizer: ShardedOptimizer, content: dict[str, Any], saved: Metadata) -> None:
    """Refuse the state of another optimizer, or of other groups."""
    own = type(optimizer.optimizer).__name__
    if content and content["optimizer"] != own:
        raise CheckpointError(
            f"the checkpoint holds the state of {content['optimizer'] or 'no optimizer'}, "
            f"this optimizer is {own}"
        )
    if content and len(content["groups"]) != len(optimizer.param_groups):
        raise CheckpointError(
            f"the checkpoint has {len(content['groups'])} parameter groups, "
            f"this optimizer has {len(optimizer.param_groups)}"
        )
    if not content and not any(key.startswith("optim.") for key in saved.state_dict_metadata):
        raise CheckpointError("the checkpoint holds no optimizer state")


def room_for_optimizer(
    optimizer: ShardedOptimizer, saved: Metadata
) -> tuple[dict[str, Any], dict[Any, dict[str, Tensor]]]:
    """Return a state to read into, and the tensors behind it, for this rank's pieces."""
    state: dict[str, Any] = {}
    fresh: dict[Any, dict[str, Tensor]] = {}
    for piece in optimizer.pieces:
        prefix = f"optim.state.{piece.name}."
        for key, entry in saved.state_dict_metadata.items():
            if not key.startswith(prefix) or not isinstance(entry, TensorStorageMetadata):
                continue
            if tuple(entry.size) == piece.shape and entry.size:
                tensor = torch.zeros_like(piece.value, dtype=entry.properties.dtype)
                state[key] = ParameterPart(piece.shape, piece.start, tensor)
            else:
                tensor = state[key] = torch.zeros(entry.size, dtype=entry.properties.dtype)
            fresh.setdefault(piece.value, {})[key.removeprefix(prefix)] = tensor
    return state, fresh
