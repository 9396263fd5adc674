"""What both sharded engines do with a folder of checkpoints."""

import shutil
from pathlib import Path
from typing import Any

from course_lib.distributed import Comm, latest_valid
from course_lib.distributed.checkpoint import manifest


def has_checkpoint(folder: Path, comm: Comm) -> bool:
    """Let rank 0 look for a finished checkpoint, and tell all. Collective.

    Raises:
        ValueError: If there is a file in the folder's place.
    """
    answer = (folder.is_file(), comm.rank == 0 and latest_valid(folder) is not None)
    is_file, found = comm.gather_objects(answer)[0]
    if is_file:
        raise ValueError(
            f"checkpoint {folder} is a file, as one process writes it; sharded training keeps "
            "its run in a folder"
        )
    return bool(found)


def newest_state(folder: Path, comm: Comm) -> dict[str, Any]:
    """Read what the newest checkpoint holds besides weights, before anything changes. Collective.

    The loop checks it first, so that a run that does not fit leaves the model as it is.
    """
    path = latest_valid(folder) if comm.rank == 0 else None
    state: dict[str, Any] = comm.gather_objects(path and manifest.read(path)["extra"])[0]
    return state


def keep_newest(folder: Path, comm: Comm, n: int | None) -> None:
    """Remove all but the newest checkpoints, once a new one is whole."""
    if n is None or comm.rank != 0:
        return
    steps = sorted(path for path in folder.glob("step-*") if path.name[5:].isdigit())
    for path in steps[:-n]:
        shutil.rmtree(path)
