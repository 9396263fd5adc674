"""Record what the embedding table of a real language model knows of pairs and neighbours.

    python -m course_lib.weights fetch smollm2
    python -m book._tools.real_embeddings

No page needs the model: chapter 04 shows what this wrote.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F

from book._tools.paths import ROOT, CommandError, command
from book._tools.records import write_record
from book._tools.smollm2 import NAME, smollm2
from course_lib.prompting.word_pairs import WORD_PAIRS
from course_lib.prompting.word_steps import common_step, pairs_of_tokens

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "04_smollm2.json"
ASKED = ("dog", "may", "first", "Paris", "red", "seven", "walked", "physics")
N_NEAR = 5


def main() -> int:
    """Measure with the fetched model and write the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    model, tokenizer = smollm2()
    table = model.embedding.weight.detach()
    rows = []
    for relation, words in WORD_PAIRS.items():
        pairs = pairs_of_tokens(tokenizer, words)
        steps = common_step(table, pairs, generator=torch.Generator().manual_seed(0))
        scores = {name: round(value, 4) for name, value in steps._asdict().items()}
        rows.append({"relation": relation, **scores})
        print(rows[-1], flush=True)
    near = {}
    unit = F.normalize(table, dim=-1)
    for word in ASKED:
        ids = tokenizer.encode(" " + word)
        if len(ids) != 1:
            raise CommandError(f"{word!r} is not one token of this model")
        cosines = (unit @ unit[ids[0]]).scatter(0, torch.tensor(ids), -1.0)
        best = cosines.topk(N_NEAR)
        near[word] = [
            [tokenizer.decode([i]), round(value, 2)]
            for i, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        print(word, near[word], flush=True)
    facts = {
        "model": NAME,
        "tokens": table.shape[0],
        "width": table.shape[1],
        "rows": rows,
        "near": near,
    }
    write_record(TARGET, "python -m book._tools.real_embeddings", facts)
    return 0


if __name__ == "__main__":
    command(main)
