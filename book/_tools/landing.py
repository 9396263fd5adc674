"""Record what the first page shows: where chapter 1's model looks, and what matters to it.

Runs the cells of chapter 1, which train the model, and then asks it about a sentence of four
readings. Two numbers a word are kept: the share of the last look that it gets, and how far the
probabilities of the next word move when it is left out. The first page is small enough to hold all
of that, and answers without a model.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from book._tools.paths import BOOK, command
from book._tools.records import write_record
from book._tools.repeat import experiment, names_after

RECORD = BOOK / "assets" / "landing.json"
NOUNS = (("key", "keys"), ("object", "objects"))


def readings(space: dict[str, Any]) -> list[dict[str, Any]]:
    """What the model of the page does with each reading of the sentence.

    Args:
        space: What the cells of chapter 1 have defined: its model, its tokenizer, `ids`.
    """
    model, tokenizer, ids = space["model"], space["tokenizer"], space["ids"]
    verbs = [tokenizer.encode(word)[0] for word in (" is", " are")]
    found = []
    for subject in NOUNS[0]:
        for neighbour in NOUNS[1]:
            seen = ids(f"The {subject} of the {neighbour}")
            words = [tokenizer.decode([token]).strip() for token in seen[0].tolist()]
            with torch.inference_mode():
                whole = model(seen)[0, -1].softmax(-1)
                maps = model.attention_maps(seen).decoder[:, 0, :, -1]  # (L, H, S)
                moved = []
                for place in range(len(words)):
                    less = torch.cat([seen[:, :place], seen[:, place + 1 :]], dim=1)
                    after = model(less)[0, -1].softmax(-1)
                    moved.append((after - whole).abs().sum().item() / 2)
            found.append(
                {
                    "words": ["(start)", *words[1:]],
                    "looks": [[_short(head) for head in layer] for layer in maps.tolist()],
                    "moved": _short(moved),
                    "verbs": _short(whole[verbs].tolist()),
                }
            )
    return found


def _short(shares: list[float]) -> list[float]:
    return [round(share, 4) for share in shares]


def record() -> None:
    """Train the model of chapter 1 as the page does, and write what it says."""
    cells = experiment("01")
    space = names_after(cells, 0, 1)
    facts = {
        "parameters": space["config"].n_parameters(),
        "updates": space["steps"],
        "characters": sum(map(len, space["documents"])),
        "readings": readings(space),
    }
    write_record(RECORD, "python -m book._tools.landing", facts)


def main() -> int:
    """Command line entry."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    record()
    print(f"wrote {RECORD}")
    return 0


if __name__ == "__main__":
    command(main)
