"""Every objective through the one loop: learned, resumed, and loaded by others."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import objective_cases as cases
from objective_cases import SIZES, TEXTS, prepared, run

import course_lib
from course_lib.config import TransformerConfig
from course_lib.data import batches
from course_lib.model.transformer import Transformer
from course_lib.objectives import IGNORE
from course_lib.training import adamw, cli, evaluate, train
from course_lib.training.objective_settings import FAMILY_OF, settings_for, special_tokens


@pytest.mark.processes
@pytest.mark.parametrize("name", FAMILY_OF)
def test_killed_at_random_moments_it_ends_with_the_same_weights(name: str, tmp_path: Path) -> None:
    """A process that is killed between or inside its updates, 20 times over."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, cases.__file__, name, str(tmp_path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the same weights after 20 kills" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILY_OF)
def test_it_is_learned_and_measured_alike(name: str) -> None:
    config, settings, rows = prepared(name)
    objective = settings.make()
    history, model = run(name, 80, held_out=rows)
    assert history.evaluations[-1][1] < 0.8 * history.evaluations[0][1]
    values = {evaluate(model, rows, objective=objective) for _ in range(2)}
    assert values == {history.evaluations[-1][1]}
    assert (evaluate(model, rows, objective=objective, seed=1) in values) == (name == "causal")


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILY_OF)
def test_examples_fit_the_model_whatever_is_drawn(name: str) -> None:
    config, settings, rows = prepared(name)
    objective = settings.make()
    seen = set()
    for seed in range(200):
        example = objective(rows, torch.Generator().manual_seed(seed))
        for ids in (example.inputs, example.source):
            if ids is not None:
                assert ids.shape[1] <= config.max_seq_len
                assert 0 <= int(ids.min()) and int(ids.max()) < config.vocab_size
        asked = example.targets[example.targets != IGNORE]
        assert len(asked) and int(asked.max()) < config.vocab_size
        seen.add(example.inputs.numpy().tobytes() + (example.source if example.source is not None
                 else example.inputs).numpy().tobytes())  # fmt: skip
    assert len(seen) == (1 if name == "causal" else 200)


PUBLISHED = {
    "gpt2": ("causal", "AutoModelForCausalLM"),
    "bert-base": ("masked", "AutoModelForMaskedLM"),
    "roberta-base": ("masked-static", "AutoModelForMaskedLM"),
    "t5-small": ("ul2", "AutoModelForSeq2SeqLM"),
    "bart-base": ("denoising", "AutoModelForSeq2SeqLM"),
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_the_commands_model_is_loaded_by_us_and_by_the_reference(
    preset: str, tmp_path: Path
) -> None:
    import transformers

    name, auto = PUBLISHED[preset]
    for n, text in enumerate(TEXTS):
        (tmp_path / f"{n}.txt").write_text(text)
    out = tmp_path / "out"
    layers = SIZES[FAMILY_OF[name]]
    fields = {"vocab_size": 400, "d_model": 16, "n_heads": 2, "d_ff": 32, "max_seq_len": 32}
    fields |= {"n_encoder_layers": layers[0], "n_decoder_layers": layers[1]}
    fields |= {"d_head": 8} if preset == "t5-small" else {}
    changes = [word for k, v in fields.items() for word in ("--set", f"{k}={v}")]
    words = ["--preset", preset, *changes, "--objective", name, "--steps", "3", "--seq-len", "24",
             "--text", *map(str, sorted(tmp_path.glob("*.txt"))), "--batch-size", "4",
             "--accumulate", "2", "--precision", "bfloat16", "--decay", "1", "--quiet",
             "--output", str(out)]  # fmt: skip
    code = cli.main(words, presets=course_lib.presets, tokenizer=course_lib.ByteLevelBPE)
    assert code == 0
    entries = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [e["step"] for e in entries if "loss" in e] == [1, 2, 3]
    kept = json.loads((out / "history.json").read_text())["run"]
    assert kept["objective"]["name"] == name and kept["precision"] == "bfloat16"
    ours = Transformer.from_pretrained(out).eval()
    theirs = getattr(transformers, auto).from_pretrained(out).eval()
    tokens = torch.randint(0, 300, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        if layers[0] and layers[1]:
            got = ours(tokens, source=tokens.flip(1))
            wanted = theirs(input_ids=tokens.flip(1), decoder_input_ids=tokens).logits
        else:
            got, wanted = ours(tokens), theirs(tokens).logits
    assert torch.allclose(got, wanted, atol=1e-5 * max(1.0, float(wanted.abs().max())))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILY_OF)
def test_loader_and_objective_cost_little(name: str) -> None:
    """Against one update of a model of ordinary width on the same rows; the best of some rounds."""
    length, vocabulary = 256, 4096
    tokens = special_tokens(name, length, None, None)
    known = {token: n for n, token in enumerate((cli.SEPARATOR, *tokens))}

    class Tokenizer:
        special_tokens, vocab_size = known, vocabulary

        @staticmethod
        def decode(ids: list[int]) -> str:
            return "." if ids[0] % 50 == 0 else " a"

    settings = settings_for(name, Tokenizer(), vocabulary, length)
    objective: Callable[..., Any] = settings.make()
    rows = torch.randint(200, vocabulary, (64, length + (name == "causal")))
    served = batches(rows, 8, generator=torch.Generator().manual_seed(0))
    encoder, decoder = SIZES[FAMILY_OF[name]]
    config = TransformerConfig(
        vocab_size=vocabulary, d_model=384, n_heads=6, max_seq_len=length + 8,
        n_encoder_layers=3 * encoder, n_decoder_layers=3 * decoder,
    )  # fmt: skip
    model = Transformer(config)
    draws = torch.Generator().manual_seed(0)

    def prepare() -> None:
        objective(next(served), draws)

    def update() -> None:
        train(model, served, optimizer=optimizer, steps=1, objective=objective, progress=False)

    optimizer = adamw(model, 1e-3)
    assert best(prepare, 30) < 0.03 * best(update, 3)


def best(action: Callable[[], None], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)
