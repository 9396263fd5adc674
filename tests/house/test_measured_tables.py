"""Tables of a page that repeat what a benchmark has stored."""

import json
import re

import pytest

from book._ext.columns import GAP, MOST, width_of
from book._tools.paths import BOOK, NOTEBOOKS, ROOT

NAMES = {
    "DDP, of torch": "DDP",
    "ZeRO-1": "ZeRO 1",
    "ZeRO-2": "ZeRO 2",
    "ZeRO-3": "ZeRO 3",
    "ZeRO-3, sent by gloo's own operations": "ZeRO 3, gloo's collectives",
    "FSDP2": "FSDP2",
}


def test_two_ranks_on_page_18_are_the_benchmarks():
    stored = json.loads((ROOT / "benchmarks/results/distributed.json").read_text(encoding="utf-8"))
    rows = {r["variant"]: r for r in stored["rows"] if (r["ranks"], r["tokens"]) == (2, 32)}
    page = (BOOK / "18_multi_gpu_zero.md").read_text(encoding="utf-8")
    table = page.split("| two ranks |")[1].split("\n\n")[0]
    lines = re.findall(r"^\| ([^|]+) \| [\d.]+ P \|(.*)\|$", table, re.MULTILINE)
    assert [name for name, _ in lines] == list(NAMES)
    for name, numbers in lines:
        row = rows[NAMES[name]]
        quartiles = row["wall x DDP, quartiles"].replace("-", " to ")
        sent, wall = row["wire / (4 psi), per rank"], row["wall x DDP"]
        assert numbers.split(" | ") == f" {sent:.2f} P | {wall:.2f} | {quartiles} ".split(" | ")


def too_wide(printed: str) -> list[str]:
    """Lines of four columns and more that do not fit beside the contents at 1440 pixels."""
    return [
        line
        for line in printed.split("\n")
        if len(re.findall(GAP, line)) >= 3 and width_of(line) > MOST
    ]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda one: one.stem)
def test_a_printed_table_fits_into_a_wide_page(path):
    """What is wider goes on in the next line, and its columns are no longer below each other."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [out for cell in cells for out in cell.get("outputs", ())]
    assert too_wide("\n".join("".join(out.get("text", ())) for out in outputs)) == []


def test_a_planted_wide_table_is_found():
    row = "  ".join(["a name"] * 3 + ["x" * MOST])
    assert too_wide(f"short  and  no  table\n{row}\n{'x' * 200}") == [row]
