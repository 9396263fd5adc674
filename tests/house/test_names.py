"""One name, one meaning: a class or a named type stands in one place of the package."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TO_RENAME: set[str] = set()
# Functions that several fields call so, each in its own sense; a reader takes one for the other.
WORDS = {"pack", "chain", "exchange", "step", "steps", "product"}


def names(source: str) -> set[str]:
    """Public classes and named types of a module, and functions of a few overused names."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.FunctionDef) and node.name in WORDS:
            found.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if re.fullmatch(r"[A-Z][a-z]\w*", name) and not isinstance(node.value, ast.Call):
                found.add(name)
    return {name for name in found if not name.startswith("_")}


def twice(sources: dict[str, str]) -> dict[str, list[str]]:
    """Names that more than one module defines, with those modules."""
    where = defaultdict(list)
    for module, source in sources.items():
        for name in names(source):
            where[name].append(module)
    return {name: sorted(modules) for name, modules in where.items() if len(modules) > 1}


def test_a_name_has_one_meaning() -> None:
    sources = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in (ROOT / "course_lib").rglob("*.py")
        if "chapters" not in path.parts
    }
    assert {name: where for name, where in twice(sources).items() if name not in TO_RENAME} == {}


def test_a_planted_second_meaning_is_found() -> None:
    sources = {"a.py": "class View: ...\ndef pack(): ...", "b.py": "View = dict[str, int]"}
    assert twice(sources) == {"View": ["a.py", "b.py"]}
    assert twice({**sources, "c.py": "def pack(): ..."})["pack"] == ["a.py", "c.py"]
