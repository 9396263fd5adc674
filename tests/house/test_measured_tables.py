"""Tables of a page that repeat what a benchmark has stored."""

import json
import re

from book._tools.paths import BOOK, ROOT

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
