"""Save and load sharded training, at any number of ranks, without ever gathering it.

The files are those of ``torch.distributed.checkpoint``, with every parameter and moment under its
own name, so FSDP2 reads them and ZeRO reads FSDP2's. Around them stands what that format lacks: a
save either happens or does not, and a damaged file is refused.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata

from course_lib.distributed import manifest
from course_lib.distributed.comm import Comm
from course_lib.distributed.errors import CheckpointError
from course_lib.distributed.manifest import latest_valid
from course_lib.distributed.optimizer import ShardedOptimizer
from course_lib.distributed.pieces import ParameterPart, PartLoadPlanner, PartSavePlanner
from course_lib.distributed.zero import ZeroModule

__all__ = ["latest_valid", "load", "save"]


def save(
    folder: str | Path,
    step: int,
    model: ZeroModule,
    optimizer: ShardedOptimizer | None = None,
    *,
    extra: dict[str, Any] | None = None,
) -> Path:
    """Write a checkpoint as ``folder/step-N``. Every rank has to call it.

    Each rank writes what it owns. Killed at any moment, the folder holds either the new checkpoint
    whole or only the old ones.

    Args:
        folder: where checkpoints go, the same for all ranks.
        step: number of the training step.
        model: the sharded model.
        optimizer: its optimizer, to save its state too.
        extra: anything small that JSON can hold, returned by :func:`load`.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: negative step.
        CheckpointError: on all ranks, if one of them fails or the step exists.

    Chapter: 18_multi_gpu_zero
    """
    if step < 0:
        raise ValueError(f"step must not be negative, got {step}")
    comm, folder = model.comm, Path(folder)
    final = manifest.step_folder(folder, step)
    partial = final.with_name(final.name + ".partial")
    first = comm.rank == 0
    _together(comm, "prepare", lambda: manifest.prepare(folder, step) if first else None)
    state: dict[str, Any] = {"model": _model_state(model)}
    if optimizer is not None:
        state["optim"] = _optimizer_state(optimizer)
    writer = dcp.FileSystemWriter(partial, single_file_per_rank=True, sync_files=True)
    alone = comm.world_size == 1
    group = None if alone else comm.group

    def write() -> dict[str, Any]:
        with _quiet():
            planner = PartSavePlanner()
            dcp.save(
                state, storage_writer=writer, planner=planner, process_group=group, no_dist=alone
            )
        own = sorted(partial.glob(f"__{comm.rank}_*"))
        own += [partial / ".metadata"] if first else []
        return {path.name: manifest.digest_file(path) for path in own}

    listed = _together(comm, "write", write)
    content = {
        "step": step,
        "world_size": comm.world_size,
        "files": {name: entry for part in listed for name, entry in sorted(part.items())},
        "optimizer": type(optimizer.optimizer).__name__ if optimizer is not None else None,
        "groups": _group_options(optimizer) if optimizer is not None else [],
        "extra": extra or {},
    }
    _together(comm, "finish", lambda: manifest.commit(partial, content) if first else None)
    return final


def load(
    folder: str | Path,
    model: ZeroModule,
    optimizer: ShardedOptimizer | None = None,
    *,
    foreign: bool = False,
) -> dict[str, Any]:
    """Load a checkpoint into a sharded model, whatever the number of ranks. Collective.

    Args:
        folder: one checkpoint, or a folder of checkpoints, of which the newest whole one is taken.
        model: the sharded model.
        optimizer: its optimizer, to load its state too.
        foreign: the folder was written by ``torch.distributed.checkpoint`` itself (from FSDP2)
            with keys ``"model"`` and ``"optim"``; it has no manifest, so nothing is verified.

    Returns:
        The manifest: ``step``, ``extra`` and more; empty for a foreign checkpoint.

    Raises:
        CheckpointError: on all ranks: no checkpoint, a damaged file (which is named), parameters
            that are missing, too many or of another shape, or another optimizer.

    Chapter: 18_multi_gpu_zero
    """
    comm, path = model.comm, Path(folder)
    content: dict[str, Any] = {}
    if not foreign:
        path, content = _together(comm, "find", lambda: _find(path) if comm.rank == 0 else None)[0]
        files = sorted(content["files"].items())
        mine = dict(files[comm.rank :: comm.world_size])  # each rank verifies some of the files
        found = [text for text in comm.gather_objects(manifest.damage(path, mine)) if text]
        if found:
            raise CheckpointError(found[0])
    saved = _together(comm, "read", dcp.FileSystemReader(path).read_metadata)[0]
    names = _fitting_names(model, saved)
    if optimizer is not None:
        _check_optimizer(optimizer, content, saved)
    state = {f"model.{name}": part for name, part in _model_state(model, names).items()}
    fresh: dict[Any, dict[str, Tensor]] = {}
    if optimizer is not None:
        room, fresh = _room_for_optimizer(optimizer, saved)
        state |= room
    alone = comm.world_size == 1
    group = None if alone else comm.group

    def read() -> None:
        reader = dcp.FileSystemReader(path)
        with _quiet():
            planner = PartLoadPlanner()
            dcp.load(
                state, storage_reader=reader, planner=planner, process_group=group, no_dist=alone
            )

    _together(comm, "read", read)
    if optimizer is not None:
        for value, tensors in fresh.items():
            optimizer.optimizer.state[value] = dict(tensors)
        for group_now, group_then in zip(
            optimizer.param_groups, content.get("groups", []), strict=False
        ):
            group_now.update(group_then)
    model.engine.release_all()
    model.publish()
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the warning that there is one process only: that is known here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is")
        yield


def _together(comm: Comm, what: str, action: Callable[[], Any]) -> list[Any]:
    """Run ``action`` on every rank and return all results; if one fails, all raise."""
    result: Any = None
    error: str | None = None
    cause: Exception | None = None
    try:
        result = action()
    except CheckpointError as problem:
        cause, error = problem, str(problem)
    except Exception as problem:  # told to all ranks, and raised below
        cause, error = problem, f"{type(problem).__name__}: {problem}"
    everyone = comm.gather_objects((result, error))
    for rank, (_, text) in enumerate(everyone):
        if text is not None:
            message = f"could not {what} the checkpoint: rank {rank}: {text}"
            raise CheckpointError(message) from cause
    return [value for value, _ in everyone]


def _find(path: Path) -> tuple[Path, dict[str, Any]]:
    if not (path / manifest.MANIFEST).exists() and not path.name.startswith("step-"):
        newest = latest_valid(path)
        if newest is None:
            raise CheckpointError(f"{path} holds no finished checkpoint")
        path = newest
    return path, manifest.read(path)


def _model_state(model: ZeroModule, names: dict[str, str] | None = None) -> dict[str, Any]:
    """Return this rank's parts of parameters by name, and the buffers.

    Args:
        model: the sharded model.
        names: under which name to look for a parameter; None: under all its names.
    """
    state: dict[str, Any] = {}
    for flat in model.flats:
        for index, start, stop, at in flat.pieces():
            if flat.stage == 0 and model.comm.rank != 0 and names is None:
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


def _optimizer_state(optimizer: ShardedOptimizer) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for piece in optimizer.pieces:
        if piece.flat.stage == 0 and piece.flat.comm.rank != 0:
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


def _group_options(optimizer: ShardedOptimizer) -> list[dict[str, Any]]:
    """Return learning rates and other plain options of each group."""
    plain = (int, float, str, list, tuple, type(None))
    return [
        {k: v for k, v in group.items() if k != "params" and isinstance(v, plain)}
        for group in optimizer.param_groups
    ]


def _fitting_names(model: ZeroModule, saved: Metadata) -> dict[str, str]:
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


def _check_optimizer(optimizer: ShardedOptimizer, content: dict[str, Any], saved: Metadata) -> None:
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


def _room_for_optimizer(
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
