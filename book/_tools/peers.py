"""What other courses have, each cell with its evidence: `book/peers.yml` as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from book._tools.paths import BOOK

PEERS = BOOK / "peers.yml"
NOT_LOOKED_AT = "not looked at"
EVIDENCE = {"said", "at", "looked"}


def address(course: dict[str, Any], at: str) -> str:
    """Where a finding can be seen: an issue, or a file or folder at the commit that was read."""
    home = f"https://github.com/{course['repository']}"
    return f"{home}/{at}" if at.startswith("issues/") else f"{home}/blob/{course['commit']}/{at}"


def comparison(path: Path = PEERS) -> list[list[str]]:
    """The table, in Markdown: a head, then for each property this course and the others.

    Raises:
        ValueError: A cell lacks its evidence, or is of no course.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    courses = content["courses"]
    head = [
        f"[{name}](https://github.com/{one['repository']}), {one['commit']} of {one['of']}"
        for name, one in courses.items()
    ]
    rows = [["what", "here", *head]]
    for row in content["rows"]:
        for name, cell in row["cells"].items():
            if name not in courses or set(cell) != EVIDENCE or not all(cell.values()):
                raise ValueError(f"{path.name}: {row['what']}, {name}: got {cell}, want {EVIDENCE}")
        found = [
            f"[{cell['said']}]({address(course, cell['at'])}), looked at {cell['looked']}"
            if (cell := row["cells"].get(name))
            else NOT_LOOKED_AT
            for name, course in courses.items()
        ]
        rows.append([row["what"], row.get("here") or f"`{row['held']}`", *found])
    return rows
