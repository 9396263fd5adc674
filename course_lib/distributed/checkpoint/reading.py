"""Read checkpoint files of torch's format without running anything that is in them.

``torch.distributed.checkpoint`` describes its files in a pickle, and keeps what is no tensor in
pickles, too. Unpickling runs code. Here only the classes that describe tensors can be unpickled,
and only files that the checkpoint lists are opened.
"""

import io
import pickle
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint import DefaultLoadPlanner, FileSystemReader
from torch.distributed.checkpoint.filesystem import StorageMeta
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    Metadata,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.planner import ReadItem

from course_lib.distributed.checkpoint.manifest import METADATA
from course_lib.distributed.comm.errors import CheckpointError

_METADATA_CLASSES = {
    "torch.distributed.checkpoint.metadata": {
        *("BytesStorageMetadata", "ChunkStorageMetadata", "Metadata", "MetadataIndex"),
        *("StorageMeta", "TensorProperties", "TensorStorageMetadata", "_MEM_FORMAT_ENCODING"),
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo", "_StoragePrefix"},
    "torch": {"Size"},
    "torch.serialization": {"_get_layout"},
    "pathlib": {"Path", "PosixPath", "PurePosixPath"},
    "collections": {"OrderedDict"},
}
_DTYPES = {name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}


class _MetadataUnpickler(pickle.Unpickler):
    """Makes objects of the classes that describe tensors, and of no others."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class, if it is one of those."""
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if name not in _METADATA_CLASSES.get(module, ()):
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which describes no tensor")
        return super().find_class(module, name)


class WeightsOnlyPlanner(DefaultLoadPlanner):
    """torch's planner, which reads what is no tensor as plain numbers and texts, or not at all."""

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        """Read one such value."""
        try:
            torch.load(value, weights_only=True)
        except Exception as error:  # a damaged pickle raises anything at all
            name = read_item.dest_index.fqn
            raise CheckpointError(f"{name!r} is stored as something else than numbers") from error
        value.seek(0)
        super().load_bytes(read_item, value)


class CheckpointReader(FileSystemReader):
    """torch's reader, for files that may come from anybody.

    Args:
        path: the checkpoint's folder.
        listed: the files that may be read, or None for all that lie in the folder.
    """

    def __init__(self, path: Path, listed: Collection[str] | None = None) -> None:
        super().__init__(path)
        self.folder, self.listed = path, listed

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """Return what is in the files.

        Raises:
            CheckpointError: the description cannot be read, is none, or names a file that is not
                listed.
        """
        file = self.folder / METADATA
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CheckpointError(f"{file} cannot be read: {error}") from error
        try:
            content = _MetadataUnpickler(io.BytesIO(data)).load()
        except Exception as error:  # a damaged pickle raises anything at all
            raise CheckpointError(
                f"{file} describes no checkpoint: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(content, Metadata):
            raise CheckpointError(f"{file} describes no checkpoint: it holds {type(content)}")
        self._check_files(file, content)
        if getattr(content, "storage_meta", None) is None:
            content.storage_meta = StorageMeta()
        assert content.storage_meta is not None
        content.storage_meta.load_id = self.load_id
        return content

    def _check_files(self, file: Path, content: Metadata) -> None:
        try:
            names = {info.relative_path for info in content.storage_data.values()}
            for entry in content.state_dict_metadata.values():
                _check_entry(entry)
        except (AttributeError, TypeError) as error:
            raise CheckpointError(f"{file} describes no checkpoint: {error}") from error
        for name in sorted(names, key=str):
            plain = type(name) is str and Path(name).name == name
            if not plain or (self.listed is not None and name not in self.listed):
                raise CheckpointError(f"{file} names the file {name!r}, which is not listed")


def _check_entry(entry: Any) -> None:
    """Raise unless an entry says of a tensor what has to be said."""
    if isinstance(entry, BytesStorageMetadata):
        return
    if not isinstance(entry, TensorStorageMetadata):
        raise TypeError(f"an entry is of {type(entry)}")
    parts = [(entry.size, entry.size)] + [(chunk.sizes, chunk.offsets) for chunk in entry.chunks]
    for sizes in (part for pair in parts for part in pair):
        if not isinstance(sizes, torch.Size) or any(n < 0 for n in sizes):
            raise TypeError(f"a size is {sizes!r}")
    if not isinstance(entry.properties.dtype, torch.dtype):
        raise TypeError(f"a type is {entry.properties.dtype!r}")
