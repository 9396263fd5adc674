"""Weights that are cut short or replaced while they are read are an error, no dead process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, sys
from pathlib import Path
import torch
from course_lib import Transformer
from course_lib.config import TransformerConfig
from course_lib.weights import load_pretrained
from course_lib.weights.checkpoint import Checkpoint

torch.set_num_threads(1)
folder, kind, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
config = TransformerConfig(vocab_size=4096, d_model=512, n_heads=4, max_seq_len=8,
    n_decoder_layers=1, position="rotary", norm="rms", bias=False, activation="silu", gated=True)
model = Transformer(config, generator=torch.Generator().manual_seed(0))
model.save_pretrained(folder)
if kind == "gguf":
    from course_lib.weights.gguf_file import GgufFile
    from course_lib.weights.gguf_write import write_gguf
    file = folder / "model.gguf"
    write_gguf(model, file)
    opened = GgufFile(file)
else:
    file = folder / "model.safetensors"
    opened = Checkpoint(folder)
entry = max(opened.entries.values(), key=lambda one: one.n_bytes())
pieces = opened.pieces(entry, 1)
first = next(pieces)[1]
kept = first.clone()
if what == "cut":
    os.truncate(file, 4096)
elif what == "emptied":
    os.truncate(file, 0)
elif what == "replaced":
    other = file.with_name("other")
    other.write_bytes(file.read_bytes()[:5000])
    os.replace(other, file)
elif what == "rewritten":
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
elif what == "gone":
    file.unlink()
assert torch.equal(first, kept)  # what was read stays
try:
    for _ in pieces:
        pass
except (ValueError, FileNotFoundError) as error:
    assert str(file) in str(error), error
    print("told")
"""


@pytest.mark.processes
@pytest.mark.parametrize("what", ["cut", "emptied", "replaced", "rewritten", "gone"])
@pytest.mark.parametrize("kind", ["safetensors", "gguf"])
def test_a_changed_file_is_an_error(tmp_path: Path, kind: str, what: str) -> None:
    if kind == "gguf":
        pytest.importorskip("gguf")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), kind, what],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (0, "told\n"), done.stderr[-1500:]
