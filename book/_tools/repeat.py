"""Run a chapter's experiment from other starts and with twice the training, and record it.

A page sets ``SEED, BUDGET = 0, 1`` and ends its experiment with ``outcome = {name: number}``. This
runs the cells of the page itself, with other values in that line, so what is recorded cannot be
another experiment than the one that is shown. A cell with the tag ``run-once`` is left out: its
results are not part of the outcome.
"""

from __future__ import annotations

import argparse
import ast
import re
import time
from typing import Any

import jupytext

from book._tools.paths import ROOT, CommandError, chapter_texts, command
from book._tools.records import write_record

RECORDED = ROOT / "course_lib" / "figures" / "recorded"
RUNS = ((0, 1), (1, 1), (2, 1), (0, 2))  # (seed, budget)
SETTING = re.compile(r"^SEED, BUDGET = 0, 1\b", re.MULTILINE)
OUTCOME = re.compile(r"^outcome = ", re.MULTILINE)
ASKING = re.compile(r"exercises\.load|\.check\(")  # the reader, who is not there


class _WithoutClaims(ast.NodeTransformer):
    """Drops the assertions: they are what the recorded numbers are to be held against."""

    def visit_Assert(self, node: ast.Assert) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)


def experiment(chapter: str) -> list[str]:
    """The code cells of a page up to the one that sets its outcome, without its questions.

    Raises:
        CommandError: There is no such page, or it does not set SEED, BUDGET and outcome.
    """
    text = next((path for path in chapter_texts() if path.stem[:2] == chapter), None)
    if text is None:
        raise CommandError(f"there is no chapter {chapter!r}")
    cells = [
        cell.source
        for cell in jupytext.read(text).cells
        if cell.cell_type == "code" and "run-once" not in cell.metadata.get("tags", [])
    ]
    last = next((i for i, cell in enumerate(cells) if OUTCOME.search(cell)), None)
    if last is None or not any(SETTING.search(cell) for cell in cells):
        raise CommandError(f"{text.name} has no line 'SEED, BUDGET = 0, 1' or 'outcome = '")
    return [cell for cell in cells[: last + 1] if not ASKING.search(cell)]


def names_after(cells: list[str], seed: int, budget: int) -> dict[str, Any]:
    """Run cells of a page with another start and budget; give what they have defined."""
    space: dict[str, Any] = {"__name__": "__page__"}
    for cell in cells:
        tree = ast.parse(SETTING.sub(f"SEED, BUDGET = {seed}, {budget}", cell))
        exec(compile(_WithoutClaims().visit(tree), "page", "exec"), space)
    return space


def run(cells: list[str], seed: int, budget: int) -> dict[str, float]:
    """Run the cells of a page with another start and budget; give its outcome."""
    outcome = names_after(cells, seed, budget)["outcome"]
    return {name: round(float(value), 4) for name, value in outcome.items()}


def record(chapter: str) -> None:
    """Run all starts and budgets of a chapter and write what they gave."""
    cells, runs = experiment(chapter), []
    for seed, budget in RUNS:
        began = time.perf_counter()
        runs.append({"seed": seed, "budget": budget, "outcome": run(cells, seed, budget)})
        print(f"{chapter}: seed {seed}, budget {budget}, {time.perf_counter() - began:.0f} s")
        print(f"   {runs[-1]['outcome']}", flush=True)
    write_record(
        RECORDED / f"{chapter}.json", f"python -m book._tools.repeat {chapter}", {"runs": runs}
    )


def main() -> int:
    """Command line: the numbers of the chapters to record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="+", metavar="NN", help="such as 05")
    for chapter in parser.parse_args().chapters:
        record(chapter)
    return 0


if __name__ == "__main__":
    command(main)
