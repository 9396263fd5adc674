"""Record what a real language model makes of examples in its prompt.

    python -m course_lib.weights fetch smollm2
    python -m book._tools.real_model

No page needs the model: chapter 15 shows what this wrote.
"""

from __future__ import annotations

import argparse

import torch

from book._tools.paths import ROOT, CommandError, command
from book._tools.records import write_record
from course_lib import Transformer
from course_lib.prompting.word_pairs import WORD_PAIRS, answer_pairs
from course_lib.tokenizers import load_tokenizer
from course_lib.weights.fetch import fetched

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "15_smollm2.json"
N_EXAMPLES = (0, 1, 2, 4, 8)
SEEDS = (0,)


def measure(model: Transformer, tokenizer: object, seed: int) -> list[dict[str, object]]:
    """Ask for every pair with each number of examples; one row a relation and number."""
    rows: list[dict[str, object]] = []
    for relation, pairs in WORD_PAIRS.items():
        for n in N_EXAMPLES:
            generator = torch.Generator().manual_seed(seed)
            scores = answer_pairs(model, tokenizer, pairs, n, generator=generator)  # type: ignore[arg-type]
            rows.append(
                {
                    "relation": relation,
                    "examples": n,
                    "seed": seed,
                    "exact": round(scores.exact, 4),
                    "log_likelihood": round(scores.log_likelihood, 4),
                }
            )
            print(rows[-1], flush=True)
    return rows


def main() -> int:
    """Measure with the fetched model and write the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    folder = fetched("smollm2")
    if folder is None:
        raise CommandError("smollm2 is not here: python -m course_lib.weights fetch smollm2")
    model, tokenizer = Transformer.from_pretrained(folder), load_tokenizer(folder)
    rows = [row for seed in SEEDS for row in measure(model, tokenizer, seed)]
    facts = {
        "model": "SmolLM2-135M-Instruct, Q4_1",
        "parameters": model.config.n_parameters(),
        "rows": rows,
    }
    write_record(TARGET, "python -m book._tools.real_model", facts)
    return 0


if __name__ == "__main__":
    command(main)
