"""The bibliography can be read, and every source that a page cites is in it."""

import re
from pathlib import Path

import pytest
from pybtex.database import BibliographyDataError, parse_file
from pybtex.exceptions import PybtexError

ROOT = Path(__file__).resolve().parents[2]


def cited(text: str) -> set[str]:
    """Keys in `{cite}` roles."""
    groups = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for group in groups for key in group.split(",")}


def test_every_cited_source_is_there() -> None:
    there = set(parse_file(ROOT / "book" / "references.bib").entries)
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md")}
    missing = {name: cited(page) - there for name, page in pages.items() if cited(page) - there}
    assert missing == {}


@pytest.mark.parametrize(
    "entry", ["@misc{a, title = {One}\n\n@misc{b, title = {Two}}\n", "@misc{a,}\n@misc{a,}\n"]
)
def test_a_lost_brace_and_a_double_are_found(tmp_path: Path, entry: str) -> None:
    (tmp_path / "a.bib").write_text(entry)
    with pytest.raises((PybtexError, BibliographyDataError)):
        parse_file(tmp_path / "a.bib")
    assert cited("{cite}`a,b` and {cite:t}`c`") == {"a", "b", "c"}
