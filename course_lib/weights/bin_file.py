"""Tensors of a `.bin` file, copied out of it when they are asked for.

Such a file is a zip of a pickle, which names the tensors, and of one part for the numbers of each
storage. torch would map it, and a mapped file that is cut short kills the process. The pickle is
read here by an unpickler that knows four names, all of its own functions: nothing in a file can
run. A file that needs more goes through torch's safe loader, which holds it whole.
"""

import io
import math
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.stored import StoredFile

_PICKLE_LIMIT_BYTES = 2**28
_LOCAL_HEADER_BYTES = 30  # of a part in a zip, before its name
_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class _Other(Exception):
    """The pickle holds something besides plain tensors."""


class _Storage(NamedTuple):
    dtype: torch.dtype
    key: str
    n: int


class _Strided(NamedTuple):
    """A tensor of a storage: how it lies there."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def span(self) -> int:
        """Numbers from its first to its last."""
        if not math.prod(self.shape):
            return 0
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + sum((size - 1) * stride for size, stride in steps)

    def in_order(self) -> bool:
        """Say whether its numbers lie in the order of its rows, without a gap."""
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != step:
                return False
            step *= size
        return True


def _tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, grad: Any, hooks: Any, more: Any = None
) -> _Strided:
    if more:
        raise _Other("a tensor that is a view of another's negative")
    numbers = [offset, *shape, *strides]
    fits = isinstance(storage, _Storage) and len(shape) == len(strides)
    if not fits or not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise ValueError("a tensor without a storage, or with sizes that are none")
    made = _Strided(storage, offset, tuple(shape), tuple(strides))
    if made.span() and offset + made.span() > storage.n:
        raise ValueError(f"a tensor of shape {made.shape} that its storage does not hold")
    return made


class _Unpickler(pickle.Unpickler):
    def __init__(self, opened: io.BytesIO) -> None:
        super().__init__(opened)

        class Named(dict[Any, Any]):
            """What an OrderedDict becomes: torch gives it attributes."""

        # Made anew for each file, which can set attributes of whatever it is given.
        self._meant: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): Named,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *told: _tensor(*told),
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) not in self._meant:
            raise _Other(f"{module}.{name}")
        return self._meant[module, name]

    def persistent_load(self, told: Any) -> _Storage:
        what, dtype, key, _, n = told
        if what != "storage" or not isinstance(dtype, torch.dtype) or type(n) is not int:
            raise _Other(repr(told)[:60])
        return _Storage(dtype, str(key), n)


class BinFile:
    """A `.bin` file as it is now.

    One from before 2020, or with more than plain tensors, is held whole. So is a tensor whose
    numbers do not lie in the order of its rows, until another is asked for.

    Args:
        file: The file.

    Attributes:
        file: The file.
        tensors: The shape of each tensor by name, and its type.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or cut short, or holds something other than tensors.
    """

    def __init__(self, file: Path) -> None:
        self.file, self._stored = file, StoredFile(file)
        self._whole: dict[str, Tensor] | None = None
        self._turned: tuple[str, Tensor] | None = None
        self._starts: dict[str, int] = {}
        self._found: dict[str, _Strided] = {}
        try:
            if not zipfile.is_zipfile(file):
                raise _Other("the form before 2020")
            self._found = self._scan()
            self.tensors = {k: (t.shape, t.storage.dtype) for k, t in self._found.items()}
        except _Other:
            self._whole = _load(file)
            self.tensors = {k: (tuple(t.shape), t.dtype) for k, t in self._whole.items()}

    def rows(self, name: str, start: int, stop: int) -> Tensor:
        """Copy some rows of a tensor.

        Args:
            name: The tensor.
            start: The first row.
            stop: The row after the last. One past the end counts as the end.

        Raises:
            FileNotFoundError: If the file is gone.
            ValueError: If it is no longer the file that was opened.
        """
        if self._whole is not None:
            return (
                self._whole[name] if not self._whole[name].ndim else self._whole[name][start:stop]
            )
        found = self._found[name]
        n_rows, *inner = found.shape or (1,)
        start, stop = min(start, n_rows), min(stop, n_rows)
        shape = (stop - start, *inner) if found.shape else ()
        n, row = math.prod(shape), math.prod(inner)
        if not n:
            return torch.empty(shape, dtype=found.storage.dtype)
        if found.in_order():
            return self._numbers(found, start * row, n).reshape(shape)
        if self._turned is None or self._turned[0] != name:
            self._turned = None  # before the next one is read
            numbers = self._numbers(found, 0, found.span())
            self._turned = name, numbers.as_strided(found.shape, found.strides)
        return self._turned[1][start:stop]

    def _numbers(self, found: _Strided, first: int, n: int) -> Tensor:
        width = found.storage.dtype.itemsize
        start = self._starts[found.storage.key] + (found.offset + first) * width
        return torch.frombuffer(self._stored.read(start, n * width), dtype=found.storage.dtype)

    def _scan(self) -> dict[str, _Strided]:
        try:
            with zipfile.ZipFile(self.file) as opened:
                parts = {part.filename: part for part in opened.infolist()}
                for name, part in parts.items():
                    if part.compress_type:
                        raise ValueError(f"{name} is compressed, which torch never does")
                top = next((name for name in parts if name.endswith("/data.pkl")), "")
                if not top or parts[top].file_size > _PICKLE_LIMIT_BYTES:
                    raise ValueError("it has no pickle of names")
                before = top.removesuffix("data.pkl")
                order = before + "byteorder"
                if order in parts and opened.read(order).strip() != sys.byteorder.encode():
                    raise _Other("numbers with their bytes the other way round")
                found: Any = _Unpickler(io.BytesIO(opened.read(top))).load()
                if isinstance(found, dict):
                    found = dict(found)
        except _Other:
            raise
        except Exception as error:  # a damaged pickle can raise anything
            raise _refusal(self.file, error) from error
        _check(self.file, found, _Strided)
        for tensor in found.values():
            self._find(parts.get(f"{before}data/{tensor.storage.key}"), tensor.storage)
        return dict(found)

    def _find(self, part: zipfile.ZipInfo | None, storage: _Storage) -> None:
        """Note where the numbers of a storage begin."""
        if part is None or part.file_size < storage.n * storage.dtype.itemsize:
            raise ValueError(
                f"{self.file} is damaged or cut short: the numbers of storage "
                f"{storage.key!r:.60} are not in it"
            )
        if storage.key not in self._starts:
            local = self._stored.read(part.header_offset, _LOCAL_HEADER_BYTES)
            if local[:4] != b"PK\3\4":
                raise ValueError(f"{self.file} is damaged or cut short: a part without its start")
            more = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
            self._starts[storage.key] = part.header_offset + _LOCAL_HEADER_BYTES + more


def _check(file: Path, found: Any, kind: type) -> None:
    if not isinstance(found, dict) or not all(isinstance(t, kind) for t in found.values()):
        raise ValueError(f"{file}: expected a dictionary of tensors, got {type(found).__name__}")
    for name in found:
        if not isinstance(name, str):
            raise ValueError(f"{file}: a tensor is called {name!r:.60}: expected a text")


def _refusal(file: Path, error: Exception) -> ValueError:
    reason = str(error).strip().partition("\n")[0]
    return ValueError(
        f"{file} is damaged, cut short, or holds more than tensors, which is not loaded: "
        f"{type(error).__name__}: {reason}"
    )


def _load(file: Path) -> dict[str, Tensor]:
    try:
        found: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise _refusal(file, error) from error
    _check(file, found, Tensor)
    for name, tensor in found.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ValueError(
                f"{file}: {name} is of layout {tensor.layout} on {tensor.device}: expected "
                "plain numbers"
            )
    return dict(found)
