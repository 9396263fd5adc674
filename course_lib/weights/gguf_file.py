"""What stands in a GGUF file: a list of named values, a list of tensors, and their numbers.

GGUF is the format of llama.cpp: one file that holds the weights, often in four or eight bits a
number, together with the sizes of the model and its vocabulary. Read here by hand, because every
count in it is checked against what is left of the file before it is believed, and an error names
the key; the arithmetic of the packed numbers is that of the `gguf` package.
"""

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.extras import needs
from course_lib.stored import StoredFile
from course_lib.weights.checkpoint import Checkpoint, Entry

_MAGIC, _VERSIONS = b"GGUF", (2, 3)
# The thirteen types of a value: a letter of `struct`, or one of these three.
_TEXT, _LIST, _TRUTH = "text", "list", "?"
_KINDS = ("B", "b", "H", "h", "I", "i", "f", _TRUTH, _TEXT, _LIST, "Q", "q", "d")
_LEAST_BYTES = {_TEXT: 8, _LIST: 12}
_MOST_AXES = 4


class PackedTensor(NamedTuple):
    """Where one tensor lies, and how its numbers are packed.

    Attributes:
        kind: Number of its packing, as `gguf.GGMLQuantizationType` has it.
        start: Its first byte in the file.
        rows: How many rows it has.
        row_bytes: Bytes of one row.
    """

    kind: int
    start: int
    rows: int
    row_bytes: int


class _Reader:
    """Goes through a file, and never past its end."""

    def __init__(self, file: Path, opened: BinaryIO, n_bytes: int) -> None:
        self.file, self.opened, self.n_bytes, self.at = file, opened, n_bytes, 0

    def left(self) -> int:
        return self.n_bytes - self.at

    def take(self, n: int, what: str) -> bytes:
        if n > self.left():
            raise ValueError(
                f"{self.file} is cut short or damaged: {what} takes {n} bytes at byte {self.at}, "
                f"there are {self.left()}"
            )
        self.at += n
        found = self.opened.read(n)
        if len(found) < n:
            raise ValueError(f"{self.file} was cut short while it was read")
        return found

    def number(self, letter: str, what: str) -> Any:
        return struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}"), what))[0]

    def count(self, what: str, least_bytes: int) -> int:
        """Read how many things follow, each of at least so many bytes."""
        n = self.number("Q", what)
        if n * least_bytes > self.left():
            raise ValueError(
                f"{self.file}: {what} is {n}, but the {self.left()} bytes after it hold at most "
                f"{self.left() // least_bytes}"
            )
        return n

    def text(self, what: str) -> str:
        raw = self.take(self.number("Q", f"the length of {what}"), what)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.file}: {what} is no UTF-8: {error}") from None

    def value(self, key: str, kind: int) -> Any:
        if kind >= len(_KINDS):
            raise ValueError(
                f"{self.file}: {key} is of type {kind}: expected 0 to {len(_KINDS) - 1}"
            )
        letter = _KINDS[kind]
        if letter == _TEXT:
            return self.text(key)
        if letter == _LIST:
            return self._list(key)
        return self._plain(key, letter, self.take(struct.calcsize(f"<{letter}"), key))[0]

    def _list(self, key: str) -> list[Any]:
        kind = self.number("I", key)
        letter = _KINDS[kind] if kind < len(_KINDS) else ""
        if not letter or letter == _LIST:
            raise ValueError(f"{self.file}: {key} is a list of type {kind}: expected plain values")
        size = _LEAST_BYTES.get(letter) or struct.calcsize(f"<{letter}")
        n = self.count(f"the number of values of {key}", size)
        if letter == _TEXT:
            return [self.text(f"{key}[{i}]") for i in range(n)]
        return self._plain(key, letter, self.take(n * size, key))

    def _plain(self, key: str, letter: str, raw: bytes) -> list[Any]:
        if letter == _TRUTH:
            if set(raw) - {0, 1}:
                raise ValueError(f"{self.file}: {key} holds {max(raw)}: expected 0 or 1")
            return [bool(one) for one in raw]
        found = np.frombuffer(raw, f"<{_NUMPY[letter]}")
        # The shortest decimal that gives the same 32 bits: 1e-5, not 9.999999747378752e-06.
        return [float(str(one)) for one in found] if letter == "f" else found.tolist()


_NUMPY = {"B": "u1", "b": "i1", "H": "u2", "h": "i2", "I": "u4", "i": "i4", "f": "f4"}
_NUMPY |= {"Q": "u8", "q": "i8", "d": "f8"}


class GgufFile(Checkpoint):
    """The values and the tensors of a GGUF file; numbers are unpacked a few rows at a time.

    A tensor is packed in blocks along its rows: Q8_0 holds 32 numbers as 32 bytes and their common
    scale, Q4_1 as 16 bytes with a scale and a least value. All come out in float32.

    Args:
        file: The file.

    Attributes:
        values: What the file says about the model, by key.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the `gguf` package is not installed.
        ValueError: If the file is damaged, cut short, of another version, or packs a tensor in a
            way that is not known. The message names the file and the key or tensor.

    Source: the specification of GGUF in the ggml repository (docs/gguf.md), versions 2 and 3.
    """

    def __init__(self, file: Path) -> None:
        with needs("hub", f"reading {file}"):
            from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
            from gguf.quants import dequantize
        self.folder = file  # what messages begin with
        self._unpack = lambda raw, kind: dequantize(raw, GGMLQuantizationType(kind))
        sizes = {int(kind): size for kind, size in GGML_QUANT_SIZES.items()}
        self._bytes = StoredFile(file)
        self.values: dict[str, Any] = {}
        self.entries: dict[str, Entry] = {}
        self._packed: dict[str, PackedTensor] = {}
        with file.open("rb") as opened:
            head = opened.read(4)
            if head != _MAGIC:
                raise ValueError(f"{file} is no GGUF file: it begins with {head!r}, not {_MAGIC!r}")
            opened.seek(0)
            self._place(self._read_head(_Reader(file, opened, self._bytes.n_bytes), sizes))

    def _read_head(self, reader: _Reader, sizes: dict[int, tuple[int, int]]) -> int:
        """Read values and names; return where they end."""
        file = self.folder
        reader.take(4, "the magic word")
        version = reader.number("I", "the version")
        if version not in _VERSIONS:
            raise ValueError(
                f"{file}: version {version}: expected one of {_VERSIONS}, in the byte order of "
                "little endian machines"
            )
        n_tensors = reader.count("the number of tensors", 24)
        n_values = reader.count("the number of values", 13)
        for number in range(n_values):
            key = reader.text(f"the name of value {number}")
            if key in self.values:
                raise ValueError(f"{file}: {key} is there twice")
            self.values[key] = reader.value(key, reader.number("I", f"the type of {key}"))
        for number in range(n_tensors):
            self._read_tensor(reader, number, sizes)
        return reader.at

    def _read_tensor(self, reader: _Reader, number: int, sizes: dict[int, tuple[int, int]]) -> None:
        file, name = self.folder, reader.text(f"the name of tensor {number}")
        if name in self.entries:
            raise ValueError(f"{file}: tensor {name} is there twice")
        n_axes = reader.number("I", f"the number of axes of {name}")
        if n_axes > _MOST_AXES:
            raise ValueError(f"{file}: {name} has {n_axes} axes: expected at most {_MOST_AXES}")
        # Written the other way round: the axis whose elements are neighbours comes first.
        shape = tuple(reader.number("Q", f"the sizes of {name}") for _ in range(n_axes))[::-1]
        kind = reader.number("I", f"the type of {name}")
        start = reader.number("Q", f"the place of {name}")
        if kind not in sizes:
            raise ValueError(f"{file}: {name} is packed as type {kind}, which gguf does not know")
        block, block_bytes = sizes[kind]
        width = shape[-1] if shape else 1
        if width % block:
            raise ValueError(
                f"{file}: {name} has rows of {width}, but its type packs {block} numbers at a time"
            )
        rows = math.prod(shape[:-1])
        self._check_packing(name, kind, block_bytes)
        self.entries[name] = Entry(file, name, shape, torch.float32)
        self._packed[name] = PackedTensor(kind, start, rows, width // block * block_bytes)

    def _check_packing(self, name: str, kind: int, block_bytes: int) -> None:
        """Unpack one block of zeros, so that what cannot be unpacked is refused at once."""
        try:
            unpacked = self._unpack(np.zeros((1, block_bytes), np.uint8), kind)
        except (NotImplementedError, ValueError) as error:
            raise ValueError(
                f"{self.folder}: {name} is packed as type {kind}: gguf cannot unpack it: {error}"
            ) from None
        if unpacked.dtype != np.float32:
            raise ValueError(f"{self.folder}: {name} is of type {kind}, which is no real numbers")

    def _place(self, end_of_names: int) -> None:
        """Find the numbers of every tensor, all of which must lie inside the file."""
        align = self.values.get("general.alignment", 32)
        if not isinstance(align, int) or align < 8 or align & (align - 1):
            raise ValueError(
                f"{self.folder}: general.alignment={align!r}: expected a power of two, 8 or more"
            )
        first, last = -(-end_of_names // align) * align, (0, "")
        for name, packed in sorted(self._packed.items(), key=lambda one: one[1].start):
            if packed.start < last[0]:
                raise ValueError(f"{self.folder} is damaged: {name} lies upon {last[1]}")
            last = (packed.start + packed.rows * packed.row_bytes, name)
        for name, packed in self._packed.items():
            start, n_bytes = first + packed.start, packed.rows * packed.row_bytes
            if start + n_bytes > self._bytes.n_bytes:
                raise ValueError(
                    f"{self.folder} is cut short or damaged: {name} takes {n_bytes} bytes at byte "
                    f"{start}, the file has {self._bytes.n_bytes}"
                )
            self._packed[name] = packed._replace(start=start)

    def _rows(self, entry: Entry, start: int, stop: int) -> Tensor:
        packed = self._packed[entry.name]
        first, last = (0, packed.rows) if len(entry.shape) < 2 else (start, min(stop, packed.rows))
        n, at = last - first, packed.start + first * packed.row_bytes
        raw = np.frombuffer(self._bytes.read(at, n * packed.row_bytes), np.uint8)
        unpacked = self._unpack(raw.reshape(n, packed.row_bytes), packed.kind)
        found = torch.from_numpy(np.array(unpacked, np.float32))
        return found.flatten()[start:stop] if len(entry.shape) < 2 else found
