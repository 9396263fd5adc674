"""Weights that are cut short or replaced while they are read are an error, no dead process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, shutil, sys
from pathlib import Path
import torch
from safetensors.torch import load_file
from course_lib import Transformer
from course_lib.config import TransformerConfig
from course_lib.weights.checkpoint import Checkpoint

torch.set_num_threads(1)
place, kind = Path(sys.argv[1]), sys.argv[2]
config = TransformerConfig(vocab_size=4096, d_model=512, n_heads=4, max_seq_len=8,
    n_decoder_layers=1, position="rotary", norm="rms", bias=False, activation="silu", gated=True)
model = Transformer(config, generator=torch.Generator().manual_seed(0))
model.save_pretrained(place / "whole")

def opened(folder):
    file = folder / "model.safetensors"
    if kind == "safetensors":
        return file, Checkpoint(folder)
    if kind == "gguf":
        from course_lib.weights.gguf_file import GgufFile
        from course_lib.weights.gguf_write import write_gguf
        write_gguf(model, folder / "model.gguf")
        return folder / "model.gguf", GgufFile(folder / "model.gguf")
    tensors = load_file(file)
    if kind == "turned bin":  # not in the order of its rows: held whole once it is asked for
        tensors = {name: t.T.contiguous().T if t.ndim == 2 else t for name, t in tensors.items()}
    file.unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin", Checkpoint(folder)

for what in ("cut", "emptied", "replaced", "rewritten", "gone"):
    folder = place / what
    shutil.copytree(place / "whole", folder)
    file, found = opened(folder)
    big, *others = sorted(found.entries.values(), key=lambda one: -one.n_bytes())
    pieces = found.pieces(big, 1)
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
        for entry in (others[0],) if kind == "turned bin" else (big, others[0]):
            for _ in found.pieces(entry, 1):
                pass
    except (ValueError, FileNotFoundError) as error:
        assert str(file) in str(error), error
        print("told")
    shutil.rmtree(folder)
"""


@pytest.mark.processes
@pytest.mark.parametrize("kind", ["safetensors", "gguf", "bin", "turned bin"])
def test_a_changed_file_is_an_error(tmp_path: Path, kind: str) -> None:
    """Cut short, emptied, replaced, written anew, removed: after the first rows were read."""
    if kind == "gguf":
        pytest.importorskip("gguf")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), kind],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (0, "told\n" * 5), done.stderr[-1500:]
