"""Record what a real language model makes of examples in its prompt.

    python -m course_lib.weights fetch smollm2
    python -m book._tools.real_model

No page needs the model: chapter 15 shows what this wrote.
"""

from __future__ import annotations

import argparse

import torch

from book._tools.paths import ROOT, command
from book._tools.records import write_record
from book._tools.smollm2 import NAME, smollm2
from course_lib import Transformer
from course_lib.prompting.word_pairs import WORD_PAIRS, answer_pairs

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
    model, tokenizer = smollm2()
    rows = [row for seed in SEEDS for row in measure(model, tokenizer, seed)]
    facts = {
        "model": NAME,
        "parameters": model.config.n_parameters(),
        "rows": rows,
    }
    write_record(TARGET, "python -m book._tools.real_model", facts)
    return 0


if __name__ == "__main__":
    command(main)
