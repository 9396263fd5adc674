"""Record grids of small training runs from ten starts, two minutes of a core.

    python -m book._tools.scaling_runs
    python -m book._tools.scaling_runs --game

Chapter 19 makes the grid of one start itself, and holds a law's intervals against all ten. Its
game is played on the runs of another grid: five sizes at one price, and what is cheaper, from a
start of its own; a quarter of a minute.
"""

from __future__ import annotations

import argparse
import time

import torch

from book._tools.paths import ROOT, command
from book._tools.records import write_record
from course_lib.adaptation.scaling import ScalingRun
from course_lib.adaptation.zipf_facts import fact_runs

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "19_scaling.json"
WIDTHS = (16, 24, 32, 48, 64, 128)
SAMPLES = (30_000, 60_000, 120_000, 240_000, 480_000)
SEEDS = range(10)
GAME, GAME_SEED = TARGET.with_name("19_game.json"), 2
SHORTEST = 30_000
DOUBLINGS = {(16, 32): 6, (64,): 5, (128,): 4, (256,): 3, (512,): 2}
"""Widths, and how many lengths each is trained on: the price of the longest runs is one."""


def grids() -> list[dict[str, float]]:
    """Train every width on every length, from all starts."""
    rows = []
    for seed in SEEDS:
        began = time.process_time()
        rows += [row_of(seed, run) for run in fact_runs(WIDTHS, SAMPLES, seed=seed)]
        print(f"seed {seed}: {time.process_time() - began:.0f} s", flush=True)
    return rows


def game() -> list[dict[str, float]]:
    """Train what the game sells, and the runs at its last price."""
    rows = []
    for widths, doublings in DOUBLINGS.items():
        lengths = [SHORTEST * 2**k for k in range(doublings)]
        rows += [row_of(GAME_SEED, run) for run in fact_runs(widths, lengths, seed=GAME_SEED)]
    return rows


def row_of(seed: int, run: ScalingRun) -> dict[str, float]:
    """Write a run as it is kept."""
    return {"seed": seed, **run._asdict(), "loss": round(run.loss, 5)}


def main() -> int:
    """Run the grids that are asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", action="store_true", help="the runs of the game, nothing else")
    of_game = parser.parse_args().game
    torch.set_num_threads(1)
    rows = game() if of_game else grids()
    command_line = "python -m book._tools.scaling_runs" + (" --game" if of_game else "")
    write_record(GAME if of_game else TARGET, command_line, {"rows": rows})
    return 0


if __name__ == "__main__":
    command(main)
