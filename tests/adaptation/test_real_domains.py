"""What the tool that records two real domains reads of a folder."""

from pathlib import Path

import pytest

from book._tools.paths import CommandError
from book._tools.real_domains import SHORTEST, documents

LONG = "A sentence that is long enough. " * 8


def test_it_reads_pages_docstrings_and_topics_once_each(tmp_path: Path) -> None:
    assert len(LONG) > SHORTEST
    for i in range(16):
        (tmp_path / f"page{i:02}.rst").write_text(f"{i} {LONG}")
    (tmp_path / "copy.rst").write_text(f"3 {LONG}")
    (tmp_path / "short.rst").write_text("Too short.")
    (tmp_path / "other.txt").write_text(f"text {LONG}")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "page.rst").write_text(f"beside {LONG}")
    (tmp_path / "module.py").write_text(f'"""{LONG}"""\ndef f():\n    """Says f."""\n')
    (tmp_path / "broken.py").write_text(f'"""{LONG}""" (')
    (tmp_path / "pydoc_data").mkdir()
    (tmp_path / "pydoc_data" / "topics.py").write_text(f"topics = {{'if': 'if {LONG}'}}")
    texts = documents(tmp_path)
    assert len(texts) == len(set(texts)) == 16 + 2
    assert [text for text in texts if "Says f." in text] == [f"{LONG}\n\nSays f."]
    assert f"if {LONG}" in texts
    assert not [text for text in texts if text.startswith(("beside", "text"))]


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="must hold 16 documents or more, found 0"):
        documents(tmp_path)
