"""The files of a checkpoint: what is in them, and their rows a piece at a time."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.files import read_json
from course_lib.tensor_file import TensorFile
from course_lib.weights.bin_file import BinFile

PIECE_BYTES = 4 * 2**20
SINGLE = ("model.safetensors", "pytorch_model.bin")
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


class Entry(NamedTuple):
    """One tensor of a checkpoint.

    Attributes:
        file: Where it is.
        name: What the file calls it.
        shape: Its sizes.
        dtype: Its type; None if the file holds something other than real numbers.
    """

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype | None

    def n_bytes(self) -> int:
        """Return what it takes in memory, in its own type."""
        width = 1 if self.dtype is None else self.dtype.itemsize
        for size in self.shape:
            width *= size
        return width


class Checkpoint:
    """The tensors in a folder, under the names that files of today use.

    Nothing but names and shapes is held. Pieces are copied out of the files, so that one which is
    cut short meanwhile is an error.

    Args:
        folder: A folder with `model.safetensors`, or its shards and their index, or the `.bin`
            forms of these, looked for in this order.
        modern: Turns a name of the file into today's.
        parts: Files to read instead, and what to put before the names in each.

    Raises:
        FileNotFoundError: If the folder holds no weights, or lacks a shard its index names.
        ValueError: If a file is damaged or cut short, if a `.bin` file holds more than tensors,
            if the index and the shards disagree, or if two tensors claim one name.
    """

    def __init__(
        self,
        folder: Path,
        modern: Callable[[str], str] = str,
        parts: Mapping[str, Path] | None = None,
    ) -> None:
        self.folder = folder
        self._files: dict[Path, TensorFile] = {}
        self._bin: BinFile | None = None
        self.entries: dict[str, Entry] = {}
        promised: dict[str, str] = {}
        named = list((parts or {}).items())
        if parts is None:
            files, promised = find_files(folder)
            named = [("", file) for file in files]
        for before, file in named:
            for entry in self._scan(file):
                name = before + modern(entry.name)
                if name in self.entries:
                    other = self.entries[name]
                    raise ValueError(
                        f"{file}: {entry.name} is there twice, also as {other.name} in {other.file}"
                    )
                self.entries[name] = entry
        held = {(entry.name, entry.file.name) for entry in self.entries.values()}
        for name, file_name in promised.items():
            if (name, file_name) not in held:
                raise ValueError(f"{folder / file_name}: {name} is missing, which the index names")
        self._check_one_save(sorted(set(promised.values())))

    def _check_one_save(self, shards: list[str]) -> None:
        """Refuse shards of two saves: they fit each other in everything but their numbers."""
        marks = {}
        for name in shards:
            if name.endswith(".safetensors"):
                marks[name] = self._files[self.folder / name].metadata.get("save")
        if len(set(marks.values())) > 1:
            first, *others = marks
            other = next(name for name in others if marks[name] != marks[first])
            raise ValueError(
                f"{self.folder / other}: save={marks[other]!r} in its header, but "
                f"save={marks[first]!r} in that of {first}: they are of two checkpoints"
            )

    def check_layers(self, config: TransformerConfig) -> None:
        """Refuse sizes that no tensor here can have, before anything is built for each of them."""
        n_layers = config.n_encoder_layers + config.n_decoder_layers
        if n_layers > len(self.entries):
            raise ValueError(
                f"{self.folder}: the config asks for {n_layers} layers, but there are only "
                f"{len(self.entries)} tensors"
            )
        largest = max((math.prod(entry.shape) for entry in self.entries.values()), default=0)
        for what, size in (("numbers a head", config.head_dim), ("heads", config.n_heads)):
            if size > largest:
                raise ValueError(
                    f"{self.folder}: the config asks for {size} {what}, but the largest tensor "
                    f"has {largest} numbers"
                )

    def dtype(self, names: Iterable[str]) -> torch.dtype:
        """Return the type that holds the tensors of these names without loss.

        Only those: a file in half precision may hold constants in full.
        """
        held = {self.entries[name].dtype for name in names if name in self.entries}
        kinds = [kind for kind in held if kind is not None]
        return reduce(torch.promote_types, kinds) if kinds else torch.float32

    def same(self, first: str, second: str) -> bool:
        """Say whether two tensors hold the same numbers, comparing piece by piece."""
        a, b = self.entries[first], self.entries[second]
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        pairs = zip(self.pieces(a, 1), self.pieces(b, 1), strict=True)
        return all(torch.equal(one, other) for (_, one), (_, other) in pairs)

    def pieces(self, entry: Entry, step: int) -> Iterator[tuple[int, Tensor]]:
        """Read a tensor in pieces of bounded size.

        Args:
            entry: The tensor.
            step: Every piece but the last has a multiple of this many rows.

        Yields:
            The number of the piece's first row, and the piece.
        """
        n_rows = entry.shape[0] if entry.shape else 1
        in_row = max(1, entry.n_bytes() // max(1, n_rows))
        height = max(step, PIECE_BYTES // in_row // step * step)
        for start in range(0, n_rows, height):
            yield start, self._rows(entry, start, start + height)

    def _rows(self, entry: Entry, start: int, stop: int) -> Tensor:
        if entry.file.suffix == ".safetensors":
            return self._files[entry.file].rows(entry.name, start, stop)
        return self._opened(entry.file).rows(entry.name, start, stop)

    def _scan(self, file: Path) -> list[Entry]:
        if file.suffix == ".safetensors":
            self._files[file] = TensorFile(file)
            tensors = self._files[file].tensors
            found = [(name, tensor.shape, tensor.dtype) for name, tensor in tensors.items()]
        else:
            named = self._opened(file).tensors
            found = [(name, shape, dtype) for name, (shape, dtype) in named.items()]
        return [
            Entry(file, name, shape, dtype if dtype and dtype.is_floating_point else None)
            for name, shape, dtype in found
        ]

    def _opened(self, file: Path) -> BinFile:
        """Open a `.bin` file, one at a time: it may be held whole."""
        if self._bin is None or self._bin.file != file:
            self._bin = None  # before the next one is opened
            self._bin = BinFile(file)
        return self._bin


def find_files(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Find the files with the weights.

    Args:
        folder: Where to look.

    Returns:
        The files, and for a checkpoint in shards which file its index promises each name in.

    Raises:
        FileNotFoundError: If there are none, or if a shard is missing.
        ValueError: If the index is damaged.
    """
    for single, index in zip(SINGLE, INDEXES, strict=True):
        if (folder / single).is_file():
            return [folder / single], {}
        if (folder / index).is_file():
            promised = read_index(folder / index)
            files = [folder / name for name in sorted(set(promised.values()))]
            for file in files:
                if not file.is_file():
                    raise FileNotFoundError(f"no {file.name} in {folder}, named by {index}")
            return files, promised
    raise FileNotFoundError(
        f"no weights in {folder}: expected one of {', '.join(SINGLE + INDEXES)}"
    )


TASK = "task.json"
"""What a tuned model's folder says of it (`course_lib.tasks`); it goes with the model."""
BESIDE = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
"""Files that a published folder has beside its model: the words, and how text is written."""


def checkpoint_files(folder: Path) -> set[str]:
    """Return the names a checkpoint may have in a folder: each would hide or mix with another."""
    names = {"config.json", TASK, *SINGLE, *INDEXES}
    for index in INDEXES:
        if (folder / index).is_file():
            with contextlib.suppress(ValueError):  # a damaged index names nothing
                names |= set(read_index(folder / index).values())
    return names


def read_index(index: Path) -> dict[str, str]:
    """Read which shard each tensor is in.

    Args:
        index: A file such as `model.safetensors.index.json`.

    Returns:
        The name of the file for each tensor, beside the index and nowhere else.

    Raises:
        ValueError: If it is no index, or names a file of another folder.
    """
    promised = read_json(index).get("weight_map")
    if not isinstance(promised, dict) or not promised:
        raise ValueError(f"{index}: weight_map={promised!r}: expected the file of each tensor")
    suffix = index.name.removesuffix(".index.json").rpartition(".")[2]
    for name, file in promised.items():
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(f".{suffix}"):
            raise ValueError(
                f"{index}: {name} is in {file!r}: expected a .{suffix} file of this folder"
            )
    return promised
