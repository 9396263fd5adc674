"""Tensors of a safetensors file, copied out of it when they are asked for.

The library's own reader maps the file, and a mapped file that is cut short kills the process. Read
here by hand: the header is JSON, and every number in it is checked before it is believed.

Source: https://github.com/huggingface/safetensors, "Format".
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.files import parse_json
from course_lib.stored import ChangedError, StoredFile

_HEADER_LIMIT_BYTES = 100_000_000  # as the library has it
_KINDS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


class StoredTensor(NamedTuple):
    """Where one tensor lies.

    Attributes:
        kind: What the file calls its type.
        dtype: The same as torch has it; None if it has none.
        shape: Its sizes.
        start: Its first byte in the file.
    """

    kind: str
    dtype: torch.dtype | None
    shape: tuple[int, ...]
    start: int


class TensorFile:
    """A safetensors file as it is now. Nothing but names and places is held.

    Args:
        file: The file.

    Attributes:
        metadata: Its texts by name.
        tensors: Its tensors by name, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or cut short.
    """

    def __init__(self, file: Path) -> None:
        self._stored = StoredFile(file)
        try:
            header, first = self._header()
            self.metadata = _metadata(header.pop("__metadata__", None))
            self.tensors = _places(header, first, self._stored.n_bytes)
        except ChangedError:
            raise
        except ValueError as error:
            raise ValueError(f"{file} is damaged or cut short: {error}") from error

    def _header(self) -> tuple[dict[str, Any], int]:
        size = int.from_bytes(self._stored.read(0, 8), "little")
        if size > min(_HEADER_LIMIT_BYTES, self._stored.n_bytes - 8):
            raise ValueError(f"its header has {size} bytes, the file {self._stored.n_bytes}")
        header = parse_json(bytes(self._stored.read(8, size)), "its header")
        if not isinstance(header, dict):
            raise ValueError(f"its header is {type(header).__name__}, expected an object")
        return header, 8 + size

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        """Copy a tensor, or some of its rows.

        Args:
            name: The tensor.
            start: The first row.
            stop: The row after the last; None for all. One past the end counts as the end.

        Raises:
            FileNotFoundError: If the file is gone.
            ValueError: If it is no longer the file that was opened, or if the type is not known.
        """
        about = self.tensors[name]
        if about.dtype is None:
            raise ValueError(f"{self._stored.file}: {name} is of type {about.kind}: not known")
        n_rows, *inner = about.shape or (1,)
        stop = n_rows if stop is None else min(stop, n_rows)
        start = min(start, stop)
        shape = (stop - start, *inner) if about.shape else ()
        if not math.prod(shape):
            return torch.empty(shape, dtype=about.dtype)
        row_bytes = about.dtype.itemsize * math.prod(inner)
        data = self._stored.read(about.start + start * row_bytes, (stop - start) * row_bytes)
        return torch.frombuffer(data, dtype=about.dtype).reshape(shape)


def _metadata(found: Any) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("its metadata is no object of texts")
    return found


def _places(header: dict[str, Any], first: int, n_bytes: int) -> dict[str, StoredTensor]:
    """Check that the tensors fill the file without a hole, and that each fills its place."""
    ends: dict[str, tuple[int, int]] = {}
    tensors: dict[str, StoredTensor] = {}
    for name, about in header.items():
        try:
            kind, shape, (start, end) = about["dtype"], about["shape"], about["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise ValueError(f"{name!r:.60} has no dtype, shape or data_offsets") from None
        numbers = [*shape, start, end] if isinstance(shape, list) else [None]
        if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
            raise ValueError(f"{name!r:.60} has a shape or place that is no list of sizes")
        dtype = _KINDS.get(kind) if isinstance(kind, str) else None
        if dtype is not None and math.prod(shape) * dtype.itemsize != end - start:
            raise ValueError(f"{name!r:.60}: {kind} of {shape} does not take {end - start} bytes")
        ends[name] = start, end
        tensors[name] = StoredTensor(str(kind), dtype, tuple(shape), first + start)
    at = 0
    for name in sorted(ends, key=ends.__getitem__):
        start, end = ends[name]
        if start != at or end < start:
            raise ValueError(f"{name!r:.60} is at byte {start}, expected {at}")
        at = end
    if first + at != n_bytes:
        raise ValueError(f"its tensors end at byte {first + at}, the file at {n_bytes}")
    return tensors
