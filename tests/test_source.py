"""The code behind a name: every kind of definition, its place in the file, and wrong names."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import course_lib
from course_lib import show_source
from course_lib.source import Definition

TEXT = '''"""A module."""

import functools
from dataclasses import dataclass

TABLE = {
    "a": 1,
}
LIMIT: int = 3


def plain(x):
    """Doubles.

    A second line with <angles> & signs.
    """

    # why
    return 2 * x


def wrap(f):
    @functools.wraps(f)
    def outer(*a):
        return f(*a)

    return outer


@wrap
def wrapped(x):
    """Is wrapped."""
    return x


half = functools.partial(plain, 0.5)


@dataclass
class Thing:
    """A thing."""

    size: int = 1

    @property
    def area(self):
        """Squared."""
        return self.size**2

    @classmethod
    def make(cls):
        """Makes."""
        return cls()

    @staticmethod
    def help():
        """Only words."""

    def one(self): "doc"
'''


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Definition]:
    (tmp_path / "shown_here.py").write_text(TEXT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "shown_here", raising=False)
    return lambda name: show_source(f"shown_here.{name}")


@pytest.mark.parametrize(
    ("name", "kind", "code", "docstring"),
    [
        ("plain", "function", "def plain(x):\n    # why\n    return 2 * x", "Doubles."),
        ("wrapped", "function", "@wrap\ndef wrapped(x):\n    return x", "Is wrapped."),
        ("TABLE", "constant", 'TABLE = {\n    "a": 1,\n}', ""),
        ("LIMIT", "constant", "LIMIT: int = 3", ""),
        ("half", "constant", "half = functools.partial(plain, 0.5)", ""),
        ("Thing.make", "function", "@classmethod\ndef make(cls):\n    return cls()", "Makes."),
        ("Thing.help", "function", "@staticmethod\ndef help():\n    ...", "Only words."),
        ("Thing.one", "function", 'def one(self): "doc"', "doc"),
        (
            "Thing.area",
            "function",
            "@property\ndef area(self):\n    return self.size**2",
            "Squared.",
        ),
    ],
)
def test_each_kind_is_shown_without_its_docstring(
    look: Callable[[str], Definition], name: str, kind: str, code: str, docstring: str
) -> None:
    found = look(name)
    assert found.kind == kind
    assert found.code == code
    assert found.docstring.splitlines()[:1] == docstring.splitlines()
    lines = TEXT.splitlines()[found.first_line - 1 : found.last_line]
    assert lines[0].strip() == code.splitlines()[0]
    assert found.name == f"shown_here.{name}" and found.module == "shown_here"


def test_a_class_loses_the_docstrings_of_its_methods(look: Callable[[str], Definition]) -> None:
    found = look("Thing")
    assert found.kind == "class" and found.docstring == "A thing."
    assert "Squared" not in found.code and "return self.size**2" in found.code
    assert found.code.startswith("@dataclass\nclass Thing:\n    size: int = 1\n")


def test_a_whole_module_can_be_shown(tmp_path: Path, look: Callable[[str], Definition]) -> None:
    look("plain")
    found = show_source("shown_here")
    assert found.kind == "module" and found.docstring == "A module."
    assert found.code.startswith("import functools")


def test_a_name_of_the_package_leads_to_where_it_is_defined() -> None:
    found = show_source("course_lib.Transformer.encode")
    assert found.name == "course_lib.model.transformer.Transformer.encode"
    assert found.path == Path(course_lib.__file__).parent / "model" / "transformer.py"
    assert found == show_source(course_lib.Transformer.encode)


def test_what_a_reader_put_in_its_place_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(x: int) -> int:
        return x + 1

    monkeypatch.setattr("course_lib.model.masks.causal_mask", mine)
    assert "return x + 1" in show_source("course_lib.model.masks.causal_mask").code


def test_notebooks_get_markdown_and_consoles_text(look: Callable[[str], Definition]) -> None:
    found = look("plain")
    markdown = found._repr_markdown_()
    assert "```python\ndef plain(x):" in markdown
    assert "<details>" in markdown and "&lt;angles> &amp; signs" in markdown
    assert repr(found).startswith("# shown_here.plain\ndef plain")
    assert "<details>" not in look("TABLE")._repr_markdown_()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("course_lib.model.attention.attentoin", "has no 'attentoin'; near it: attention"),
        ("course_lib.model.attentoin", "has no 'attentoin'"),
        ("course_lib.Transformer.nothing_like_it", "Transformer has no 'nothing_like_it'"),
        ("no_such_package.x", "there is no module 'no_such_package'"),
        ("course_lib..x", "not a dotted name"),
        ("", "not a dotted name"),
        ("math.sqrt", "has no Python source"),
        ("course_lib.config.TransformerConfig.__eq__", "has no Python source"),
        (3, "has no Python source"),
        (json.dumps.__defaults__, "has no Python source"),
    ],
)
def test_a_wrong_name_says_what_is_there(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        show_source(wrong)


def test_objects_are_taken_too() -> None:
    assert show_source(functools.partial(json.dumps, 1)).name == "json.dumps"
    assert show_source(TEXT.__class__ and Path.exists).name == "pathlib.Path.exists"
