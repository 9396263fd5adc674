"""Parts of parameters, as torch's checkpoint format sees them.

A shard is a range of a flattened parameter. ``torch.distributed.checkpoint`` stores boxes under
the parameter's name, so a range is handed over as a few boxes, and any engine that reads the format
(FSDP2, for one) can load what ZeRO saved, at any number of ranks, and the other way round.
"""

import io
import itertools
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.default_planner import create_default_local_load_plan
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
)
from torch.distributed.checkpoint.planner import (
    LoadPlan,
    ReadItem,
    TensorWriteData,
    WriteItem,
    WriteItemType,
)

from course_lib.distributed.checkpoint.rectangles import rectangles
from course_lib.distributed.comm.errors import CheckpointError

BOX_ELEMENTS = 2**18
"""Largest box of a checkpoint, one MiB of float32. A reader holds the whole box it needs a part of,
so without a limit, what one rank saved would be read whole by each of many ranks."""


class ParameterPart:
    """The elements ``[start, stop)`` of a flattened parameter, in memory as a 1-D tensor.

    It speaks the protocol by which ``DTensor`` takes part in checkpoints: as boxes of whole rows
    where rows are not too long, and of at most :data:`BOX_ELEMENTS`.

    Args:
        shape: shape of the whole parameter.
        start: first element.
        values: the elements.
    """

    def __init__(self, shape: tuple[int, ...], start: int, values: Tensor) -> None:
        self.shape, self.values = torch.Size(shape), values
        self.boxes: dict[tuple[int, ...], Tensor] = {}
        stop, row = start + values.numel(), torch.Size(shape[1:]).numel()
        step = BOX_ELEMENTS // row * row if 0 < row <= BOX_ELEMENTS else BOX_ELEMENTS
        cuts = [start, *range((start // step + 1) * step, stop, step), stop]
        position = 0
        for low, high in itertools.pairwise(cuts):
            for offsets, sizes in rectangles(shape, low, high):
                numel = torch.Size(sizes).numel()
                self.boxes[offsets] = values[position : position + numel].view(sizes)
                position += numel

    def size(self) -> torch.Size:
        """Return the shape of the whole parameter."""
        return self.shape

    def __create_chunk_list__(self) -> list[ChunkStorageMetadata]:
        """List the boxes held here."""
        return [
            ChunkStorageMetadata(torch.Size(offsets), box.shape)
            for offsets, box in self.boxes.items()
        ]

    def __create_write_items__(self, name: str, _object: Any) -> list[WriteItem]:
        """Describe one write per box."""
        properties = TensorProperties.create_from_tensor(self.values)
        return [
            WriteItem(
                index=MetadataIndex(name, chunk.offsets),
                type=WriteItemType.SHARD,
                tensor_data=TensorWriteData(chunk=chunk, properties=properties, size=self.shape),
            )
            for chunk in self.__create_chunk_list__()
        ]

    def __get_tensor_shard__(self, index: MetadataIndex) -> Tensor:
        """Return the memory of one box, to write from or read into."""
        assert index.offset is not None
        return self.boxes[tuple(index.offset)]


class PartSavePlanner(DefaultSavePlanner):
    """Finds the memory of a box of a :class:`ParameterPart` to write from."""

    def lookup_object(self, index: MetadataIndex) -> Any:
        """Return what is saved under ``index``."""
        found = self.state_dict[index.fqn]
        if isinstance(found, ParameterPart):
            return found.__get_tensor_shard__(index)
        return super().lookup_object(index)


class PartLoadPlanner(DefaultLoadPlanner):
    """Finds the memory of a box of a :class:`ParameterPart` to read into.

    It takes a flat state, with the names as they are in the files, and reads what is asked for.
    """

    def set_up_planner(
        self,
        state_dict: dict[str, Any],
        metadata: Metadata | None = None,
        is_coordinator: bool = False,
    ) -> None:
        """Take the state as it is."""
        self.state_dict = self.original_state_dict = state_dict
        self.metadata, self.is_coordinator = metadata, is_coordinator

    def create_local_plan(self) -> LoadPlan:
        """List what this rank reads."""
        assert self.metadata is not None
        return create_default_local_load_plan(self.state_dict, self.metadata)

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        """Refuse: what is no tensor is stored as code to be run."""
        name = read_item.dest_index.fqn
        raise CheckpointError(f"{name!r} is stored as something else than a tensor")

    def lookup_tensor(self, index: MetadataIndex) -> Tensor:
        """Return where ``index`` is read into."""
        found = self.state_dict[index.fqn]
        if isinstance(found, ParameterPart):
            return found.__get_tensor_shard__(index)
        return super().lookup_tensor(index)
