"""What ranks run for the tests of the training command."""

import dataclasses
from pathlib import Path

import torch
from safetensors import safe_open

from course_lib.config import TransformerConfig
from course_lib.training.job import Job, run

CONFIG = TransformerConfig(
    vocab_size=40, d_model=16, n_heads=2, max_seq_len=8, n_decoder_layers=2, position="rotary"
)


def rows(n=41, seed=0):
    made = torch.randint(CONFIG.vocab_size, (n, 9), generator=torch.Generator().manual_seed(seed))
    made[::3, 5:] = -100  # so that ranks have unequal numbers of targets
    return made


def job(strategy, output=None, **changes):
    made = Job(CONFIG, rows(), rows(7, 1), strategy, steps=6, batch_size=4, warmup=1, lr=1e-2)
    return dataclasses.replace(made, output=output, progress=False, **changes)


def train(wanted):
    torch.set_num_threads(1)
    return run(wanted)


def weights(folder):
    with safe_open(Path(folder) / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def distance(one, other):
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
