"""Our reader of `.bin` files gives what torch gives, and runs nothing."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from course_lib.weights.bin_file import BinFile


def contents() -> dict[str, Any]:
    base = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    plain = {
        "rows": base,
        "turned": base.T,
        "part": base[3:9],
        "columns": base[:, 1:3],
        "steps": base[::3],
        "again": base[0].expand(5, 6),
        "three": base.view(4, 10, 6).transpose(0, 1),
        "number": torch.tensor(2.5),
        "inside": base[2, 2],
        "empty": torch.empty(0, 3),
        "flat": torch.empty(3, 0),
        "parameter": nn.Parameter(torch.ones(2, 2)),
    }
    kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    return plain | {str(kind): torch.arange(6).reshape(3, 2).to(kind) for kind in kinds}


STYLES: dict[str, Any] = {
    "dict": lambda: contents(),
    "ordered": lambda: OrderedDict(contents()),
    "state": lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).state_dict(),
    "more": lambda: contents() | {"complex": torch.ones(3, dtype=torch.complex64)},  # by torch
    "f8": lambda: {"a": torch.ones(3, 2).to(torch.float8_e4m3fn)},
}


FORMS = [(style, zipped) for style in STYLES for zipped in (True, False)]


@pytest.mark.parametrize(("style", "zipped"), [f for f in FORMS if f != ("f8", False)])
def test_equal_to_torch(tmp_path: Path, style: str, zipped: bool) -> None:
    file = tmp_path / "pytorch_model.bin"
    torch.save(STYLES[style](), file, _use_new_zipfile_serialization=zipped)
    found = BinFile(file)
    wanted = torch.load(file, weights_only=True)
    assert list(found.tensors) == list(wanted)
    for name, tensor in wanted.items():
        assert found.tensors[name] == (tuple(tensor.shape), tensor.dtype)
        n_rows = tensor.shape[0] if tensor.ndim else 1
        for start, stop in ((0, n_rows), (1, 3), (n_rows, n_rows + 2)):
            got = found.rows(name, start, stop)
            rows = tensor[start:stop] if tensor.ndim else tensor
            assert got.dtype == rows.dtype and got.shape == rows.shape, (name, start)
            if tensor.ndim or start == 0:
                assert torch.equal(got, rows.detach()), (name, start)


def rewritten(file: Path, swap: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file) as opened:
        parts = {part: opened.read(part) for part in opened.namelist()}
    with zipfile.ZipFile(file, "w") as opened:
        for name, data in parts.items():
            opened.writestr(name, swap.get(name.rpartition("/")[2], data))


class Told:
    def __init__(self, *told: Any) -> None:
        self.told = told


class Hostile(pickle._Pickler):  # type: ignore[name-defined, misc]
    """Writes what torch would not: a storage that is too short, sizes that are none."""

    def persistent_id(self, found: Any) -> Any:
        return ("storage", torch.FloatStorage, *found.told) if isinstance(found, Told) else None


class Made:
    def __init__(self, *told: Any) -> None:
        self.told = told

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, (*self.told, False, OrderedDict())


@pytest.mark.parametrize(
    "made",
    [
        Made(Told("0", "cpu", 6), 0, (7,), (1,)),
        Made(Told("0", "cpu", 6), 5, (2,), (1,)),
        Made(Told("0", "cpu", 6), -1, (2,), (1,)),
        Made(Told("0", "cpu", 6), 0, (2,), (-1,)),
        Made(Told("0", "cpu", 6), 0, (2, 2), (1,)),
        Made(Told("0", "cpu", 6), 0, (2.0,), (1,)),
        Made(Told("0", "cpu", 2**40), 0, (2,), (1,)),
        Made(Told("9", "cpu", 6), 0, (2,), (1,)),
        Made(Told("0", "cpu", "6"), 0, (2,), (1,)),
        Made(3, 0, (2,), (1,)),
        3,
    ],
)
def test_tensors_that_are_not_there(tmp_path: Path, made: object) -> None:
    file = tmp_path / "pytorch_model.bin"
    torch.save({"a": torch.ones(6)}, file)
    written = io.BytesIO()
    Hostile(written, 2).dump({"a": made})
    rewritten(file, {"data.pkl": written.getvalue()})
    with pytest.raises(ValueError, match=r"pytorch_model\.bin"):
        BinFile(file)


def test_a_file_changes_nothing_here(tmp_path: Path) -> None:
    """A pickle can set attributes of what it is given: of what was made for it alone."""
    file = tmp_path / "pytorch_model.bin"
    torch.save(OrderedDict(a=torch.ones(6)), file)
    bad = b"\x80\x02ccollections\nOrderedDict\nN}X\x05\x00\x00\x00itemsK\x01s\x86b)R."
    changed = tmp_path / "other" / "pytorch_model.bin"
    changed.parent.mkdir()
    changed.write_bytes(file.read_bytes())
    rewritten(changed, {"data.pkl": bad})
    assert BinFile(changed).tensors == {}
    assert list(BinFile(file).tensors) == ["a"]
