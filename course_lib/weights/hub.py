"""A checkpoint from the hub, by its name."""

from collections.abc import Callable
from pathlib import Path

from course_lib.weights.checkpoint import INDEXES, SINGLE, read_index
from course_lib.weights.llama_meta import PARAMS, PART


def download(name: str, revision: str | None = None) -> Path:
    """Download a checkpoint, or find what was downloaded before.

    Only the config and one form of the weights: safetensors where there are any, Meta's own files
    if there is nothing else.

    Args:
        name: Such as `openai-community/gpt2`.
        revision: Branch, tag or commit; None means the main branch.

    Returns:
        The folder of the files.

    Raises:
        FileNotFoundError: If there is no such name, or the hub is out of reach and the checkpoint
            was not downloaded before.
        ImportError: If `huggingface_hub` is not installed.
    """
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
