"""An edited exercise runs its own chapter's notebook again, and no other."""

import shutil
from pathlib import Path

import pytest

from book._tools.paths import ROOT, chapter_texts, package_digest

NUMBERS = [text.stem[:2] for text in chapter_texts()]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "requirements.lock", copy)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "course_lib", copy / "course_lib", ignore=ignore)
    return copy


def keys(tree: Path) -> dict[str, str]:
    return {number: package_digest(number, tree) for number in NUMBERS}


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("exercises/chapters/ch06_attention/ideas.py", ["06"]),
        ("exercises/chapters/ch06_attention/__init__.py", ["06"]),
        ("exercises/chapters/common.py", NUMBERS),
        ("exercises/answers/quiz.py", NUMBERS),
        ("exercises/schema.json", NUMBERS),
        ("model/attention.py", NUMBERS),
    ],
)
def test_what_an_edit_runs_again(tree: Path, file: str, changed: list[str]) -> None:
    before, everything = keys(tree), package_digest(None, tree)
    path = tree / "course_lib" / file
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    after = keys(tree)
    assert [number for number in NUMBERS if after[number] != before[number]] == changed
    assert package_digest(None, tree) != everything
