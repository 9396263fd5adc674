"""Small runs of every objective, and one that is killed again and again."""

import json
import os
import random
import signal
import sys
from pathlib import Path

import torch
from tqdm import tqdm

import course_lib
from course_lib.config import TransformerConfig
from course_lib.data import batches, pack
from course_lib.model.transformer import Transformer
from course_lib.training import adamw, cli, train
from course_lib.training.objective_settings import FAMILY_OF, settings_for, special_tokens

SIZES = {"encoder-only": (2, 0), "decoder-only": (0, 2), "encoder-decoder": (1, 1)}
LENGTH = 24
TEXTS = [
    f"The {a} saw the {b}. It was {c}! " * 3
    for a in ("cat", "dog", "fox")
    for b in ("bird", "mouse")
    for c in ("red", "old")
]


def prepared(name, **options):
    """A small model's config, the objective, and rows to learn from."""
    needed = special_tokens(name, LENGTH, None, None)
    tokenizer = course_lib.ByteLevelBPE.train(TEXTS, 320, special_tokens=(cli.SEPARATOR, *needed))
    settings = settings_for(name, tokenizer, tokenizer.vocab_size, LENGTH, **options)
    encoder, decoder = SIZES[FAMILY_OF[name]]
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, n_heads=2, max_seq_len=LENGTH + 4,
        n_encoder_layers=encoder, n_decoder_layers=decoder, dropout=0.1,
    )  # fmt: skip
    ids = [tokenizer.encode(text) for text in TEXTS]
    shared = 1 if name == "causal" else 0
    return config, settings, pack(ids, LENGTH, settings.separator_id, shared=shared)


def run(name, steps, path=None, **options):
    config, settings, rows = prepared(name)
    model = Transformer(config, generator=torch.Generator().manual_seed(0))
    history = train(
        model,
        batches(rows, 4, generator=torch.Generator().manual_seed(1), parts=2),
        optimizer=adamw(model, 1e-2),
        steps=steps,
        objective=settings.make(),
        accumulate=2,
        checkpoint=path,
        checkpoint_every=None if path is None else 1,
        resume=path is not None,
        **({"progress": False} | options),
    )
    return history, model


def killed_again_and_again(name, folder):
    """Fork 20 children that are killed while they train; then finish, and compare."""
    torch.set_num_threads(1)
    expected, whole = run(name, 40, metrics=folder / "whole.jsonl")
    rng = random.Random(name)
    path, metrics = folder / "run", folder / "run.jsonl"
    for _ in range(20):
        inside, left, seconds = rng.random() < 0.5, [rng.randrange(1, 3)], rng.random() * 0.2

        def die(_history, left=left):
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

        child = os.fork()
        if child == 0:
            try:
                if inside:  # wherever the run may be then
                    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
                    signal.setitimer(signal.ITIMER_REAL, 0.05 + seconds)
                run(name, 40, path, metrics=metrics, progress=die)
            finally:
                os._exit(3)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or len(json_losses(metrics)) == 40, status
    history, model = run(name, 40, path, metrics=metrics)
    assert history.resumed_at > 0 and history.losses == expected.losses
    for one, other in zip(whole.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)
    for file in (metrics, folder / "whole.jsonl"):
        assert json_losses(file) == expected.losses
    print("the same weights after 20 kills")


def json_losses(file):
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    return [entry["loss"] for entry in entries if "loss" in entry]


if __name__ == "__main__":
    tqdm.monitor_interval = 0  # its thread would not survive a fork
    killed_again_and_again(sys.argv[1], Path(sys.argv[2]))
