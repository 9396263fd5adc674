"""The folder of the short way can be deleted: the same tokens, only slower."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib

SCRIPT = """
import torch
from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation import beam_search, reader, top_p

print(reader.FastReader is not None)
generator = torch.Generator().manual_seed(0)
for n_encoder_layers in (0, 1):
    config = TransformerConfig(vocab_size=23, d_model=16, n_heads=2, max_seq_len=32, norm="rms",
        position="rotary", n_decoder_layers=2, n_encoder_layers=n_encoder_layers)
    model = Transformer(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    prompt = torch.randint(0, 23, (2, 4), generator=generator)
    source = prompt if n_encoder_layers else None
    draw = torch.Generator().manual_seed(1)
    for ways in ({}, {"sample": True, "generator": draw, "processors": [top_p(0.9)]}):
        written = generate(model, prompt, max_new_tokens=12, source=source, eos_id=3, **ways)
        print(written.tokens.tolist(), [[round(p, 3) for p in row] for row in
              written.log_probs.tolist()])
    print(beam_search(model, prompt, n_beams=3, max_new_tokens=8, source=source).tokens.tolist())
"""


def run(root: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.processes
def test_without_the_folder_the_results_are_the_same(tmp_path: Path) -> None:
    package = Path(course_lib.__file__).parent
    wanted = ("config.py", "presets.py", "__init__.py", "model", "generation")
    (tmp_path / "course_lib").mkdir()
    for name in wanted:
        copy = shutil.copytree if (package / name).is_dir() else shutil.copy
        copy(package / name, tmp_path / "course_lib" / name)
    with_it = run(tmp_path)
    shutil.rmtree(tmp_path / "course_lib/generation/fast")
    without_it = run(tmp_path)
    assert (with_it[0], without_it[0]) == ("True", "False")
    assert with_it[1:] == without_it[1:] and len(with_it) == 7
