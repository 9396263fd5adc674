"""Record what settings of generation do to the text of a real language model.

    python -m course_lib.weights fetch smollm2
    python -m book._tools.real_settings

No page needs the model: chapter 11 shows what this wrote. Prompts and real text are the beginnings
of help pages of Python, which the page's own small model has not seen either.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor

from book._tools.paths import ROOT, command
from book._tools.records import write_record
from book._tools.smollm2 import NAME, smollm2
from course_lib import Transformer, generate
from course_lib.data import pydoc_topics, split
from course_lib.generation import temperature, top_k, top_p
from course_lib.generation.chain import LogitsProcessor

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "11_smollm2.json"
N_TEXTS, N_PROMPT, N_NEW, SEEDS = 10, 20, 60, (0, 1, 2)
SETTINGS: dict[str, list[LogitsProcessor] | None] = {
    "greedy": None,
    "T 0.5": [temperature(0.5)],
    "T 0.8": [temperature(0.8)],
    "T 1": [],
    "T 1.5": [temperature(1.5)],
    "top-k 10": [top_k(10)],
    "top-p 0.5": [top_p(0.5)],
    "top-p 0.9": [top_p(0.9)],
}


def measure(model: Transformer, prompts: Tensor, written: Tensor) -> dict[str, float]:
    """What page 11 measures: log-probability a token, repeated 4-grams, distinct tokens.

    Args:
        model: The judge of the log-probability, and the writer.
        prompts: The beginnings, `(B, T)`.
        written: What follows, `(B, N)`.
    """
    repeated, distinct = [], []
    for row in written.tolist():
        runs = [tuple(row[i : i + 4]) for i in range(len(row) - 3)]
        repeated.append(1 - len(set(runs)) / len(runs))
        distinct.append(len(set(row)) / len(row))
    text = torch.cat([prompts, written], 1)
    with torch.inference_mode():
        scores = model(text[:, :-1])[:, prompts.shape[1] - 1 :].log_softmax(-1)
    log_prob = scores.gather(2, written[..., None]).mean()
    return {
        "log-probability": round(float(log_prob), 4),
        "repeated 4-grams": round(sum(repeated) / len(repeated), 4),
        "distinct tokens": round(sum(distinct) / len(distinct), 4),
    }


def main() -> int:
    """Write with the fetched model under each setting, and write the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    model, tokenizer = smollm2()
    _, held_out = split([" ".join(text.split()) for text in pydoc_topics()], 0.1)
    ids = [tokenizer.encode(text)[: N_PROMPT + N_NEW] for text in held_out]
    full = torch.tensor([row for row in ids if len(row) == N_PROMPT + N_NEW][:N_TEXTS])
    prompts, real = full[:, :N_PROMPT], full[:, N_PROMPT:]
    rows = [{"setting": "unseen real text", "seed": 0, **measure(model, prompts, real)}]
    for name, steps in SETTINGS.items():
        for seed in SEEDS if steps is not None else SEEDS[:1]:
            began = time.perf_counter()
            written = generate(
                model,
                prompts,
                max_new_tokens=N_NEW,
                processors=steps or [],
                sample=steps is not None,
                generator=torch.Generator().manual_seed(seed) if steps is not None else None,
            ).tokens
            rows.append({"setting": name, "seed": seed, **measure(model, prompts, written)})
            print(rows[-1], f"{time.perf_counter() - began:.0f} s", flush=True)
    facts = {
        "model": NAME,
        "texts": len(full),
        "tokens": N_NEW,
        "rows": rows,
    }
    write_record(TARGET, "python -m book._tools.real_settings", facts)
    return 0


if __name__ == "__main__":
    command(main)
