"""Record what full tuning and LoRA reach in chapter 12 at more than one learning rate.

Runs the cells of the page up to those that tune, and then has them tune again at other rates, from
three starts, and once with twice the text and the updates. A rate that suits one way need not suit
the other, so ways that are compared get some to choose from.

Kept beside the records of the chapters as ``12_rates.json``.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from book._tools.paths import command
from book._tools.records import write_record
from book._tools.repeat import RECORDED, RUNS, experiment, names_after

WHOLE, LOW_RANK = (3e-4, 1e-4), (1e-3,)  # beside 1e-3 and 5e-3, the page's own


def measure(seed: int, budget: int) -> dict[str, Any]:
    """Tune in both ways, at the page's rates and at others.

    Args:
        seed: Random start.
        budget: Text and updates, as a multiple of what the page does.
    """
    cells = experiment("12")
    last = max(i for i, cell in enumerate(cells) if "def tuned_whole(" in cell)
    space = names_after(cells[: last + 1], seed, budget)
    judged = space["judged"]
    found = {"full tuning, 0.001": space["results"]["full tuning"]}
    for rate in WHOLE:
        name = f"full tuning, {rate:g}"
        found[name] = judged(space["tuned_whole"](name, rate))
    found["LoRA, 0.005"] = space["results"]["LoRA"]
    for rate in LOW_RANK:
        name = f"LoRA, {rate:g}"
        found[name] = judged(space["tuned_low_rank"](name, rate)[0])
    outcome = {
        f"{name}: {key}": round(float(value), 4)
        for name, result in found.items()
        for key, value in result.items()
    }
    return {"seed": seed, "budget": budget, "outcome": outcome}


def main() -> int:
    """Tune from every start and write the record."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    runs = []
    for seed, budget in RUNS:
        began = time.perf_counter()
        runs.append(measure(seed, budget))
        print(runs[-1], f"{time.perf_counter() - began:.0f} s", flush=True)
    write_record(RECORDED / "12_rates.json", "python -m book._tools.tuning_rates", {"runs": runs})
    return 0


if __name__ == "__main__":
    command(main)
