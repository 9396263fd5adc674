"""Our reader of safetensors gives what the library gives, and refuses what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from course_lib import tensor_file
from course_lib.tensor_file import TensorFile


def test_equal_to_the_library(tmp_path: Path) -> None:
    """Every type, no axis, an empty one, rows."""
    file = tmp_path / "some.safetensors"
    generator = torch.Generator().manual_seed(0)
    tensors = {
        kind: (torch.randn(7, 3, generator=generator) * 5).abs().to(dtype)
        for kind, dtype in tensor_file._KINDS.items()
    }
    tensors |= {"number": torch.tensor(3.5), "empty": torch.empty(0, 4), "flat": torch.empty(4, 0)}
    save_file(tensors, file, metadata={"save": "1"})
    found = TensorFile(file)
    theirs = load(file.read_bytes())
    assert found.metadata == {"save": "1"}
    assert found.tensors.keys() == theirs.keys()
    for name, wanted in theirs.items():
        got = found.rows(name)
        assert got.dtype == wanted.dtype and got.shape == wanted.shape, name
        assert got.contiguous().view(-1).view(torch.uint8).tolist() == (
            wanted.view(-1).view(torch.uint8).tolist()
        ), name
    for start, stop in ((0, 2), (5, 9), (7, 9), (3, 3)):
        assert torch.equal(found.rows("F32", start, stop), theirs["F32"][start:stop])


GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def changed(**about: Any) -> dict[str, Any]:
    return {"a": {**GOOD["a"], **about}}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ([], "its header is list"),
        ({"a": 3}, "no dtype, shape"),
        ({"a": {}}, "no dtype, shape"),
        (changed(data_offsets=[0]), "no dtype, shape"),
        (changed(data_offsets=[0, 4]), "does not take 4 bytes"),
        (changed(data_offsets=[4, 12]), "is at byte 4, expected 0"),
        (changed(data_offsets=[-8, 0]), "no list of sizes"),
        (changed(data_offsets=[0.0, 8.0]), "no list of sizes"),
        (changed(shape=[2**62, 2**62]), "does not take"),
        (changed(shape=[-2]), "no list of sizes"),
        (changed(shape=[True, 2]), "no list of sizes"),
        (changed(shape=2), "no list of sizes"),
        ({**GOOD, "b": GOOD["a"]}, "is at byte 0, expected 8"),
        ({}, "its tensors end at byte"),
        ({**GOOD, "__metadata__": {"a": 1}}, "no object of texts"),
        ({**GOOD, "__metadata__": 3}, "no object of texts"),
    ],
)
def test_a_header_that_is_wrong(tmp_path: Path, header: Any, told: str) -> None:
    file = tmp_path / "some.safetensors"
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + bytes(8)
    file.write_bytes(data)
    with pytest.raises(ValueError, match=rf"some\.safetensors is damaged or cut short: .*{told}"):
        TensorFile(file)
    with pytest.raises(SafetensorError):
        load(data)


@pytest.mark.parametrize("keep", [0, 7, 8, 20, -1])
def test_cut_short(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "some.safetensors"
    save_file({"a": torch.ones(3)}, file)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match="damaged or cut short"):
        TensorFile(file)


def test_a_type_that_torch_lacks(tmp_path: Path) -> None:
    file = tmp_path / "some.safetensors"
    text = json.dumps(changed(dtype="F6_E2M3")).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(ValueError, match="a is of type F6_E2M3: not known"):
        TensorFile(file).rows("a")
