"""Where a checkpoint is: a folder of this machine, or a name on the hub."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from course_lib.weights.files import INDEXES, SINGLE, read_index
from course_lib.weights.meta import PARAMS, PART

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def find_folder(path_or_name: str | os.PathLike[str], revision: str | None = None) -> Path:
    """Return the folder of a checkpoint, after downloading it if it is only on the hub.

    A folder that exists comes before a name on the hub. Only the config and one form of the
    weights are downloaded: safetensors where there are any, Meta's own files if there is nothing
    else.

    Args:
        path_or_name: A folder, or a name such as `openai-community/gpt2`.
        revision: Branch, tag or commit on the hub; None means its main branch.

    Returns:
        A folder of this machine.

    Raises:
        FileNotFoundError: If there is no such folder and no such name, or the hub is out of
            reach and the checkpoint was not downloaded before.
        NotADirectoryError: If it is a file.
        ImportError: If it could be on the hub and `huggingface_hub` is not installed.
        ValueError: If a revision is given for a folder.

    Chapter: 09_transformer_models
    """
    folder = Path(path_or_name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"revision={revision!r} given, but {folder} is a folder, not a name")
        return folder
    if folder.exists():
        raise NotADirectoryError(f"{folder} is a file: expected the folder it is in")
    name = str(path_or_name)
    if isinstance(path_or_name, os.PathLike) or not _NAME.fullmatch(name) or name.startswith("."):
        raise FileNotFoundError(f"no folder {name}, and it cannot be a name on the hub")
    return _download(name, revision)


def _download(name: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils import (
            EntryNotFoundError,
            GatedRepoError,
            HFValidationError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError as error:
        raise ImportError(
            f"no folder {name}; to look for it on the hub, install huggingface_hub "
            "(pip install 'course-lib[hub]')"
        ) from error

    def fetch(file: str) -> Path | None:
        try:
            return Path(hf_hub_download(name, file, revision=revision))
        except LocalEntryNotFoundError as error:
            unreachable.append(error)
            return None
        except EntryNotFoundError:
            return None

    unreachable: list[Exception] = []
    at = "" if revision is None else f" at revision {revision!r}"
    try:
        config = fetch("config.json")
        found = config and _fetch_weights(fetch)
        if config is None and not unreachable:
            config = fetch(PARAMS)
            found = config and _fetch_parts(fetch)
    except GatedRepoError as error:
        raise FileNotFoundError(
            f"{name} on the hub asks for its terms to be accepted and for a login first"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise FileNotFoundError(f"no folder {name}, and no {name}{at} on the hub") from error
    except OSError as error:
        raise FileNotFoundError(f"no folder {name}, and the hub failed: {error}") from error
    if config is not None and found:
        return config.parent
    if unreachable:
        raise FileNotFoundError(
            f"no folder {name}; the hub is out of reach, and {name}{at} was not downloaded before"
        ) from unreachable[-1]
    lacks = "weights in a known form" if config else "config.json"
    raise FileNotFoundError(f"{name}{at} on the hub has no {lacks}")


def _fetch_parts(fetch: Callable[[str], Path | None]) -> bool:
    """Fetch as many of Meta's files as there are; nothing says how many."""
    n_parts = 0
    while fetch(PART.format(n_parts)) is not None:
        n_parts += 1
    return n_parts > 0


def _fetch_weights(fetch: Callable[[str], Path | None]) -> bool:
    for single, index in zip(SINGLE, INDEXES, strict=True):
        if fetch(single) is not None:
            return True
        listed = fetch(index)
        if listed is not None:
            shards = sorted(set(read_index(listed).values()))
            return all(fetch(shard) is not None for shard in shards)
    return False
