"""Record grids of small training runs from ten starts, two minutes of a core.

    python -m book._tools.scaling_runs

Chapter 19 makes the grid of one start itself, and holds a law's intervals against all ten.
"""

from __future__ import annotations

import argparse
import json
import platform
import time

import torch

from book._tools.paths import ROOT, command, write_atomic
from course_lib.adaptation.zipf_facts import fact_runs

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "19_scaling.json"
WIDTHS = (16, 24, 32, 48, 64, 128)
SAMPLES = (30_000, 60_000, 120_000, 240_000, 480_000)
SEEDS = range(10)


def main() -> int:
    """Run all grids and write the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in SEEDS:
        began = time.process_time()
        for run in fact_runs(WIDTHS, SAMPLES, seed=seed):
            rows.append({"seed": seed, **run._asdict(), "loss": round(run.loss, 5)})
        print(f"seed {seed}: {time.process_time() - began:.0f} s", flush=True)
    stored = {
        "command": "python -m book._tools.scaling_runs",
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "rows": rows,
    }
    write_atomic(TARGET, json.dumps(stored, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    command(main)
