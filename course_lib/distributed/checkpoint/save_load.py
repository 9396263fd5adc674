"""Save and load sharded training, at any number of ranks, without ever gathering it.

The files are those of ``torch.distributed.checkpoint``, with every parameter and moment under its
own name, so FSDP2 reads them and ZeRO reads FSDP2's. Around them stands what that format lacks: a
save either happens or does not, and a damaged file is refused.
"""

import contextlib
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.tensor import DTensor

from course_lib import locks
from course_lib.distributed.checkpoint import manifest
from course_lib.distributed.checkpoint.manifest import latest_valid
from course_lib.distributed.checkpoint.pieces import ParameterPart, PartLoadPlanner, PartSavePlanner
from course_lib.distributed.checkpoint.reading import CheckpointReader
from course_lib.distributed.checkpoint.states import (
    check_optimizer,
    fitting_names,
    group_options,
    model_state,
    optimizer_state,
    room_for_optimizer,
)
from course_lib.distributed.comm.collectives import Comm
from course_lib.distributed.comm.errors import CheckpointError
from course_lib.distributed.zero.module import ZeroModule
from course_lib.distributed.zero.optimizer import ShardedOptimizer

__all__ = ["latest_valid", "load", "save"]
_LOCK_SECONDS = 5.0  # two saves into one folder are a mistake; one that just ends is not
_FULL_BYTES = 2**20


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
        extra: anything small that JSON can hold, returned by :func:`load`, tuples as lists.

    Returns:
        The checkpoint's folder.

    Raises:
        TypeError: ``step`` is no integer, or ``extra`` would not come back from JSON as it is.
        ValueError: negative step.
        CheckpointError: on all ranks, if one of them fails, the disk has no room, the step exists
            or another process saves into the folder.
    """
    state: dict[str, Any] = {"model": model_state(model)}
    content: dict[str, Any] = {"optimizer": None, "groups": [], "extra": extra or {}}
    if optimizer is not None:
        state["optim"] = optimizer_state(optimizer)
        content["optimizer"] = type(optimizer.optimizer).__name__
        content["groups"] = group_options(optimizer.param_groups)
    return write_checkpoint(folder, step, model.comm, state, content)


def write_checkpoint(
    folder: str | Path, step: int, comm: Comm, state: dict[str, Any], content: dict[str, Any]
) -> Path:
    """Write a state as ``folder/step-N``, wholly or not at all. Collective.

    Args:
        folder: where checkpoints go.
        step: number of the training step.
        comm: the ranks that write.
        state: this rank's part, for ``torch.distributed.checkpoint``.
        content: what the manifest says besides the files.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: negative step.
        CheckpointError: on all ranks, if one of them fails or the step exists.
    """
    manifest.check_step(step)
    manifest.check_extra(content.get("extra"))
    folder = Path(folder)
    final = manifest.step_folder(folder, step)
    partial = final.with_name(final.name + ".partial")
    first = comm.rank == 0
    with contextlib.ExitStack() as held:
        together(comm, "prepare", lambda: _prepare(folder, step, held) if first else None)
        try:
            _check_space(folder, comm, state)
            _write_files(partial, step, comm, state, content)
        except CheckpointError:
            if first:
                shutil.rmtree(partial, ignore_errors=True)  # it may be what fills the disk
            raise
    return final


def _prepare(folder: Path, step: int, held: contextlib.ExitStack) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    held.enter_context(locks.locked(folder, timeout_seconds=_LOCK_SECONDS))
    manifest.prepare(folder, step)


def _check_space(folder: Path, comm: Comm, state: dict[str, Any]) -> None:
    """Refuse on all ranks what the disk cannot hold, before anything is written."""
    everyone = comm.gather_objects((_bytes_of(state), shutil.disk_usage(folder).free))
    needed, free = sum(size for size, _ in everyone), min(room for _, room in everyone)
    if needed > free:
        raise CheckpointError(
            f"could not write the checkpoint: no space left in {folder}: it needs {needed:,} "
            f"bytes, and {free:,} are free"
        )


def _bytes_of(state: Any) -> int:
    if isinstance(state, dict):
        return sum(_bytes_of(value) for value in state.values())
    if isinstance(state, ParameterPart):
        return state.values.nbytes
    if isinstance(state, DTensor):
        return state.to_local().nbytes
    return state.nbytes if isinstance(state, Tensor) else 0


def _write_files(
    partial: Path, step: int, comm: Comm, state: dict[str, Any], content: dict[str, Any]
) -> None:
    first = comm.rank == 0
    writer = dcp.FileSystemWriter(partial, single_file_per_rank=True, sync_files=True)
    alone = comm.world_size == 1
    group = None if alone else comm.group

    def write() -> dict[str, Any]:
        with quiet():
            planner = PartSavePlanner()
            dcp.save(
                state, storage_writer=writer, planner=planner, process_group=group, no_dist=alone
            )
        own = sorted(partial.glob(f"__{comm.rank}_*"))
        own += [partial / manifest.METADATA] if first else []
        return {path.name: manifest.digest_file(path) for path in own}

    try:
        listed = together(comm, "write", write)
    except CheckpointError as error:
        free = shutil.disk_usage(partial).free
        if free < _FULL_BYTES:
            raise CheckpointError(
                f"{error}\n(no space left: {free:,} bytes are free in {partial.parent})"
            ) from error
        raise
    names = {name: entry for part in listed for name, entry in sorted(part.items())}
    whole = {"step": step, "world_size": comm.world_size, "files": names, **content}
    together(comm, "finish", lambda: manifest.commit(partial, whole) if first else None)


def verify_checkpoint(folder: str | Path, comm: Comm) -> tuple[Path, dict[str, Any]]:
    """Find the newest whole checkpoint and check its files. Collective.

    Returns:
        The checkpoint's folder, and its manifest.

    Raises:
        CheckpointError: on all ranks: there is none, or a file is damaged.
    """
    path = Path(folder)
    path, content = together(comm, "find", lambda: _find(path) if comm.rank == 0 else None)[0]
    listed = sorted(content["files"].items())
    mine = dict(listed[comm.rank :: comm.world_size])  # each rank verifies some of the files
    found = [text for text in comm.gather_objects(manifest.damage(path, mine)) if text]
    if found:
        raise CheckpointError(found[0])
    return path, content


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
    """
    comm, path = model.comm, Path(folder)
    content: dict[str, Any] = {}
    if not foreign:
        path, content = verify_checkpoint(path, comm)
    listed = content["files"] if content else None
    saved = together(comm, "read", CheckpointReader(path, listed).read_metadata)[0]
    state: dict[str, Any] = {}
    fresh: dict[Any, dict[str, Tensor]] = {}

    def compare() -> None:
        names = fitting_names(model, saved)
        state.update({f"model.{name}": p for name, p in model_state(model, names).items()})
        if optimizer is not None:
            check_optimizer(optimizer, content, saved)
            room, tensors = room_for_optimizer(optimizer, saved)
            state.update(room)
            fresh.update(tensors)

    together(comm, "use", compare)
    alone = comm.world_size == 1
    group = None if alone else comm.group

    def read() -> None:
        reader = CheckpointReader(path, listed)
        with quiet():
            planner = PartLoadPlanner()
            dcp.load(
                state, storage_reader=reader, planner=planner, process_group=group, no_dist=alone
            )

    together(comm, "read", read)
    if optimizer is not None:
        for value, tensors in fresh.items():
            optimizer.optimizer.state[value] = dict(tensors)
        for group_now, group_then in zip(
            optimizer.param_groups, content.get("groups", []), strict=False
        ):
            group_now.update(group_then)
    model.schedule.release_all()
    model.publish()
    return content


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the warning that there is one process only: that is known here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is")
        yield


def together(comm: Comm, what: str, action: Callable[[], Any]) -> list[Any]:
    """Run ``action`` on every rank and return all results; if one fails, all raise."""
    result: Any = None
    error: str | None = None
    cause: BaseException | None = None
    try:
        result = action()
    except CheckpointError as problem:
        cause, error = problem, str(problem)
    except (Exception, CheckpointException) as problem:  # told to all ranks, and raised below
        cause = problem
        if isinstance(problem, CheckpointException) and problem.failures:
            cause = next(iter(problem.failures.values()))[0]  # what torch wraps
        error = f"{type(cause).__name__}: {cause}"
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
