"""What a checkpoint holds: this rank's parts of parameters and moments, under their names."""

from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata

from course_lib.distributed.checkpoint.pieces import ParameterPart
from course_lib.distributed.comm.errors import CheckpointError
from course_lib.distributed.zero.build import state_entries
from course_lib.distributed.zero.module import ZeroModule
from course_lib.distributed.zero.optimizer import ShardedOptimizer
from course_lib.distributed.zero.plan import Slot

_SCALARS = 1024  # elements of what is kept once for a parameter, such as a step counter


def model_state(model: ZeroModule, names: dict[str, str] | None = None) -> dict[str, Any]:
    """Return this rank's parts of parameters by name, and the buffers.

    Args:
        model: the sharded model.
        names: under which name to look for a parameter; None: under all its names.
    """
    state: dict[str, Any] = {}
    saving, first = names is None, model.comm.rank == 0
    for flat in model.flats:
        for index, start, stop, at in flat.pieces():
            if not flat.sharded.optimizer and not first and saving:
                continue  # every rank has it; one writes it
            slot = flat.plan.slots[index]
            part = ParameterPart(slot.shape, start, flat.master[at : at + stop - start])
            for name in aliases_of(model, slot.name) if names is None else [names[slot.name]]:
                state[name] = part
    if saving and not first:
        return state
    for slot in _empty_slots(model):
        dtype = getattr(torch, _dtype_of(model, slot.name))
        for name in aliases_of(model, slot.name) if names is None else []:
            state[name] = torch.empty(slot.shape, dtype=dtype)
    for name, buffer in state_entries(model.module):
        if name not in model.aliases:
            state[name] = buffer  # each rank has its own; those of rank 0 are saved
    return state


def aliases_of(model: ZeroModule, owner: str) -> list[str]:
    """Return every name that a parameter goes by."""
    return [alias for alias, name in model.aliases.items() if name == owner]


def _empty_slots(model: ZeroModule) -> list[Slot]:
    """Return the parameters of no elements, of which no rank has a part."""
    return [slot for flat in model.plan.flats for slot in flat.slots if not slot.numel]


def _dtype_of(model: ZeroModule, name: str) -> str:
    return next(f.dtype for f in model.plan.flats if any(s.name == name for s in f.slots))


def optimizer_state(optimizer: ShardedOptimizer) -> dict[str, Any]:
    """Return this rank's parts of the optimizer state by parameter name, and the groups."""
    state: dict[str, Any] = {}
    for piece in optimizer.pieces:
        if not piece.flat.sharded.optimizer and piece.flat.comm.rank != 0:
            continue
        entries: dict[str, Any] = {}
        for key, value in optimizer.optimizer.state.get(piece.value, {}).items():
            whole = key in optimizer.elementwise
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
    names, missing, other = {}, [], []
    for flat in model.plan.flats:
        for slot in flat.slots:
            found = next((a for a in aliases_of(model, slot.name) if a in there), None)
            if found is None:
                missing.append(slot.name)
                continue
            names[slot.name] = found
            other += _misfit(slot.name, there[found], slot.shape, getattr(torch, flat.dtype))
    buffers = {n: b for n, b in state_entries(model.module) if n not in model.aliases}
    for name, buffer in buffers.items():
        if name not in there:
            missing.append(name)
        else:
            other += _misfit(name, there[name], tuple(buffer.shape), buffer.dtype)
    known = set(model.aliases) | set(buffers)
    extra = sorted(set(there) - known)
    if missing or other or extra:
        raise CheckpointError(
            f"the checkpoint does not fit the model: missing {missing}, not known {extra}, "
            f"other shapes {other}"
        )
    return names


def _misfit(name: str, entry: Any, shape: tuple[int, ...], dtype: torch.dtype) -> list[str]:
    """Return what keeps a saved tensor from going where it is wanted, if anything."""
    if not isinstance(entry, TensorStorageMetadata):
        return [f"{name}: saved as something else than a tensor"]
    if tuple(entry.size) != shape:
        return [f"{name}: saved {list(entry.size)}, wanted {list(shape)}"]
    if entry.properties.dtype != dtype:
        return [f"{name}: saved in {entry.properties.dtype}, wanted {dtype}"]
    return []


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
    for now, then in zip(optimizer.param_groups, content.get("groups", []), strict=False):
        for key, value in then.items():  # a scheduler's own keys are not there yet
            if key == "params" or (key in now and not _alike(value, now[key])):
                raise CheckpointError(
                    f"the checkpoint has the option {key}={value!r}, which this optimizer cannot "
                    "take"
                )
    if not content and not any(key.startswith("optim.") for key in saved.state_dict_metadata):
        raise CheckpointError("the checkpoint holds no optimizer state")


def _alike(value: Any, other: Any) -> bool:
    """Tell whether an option can take the place of another: both numbers, both lists, ..."""
    if isinstance(value, bool) or isinstance(other, bool):
        return isinstance(value, bool | None) and isinstance(other, bool | None)
    kinds = ((int, float, Tensor), (str,), (list, tuple))
    if isinstance(value, list | tuple):
        return isinstance(other, list | tuple) and all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in value
        )
    return (
        value is None
        or other is None
        or any(isinstance(value, kind) and isinstance(other, kind) for kind in kinds)
    )


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
            option = key.removeprefix(prefix)
            if option in optimizer.elementwise:
                if tuple(entry.size) != piece.shape:
                    raise CheckpointError(
                        f"{option} of {piece.name!r} was saved in shape {list(entry.size)}, "
                        f"wanted {list(piece.shape)}"
                    )
                tensor = torch.zeros_like(piece.value, dtype=entry.properties.dtype)
                state[key] = ParameterPart(piece.shape, piece.start, tensor)
            else:
                if entry.size.numel() > _SCALARS:
                    raise CheckpointError(
                        f"{option} of {piece.name!r} has {entry.size.numel()} elements, and is "
                        "none of what this optimizer keeps for each element"
                    )
                tensor = state[key] = torch.zeros(entry.size, dtype=entry.properties.dtype)
            fresh.setdefault(piece.value, {})[option] = tensor
    return state, fresh
