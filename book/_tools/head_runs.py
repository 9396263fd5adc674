"""Record which head models of chapter 10 need, in more worlds than the page has time for.

Runs the cells of the page up to those that find the head, and then has them train and ask again:
with four heads a layer, and with other classes; from three starts, and once twice as long.

Kept beside the records of the chapters as ``10_heads.json``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

from book._tools.paths import command
from book._tools.records import write_record
from book._tools.repeat import RECORDED, RUNS, experiment, names_after
from course_lib.prompting import LabelTask

ANIMALS = ("dog", "cat", "duck", "lion", "bear", "wolf", "goat", "mouse")
COLOURS = ("red", "blue", "green", "white", "black", "pink", "brown", "grey")
PLACES = ("river", "forest", "hill", "garden", "lake", "field", "beach", "island")
THINGS = ("boat", "lamp", "door", "wheel", "chair", "spoon", "book", "clock")
WORLDS = {
    "4 classes of 4, 2 heads": (LabelTask(), 2),
    "4 classes of 4, 4 heads": (LabelTask(), 4),
    "4 classes of 8, 2 heads": (LabelTask((ANIMALS, COLOURS, PLACES, THINGS)), 2),
    "3 classes of 8, 2 heads": (LabelTask((ANIMALS, COLOURS, PLACES), ("dax", "wug", "fep")), 2),
}


def measure(seed: int, budget: int) -> list[dict[str, Any]]:
    """Find the head that is needed most, in a model of each world.

    Args:
        seed: Random start.
        budget: Training, as a multiple of what the page does.
    """
    cells = experiment("10")
    last = max(i for i, cell in enumerate(cells) if "def paid(" in cell)
    asked = [cell for cell in cells[: last + 1] if "= most_needed(model)" not in cell]
    space = names_after(
        [cell for cell in asked if "= trained_on(0.4, steps)" not in cell], seed, budget
    )
    rows, config = [], space["config"]
    for world, (task, n_heads) in WORLDS.items():
        began = time.perf_counter()
        space["task"] = task
        space["config"] = replace(config, n_heads=n_heads, vocab_size=task.vocab_size)
        model = space["trained_on"](0.4, space["steps"])[0].eval()
        layer, head, found = space["most_needed"](model)
        found |= space["paid"](model, layer, head)
        found = {name: round(float(value), 4) for name, value in found.items()}
        rows.append(
            {"world": world, "seed": seed, "budget": budget, "chance": 1 / len(task.labels)}
        )
        rows[-1] |= found
        print(rows[-1], f"{time.perf_counter() - began:.0f} s", flush=True)
    return rows


def main() -> int:
    """Train and ask in every world and write the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    rows = [row for seed, budget in RUNS for row in measure(seed, budget)]
    write_record(RECORDED / "10_heads.json", "python -m book._tools.head_runs", {"rows": rows})
    return 0


if __name__ == "__main__":
    command(main)
