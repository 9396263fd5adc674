"""Write the table of chapters into the README: a link to each, and one measured result."""

from __future__ import annotations

import argparse
import re

import yaml

from book._tools.paths import BOOK, ROOT, CommandError, command, write_atomic
from book._tools.results import by_chapter

README = ROOT / "README.md"
TABLE = re.compile(r"^\| chapter \|.*?(?=\n\n)", re.MULTILINE | re.DOTALL)


def table() -> str:
    """The table as it should stand."""
    entries = yaml.safe_load((BOOK / "traceability.yml").read_text(encoding="utf-8"))["chapters"]
    lines = ["| chapter | one thing measured on its page |", "|---|---|"]
    for entry in entries:
        number, name = entry["chapter"][:2], entry["chapter"]
        link = f"[{int(number)} {entry['title']}](book/{name}.md)"
        lines.append(f"| {link} | {by_chapter()[number].text()} |")
    return "\n".join(lines)


def main() -> int:
    """Command line entry."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    text = README.read_text(encoding="utf-8")
    if not TABLE.search(text):
        raise CommandError(f"{README} has no table that begins with | chapter | to write over")
    write_atomic(README, TABLE.sub(lambda _: table(), text))
    return 0


if __name__ == "__main__":
    command(main)
