"""Notebooks equal their text, define nothing that the package has, and stay small and quick."""

import ast
import functools
import json
import os
import re
from pathlib import Path

import jupytext
import nbformat
import psutil
import pytest
import yaml

from book._tools import memory, notebook_text, notebooks
from book._tools.paths import COSTS, ROOT, chapter_texts, package_digest

TEXTS = chapter_texts()
LIMIT_SECONDS = 90
LIMIT_BYTES = 1_500_000_000
WIDEST = 76  # columns of code


def test_notebooks_follow_their_text() -> None:
    assert [path.name for path in notebook_text.generate(check=True)] == []


def test_a_planted_drift_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notebook_text, "NOTEBOOKS", tmp_path)
    for text in TEXTS:
        source = ROOT / "notebooks" / f"{text.stem}.ipynb"
        (tmp_path / source.name).write_text(source.read_text().replace("#", "##", 1))
    assert len(notebook_text.generate(check=True)) == len(TEXTS)


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_outputs_are_those_of_a_run(text: Path) -> None:
    """The build has run it; where the code has changed since, it runs here."""
    executed, _, _ = notebooks.execute(text, package_digest(text.stem[:2]), [])
    committed = nbformat.read(notebook_text.notebook_path(text), 4)
    assert notebooks.drift(committed, executed) == []


def test_a_planted_output_is_found() -> None:
    committed = nbformat.read(notebook_text.notebook_path(TEXTS[0]), 4)
    executed = nbformat.read(notebook_text.notebook_path(TEXTS[0]), 4)
    assert notebooks.drift(committed, executed) == []
    streams = [
        output
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and "0" in output.text
    ]
    streams[0].text = streams[0].text.replace("0", "1", 1)
    assert len(notebooks.drift(committed, executed)) == 1


def test_every_notebook_has_a_text_and_a_place() -> None:
    stems = {text.stem for text in TEXTS}
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == stems
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert {f"notebooks/{stem}" for stem in stems} == {f for f in files if f.startswith("noteb")}
    assert files == [*dict.fromkeys(files)]


def too_wide(source: str) -> list[str]:
    """Lines of code that a page at 1440 pixels would go on with in the next line."""
    return [line for line in source.splitlines() if len(line) > WIDEST]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_code_fits_the_column_of_a_page(text: Path) -> None:
    cells = [cell.source for cell in jupytext.read(text).cells if cell.cell_type == "code"]
    assert [line for cell in cells for line in too_wide(cell)] == []


def test_a_line_that_is_too_wide_is_found() -> None:
    assert too_wide("x = 1\n" + "y" * (WIDEST + 1)) == ["y" * (WIDEST + 1)]


def code(text: Path) -> list[str]:
    notebook = notebook_text.from_text(text)
    return [
        re.sub(r"^([ \t]*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def defined(source: str) -> set[str]:
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)}


@functools.cache
def package_names() -> set[str]:
    names = set()
    for path in (ROOT / "course_lib").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                names.add(node.name)
    return names


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_nothing_of_the_package_is_defined_again(text: Path) -> None:
    again = set().union(*map(defined, code(text))) & package_names()
    assert again == set()


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_committed_notebooks_hold_text_only(text: Path) -> None:
    notebook = nbformat.read(ROOT / "notebooks" / f"{text.stem}.ipynb", 4)
    assert "widgets" not in notebook.metadata
    kinds = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert kinds <= set(notebooks.TEXT_TYPES)
    outputs = [cell.get("outputs") for cell in notebook.cells if cell.cell_type == "code"]
    assert any(outputs), "no cell keeps an output: run make notebooks"


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_the_measured_cost_is_within_the_limits(text: Path) -> None:
    """The build records seconds and peak memory of each notebook in a fresh kernel."""
    assert COSTS.exists(), "the book is not built: run make book"
    cost = json.loads(COSTS.read_text())[text.stem]
    assert 0 < cost["seconds"] < LIMIT_SECONDS
    assert 0 < cost["peak_memory_bytes"] < LIMIT_BYTES


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_an_uncompared_cell_says_why(text: Path) -> None:
    """A cell whose output is not compared carries the tag, and a comment with the reason."""
    for cell in notebook_text.from_text(text).cells:
        tags = set(cell.metadata.get("tags", []))
        if tags & notebooks.NOT_COMPARED and "source" not in tags:
            assert "#" in cell.source, f"say in a comment why this is not compared:\n{cell.source}"


def test_a_child_that_is_still_its_parent_is_not_counted_twice() -> None:
    """Only at the second look: then it is one that stays, such as a worker of a loader."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read, 1)
        os._exit(0)
    try:
        both = [psutil.Process(), psutil.Process(child)]
        seen: set[int] = set()
        first, second = memory.resident_bytes(both, seen), memory.resident_bytes(both, seen)
        held = both[1].memory_info().rss
        assert held > 1_000_000 and second - first > 0.9 * held
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)
