"""One training step (forward, backward, AdamW) against the reference library's same model.

Same sizes, same precision, same optimizer, dropout off, one thread, CPU time, peers in turn.
Run: python benchmarks/training_step.py [--rounds 7] [--precision float32] [--only bert]

With `--precision` the rows of the other one stay as they were stored, each with its own day and
processor: one without instructions for bfloat16 says nothing of a step in it.
"""

import argparse
import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import _measure
import torch
import torch.nn.functional as F
import transformers as hf
from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.model.transformer import Transformer
from course_lib.presets import presets

SIZES: dict[str, Any] = {"vocab_size": 4096, "d_model": 384, "n_heads": 6, "max_seq_len": 256}
BATCH, LENGTH = 8, 256
PRECISIONS = ("float32", "bfloat16")


def step_of(model: torch.nn.Module, logits: Callable[[], Tensor], precision: str) -> Callable:
    """Make a training step: the loss is cross-entropy of the next token, the same code for all."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    targets = torch.randint(0, SIZES["vocab_size"], (BATCH * LENGTH,))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = F.cross_entropy(logits().flatten(0, 1).float(), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def gpt2(kind: str) -> tuple[TransformerConfig, torch.nn.Module]:
    config = replace(presets["gpt2"], **SIZES, n_decoder_layers=6, dropout=0.0)
    theirs = hf.GPT2LMHeadModel(
        hf.GPT2Config(
            vocab_size=4096, n_embd=384, n_layer=6, n_head=6, n_positions=256, resid_pdrop=0,
            bos_token_id=0, eos_token_id=0,
            embd_pdrop=0, attn_pdrop=0, attn_implementation=kind, use_cache=False,
        )
    )  # fmt: skip
    return config, theirs


def bert(kind: str) -> tuple[TransformerConfig, torch.nn.Module]:
    config = replace(presets["bert-base"], **SIZES, n_encoder_layers=6, dropout=0.0)
    theirs = hf.BertForMaskedLM(
        hf.BertConfig(
            vocab_size=4096, hidden_size=384, num_hidden_layers=6, num_attention_heads=6,
            intermediate_size=1536, max_position_embeddings=256, hidden_dropout_prob=0,
            attention_probs_dropout_prob=0, attn_implementation=kind,
        )
    )  # fmt: skip
    return config, theirs


def t5(kind: str) -> tuple[TransformerConfig, torch.nn.Module]:
    config = replace(
        presets["t5-small"], **SIZES, d_ff=1536, n_encoder_layers=3, n_decoder_layers=3, dropout=0.0
    )
    theirs = hf.T5ForConditionalGeneration(
        hf.T5Config(
            vocab_size=4096, d_model=384, d_kv=64, d_ff=1536, num_layers=3, num_heads=6,
            dropout_rate=0, use_cache=False, attn_implementation=kind, decoder_start_token_id=0,
        )
    )  # fmt: skip
    return config, theirs


def bart(kind: str) -> tuple[TransformerConfig, torch.nn.Module]:
    config = replace(
        presets["bart-base"], **SIZES, n_encoder_layers=3, n_decoder_layers=3, dropout=0.0
    )
    theirs = hf.BartForConditionalGeneration(
        hf.BartConfig(
            vocab_size=4096, d_model=384, encoder_layers=3, decoder_layers=3,
            encoder_attention_heads=6, decoder_attention_heads=6, encoder_ffn_dim=1536,
            decoder_ffn_dim=1536, max_position_embeddings=256, dropout=0, use_cache=False,
            attn_implementation=kind,
        )
    )  # fmt: skip
    return config, theirs


# The objective of each: causal, masked, span corruption, denoising. Making its examples is timed by
# tests/training/test_objectives.py: under 3 % of a step.
FAMILIES = {"gpt2": gpt2, "bert": bert, "t5": t5, "bart": bart}


def peers(make: Callable[[str], tuple[TransformerConfig, Any]], precision: str) -> dict[str, Any]:
    tokens = torch.randint(0, SIZES["vocab_size"], (BATCH, LENGTH))
    steps: dict[str, Callable[[], None]] = {}
    for kind in ("sdpa", "eager"):
        config, theirs = make(kind)
        inputs = {"input_ids": tokens}
        if config.family == "encoder-decoder":
            inputs["decoder_input_ids"] = tokens
        if kind == "sdpa":
            ours = Transformer(config)
            counts = [sum(p.numel() for p in m.parameters()) for m in (ours, theirs)]
            assert counts[0] == counts[1], f"not the same model: {counts}"
            source = {"source": tokens} if config.family == "encoder-decoder" else {}
            steps["course_lib"] = step_of(ours, lambda m=ours, s=source: m(tokens, **s), precision)
        theirs.train()
        steps[f"transformers, {kind}"] = step_of(
            theirs, lambda m=theirs, i=inputs: m(**i).logits, precision
        )
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", choices=PRECISIONS, help="leave the other's rows as stored")
    parser.add_argument("--only", choices=tuple(FAMILIES), help="print one family, store nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    before = json.loads((_measure.RESULTS / "training_step.json").read_text(encoding="utf-8"))
    run = {"date": datetime.date.today().isoformat(), "processor": _measure.processor()}
    rows = []
    for name, make in FAMILIES.items():
        for precision in PRECISIONS if arguments.only in (None, name) else ():
            what = f"{name}, {precision}"
            if arguments.precision in (None, precision):
                times = _measure.interleaved(peers(make, precision), arguments.rounds)
                made = _measure.rows_against(times, "course_lib", what)
                rows += [{**row, "rounds": arguments.rounds, **run} for row in made]
            elif arguments.only is None:
                rows += [row for row in before["rows"] if row["what"] == what]
    about = {
        "what": "training step: forward, backward, fused AdamW",
        "sizes": {**SIZES, "layers": 6, "batch": BATCH, "length": LENGTH},
        "time": "process CPU seconds, one thread, peers in turn",
        "goal": "our speed / theirs at least 1.0 against sdpa",
        "torch": torch.__version__,
        "transformers": hf.__version__,
    }
    _measure.report("training_step", rows, about, keep=arguments.only is None)


if __name__ == "__main__":
    main()
