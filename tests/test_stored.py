"""A file that changes while it is read is an error, and ends no process."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.stored import ChangedError, StoredFile

ROOT = Path(__file__).resolve().parents[1]


def replaced(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(file.read_bytes())
    os.replace(other, file)


CHANGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: os.truncate(file, 3),
    "emptied": lambda file: os.truncate(file, 0),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"more"),
    "replaced": replaced,
    "rewritten": lambda file: os.utime(file, ns=(1, 1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_named(tmp_path: Path, change: str) -> None:
    file = tmp_path / "numbers"
    file.write_bytes(bytes(range(100)))
    stored = StoredFile(file)
    assert stored.read(5, 3) == bytes([5, 6, 7])
    assert stored.read_rows([90, 0], 2) == bytes([90, 91, 0, 1])
    assert stored.read_rows([], 2) == b""
    CHANGES[change](file)
    with pytest.raises(ChangedError, match="numbers was changed or replaced while it was read"):
        stored.read(0, 1)
    file.unlink()
    with pytest.raises(FileNotFoundError, match="numbers"):
        stored.read(0, 1)


def test_past_the_end_is_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_bytes(bytes(10))
    with pytest.raises(ValueError, match="numbers is cut short: 4 bytes .* byte 8, there are 2"):
        StoredFile(file).read(8, 4)


SCRIPT = """
import json, os, sys
from pathlib import Path
import torch
from course_lib.data.curation.packed import ABOUT, TOKENS, TokenRows
from course_lib.tensor_file import TensorFile
from course_lib.training import checkpoint

place = Path(sys.argv[1])
file = place / TOKENS
number = torch.arange(1_000_000, dtype=torch.int32).numpy().tobytes()
(place / ABOUT).write_text(json.dumps({"n_tokens": 1_000_000, "dtype": "<u4"}))

def replace(path, data):
    path.with_name("other").write_bytes(data)
    os.replace(path.with_name("other"), path)

CHANGES = [lambda path: os.truncate(path, 8), lambda path: os.truncate(path, 0),
    lambda path: replace(path, path.read_bytes()[:5000]), lambda path: path.unlink()]
model = torch.nn.Linear(500, 500)
run = place / "run"
read = TensorFile.rows
for change in CHANGES:
    file.write_bytes(number)
    rows = TokenRows(place, 99)
    assert rows[torch.tensor([0, 10_000])][:, 0].tolist() == [0, 990_000]
    checkpoint.save_checkpoint(run, model)
    saved = checkpoint.open_checkpoint(run)
    total = sum(float(tensor.sum()) for tensor in saved.weights.values())
    change(file)
    change(run)
    assert total == sum(float(tensor.sum()) for tensor in saved.weights.values())
    checkpoint.save_checkpoint(run, model)

    def first_then_change(self, name):  # between two tensors
        found = read(self, name)
        change(run)
        return found

    TensorFile.rows = first_then_change
    for path, reading in ((file, lambda: rows[torch.tensor([9_000])]),
                          (run, lambda: checkpoint.open_checkpoint(run))):
        try:
            reading()
        except (ValueError, FileNotFoundError) as error:
            assert str(path) in str(error), error
            print("told")
    TensorFile.rows = read
"""


@pytest.mark.processes
def test_token_rows_and_checkpoints_notice_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "told\n" * 8), done.stderr[-1500:]
