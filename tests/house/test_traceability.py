"""Sentence -> cell -> figure -> test -> exercise, chapter -> module: every link exists."""

import ast
import functools
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from book._ext.lecture import cells_of, has_line, page_of, sentence_list, shown_at, with_places
from book._tools import api_pages
from book._tools.named import is_named
from book._tools.paths import NOTEBOOKS, ROOT, chapter_texts

ENTRIES: list[dict[str, Any]] = yaml.safe_load((ROOT / "book" / "traceability.yml").read_text())[
    "chapters"
]
BY_CHAPTER = {entry["chapter"]: entry for entry in ENTRIES}


def plain(text: str) -> str:
    """Text without line breaks, quote marks of Markdown, and emphasis."""
    text = re.sub(r"^\s*>\s?", "", text, flags=re.MULTILINE)
    text = text.replace("’", "'").replace("“", '"').replace("”", '"')
    return re.sub(r"\s+", " ", text.replace("*", "").replace("_", " ")).lower()


def test_every_chapter_is_traced_and_every_trace_has_a_chapter() -> None:
    assert [text.stem for text in chapter_texts()] == [entry["chapter"] for entry in ENTRIES]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_lecture_sentences_stand_on_the_page(entry: dict[str, Any]) -> None:
    page = plain((ROOT / "book" / f"{entry['chapter']}.md").read_text())
    assert [one["says"] for one in entry["lecture"] if plain(one["says"]) not in page] == []


@functools.cache
def code_cells(chapter: str) -> list[dict[str, Any]]:
    notebook = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    return [
        {**cell, "code": "".join(cell["source"])}
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def is_seen(cell: dict[str, Any]) -> bool:
    """Whether a reader sees what a cell measured.

    A picture, and a text that differs between machines, are not stored; there the call counts.
    """
    if cell["outputs"] or "nbval-ignore-output" not in cell["metadata"].get("tags", []):
        return bool(cell["outputs"])
    *_, last = ast.parse(cell["code"]).body
    return isinstance(last, ast.Expr) or "print(" in cell["code"]


def calls(cell: dict[str, Any], name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}\(", cell["code"]) is not None


@functools.cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


DRAWING = functools.reduce(
    frozenset.union, map(functions, (ROOT / "course_lib" / "figures").glob("*.py"))
)


def faults(entry: dict[str, Any], sentence: dict[str, str]) -> list[str]:
    """What is wrong with the places that a sentence of the lecture is traced to."""
    found = []
    if unknown := set(sentence) - {"says", "page", "cell", "figure", "test", "exercise"}:
        found.append(f"unknown: {sorted(unknown)}")
    cells = code_cells(page_of(entry, sentence))
    named = [cell for cell in cells if has_line(cell["code"], sentence["cell"])]
    if len(named) != 1:
        found.append(f"{len(named)} cells begin a line with it")
    elif not is_seen(named[0]):
        found.append("its cell shows nothing")
    if (figure := sentence.get("figure")) and not (
        figure in DRAWING and any(calls(cell, figure) for cell in cells)
    ):
        found.append(f"{figure} is no figure of that page")
    file, _, test = sentence["test"].partition("::")
    if not (ROOT / file).exists() or (test and test not in functions(ROOT / file)):
        found.append(f"no test {sentence['test']}")
    if "exercise" in sentence:
        loaded = {*LOADS[entry["chapter"]], *LOADS[page_of(entry, sentence)]}
        if sentence["exercise"] not in {name for name, _ in loaded}:
            found.append(f"no exercise {sentence['exercise']} there")
    return found


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_each_sentence_has_its_cell_its_test_and_its_exercise(entry: dict[str, Any]) -> None:
    found = {one["says"]: faults(entry, one) for one in entry["lecture"]}
    assert {says: wrong for says, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cell": "print(nothing of the kind)"}, "0 cells begin a line with it"),
        ({"cell": "import torch"}, "its cell shows nothing"),
        ({"cell": "print("}, "cells begin a line with it"),
        ({"page": "02_simplified_architecture"}, "0 cells begin a line with it"),
        ({"figure": "attention_links"}, "attention_links is no figure of that page"),
        ({"figure": "print"}, "print is no figure of that page"),
        ({"test": "tests/model/test_attention.py::test_gone"}, "no test"),
        ({"test": "tests/model/test_gone.py"}, "no test"),
        ({"exercise": "05.a"}, "no exercise 05.a there"),
        ({"cells": "print("}, "unknown: ['cells']"),
    ],
)
def test_a_planted_fault_of_the_trace_is_seen(change: dict[str, str], told: str) -> None:
    entry = BY_CHAPTER["01_relevance"]
    assert told in " ".join(faults(entry, {**entry["lecture"][0], **change}))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_the_list_has_a_link_for_each_sentence(entry: dict[str, Any]) -> None:
    listed = sentence_list(entry)
    ends = [(page_of(entry, one), shown_at(one["cell"])) for one in entry["lecture"]]
    assert re.findall(r'href="\.\./notebooks/(\w+)\.html#(shown-\w+)"', listed) == ends
    for key in ("figure", "exercise"):
        named = [one[key] for one in entry["lecture"] if key in one]
        assert all(name in listed for name in named)


def test_nothing_stored_and_nothing_called_is_not_seen() -> None:
    untold: dict[str, Any] = {"outputs": [], "metadata": {}, "code": "f(x)"}
    ignored = {**untold, "metadata": {"tags": ["nbval-ignore-output"]}}
    assert not is_seen(untold) and is_seen(ignored)
    assert not is_seen({**ignored, "code": "y = f(x)"})
    assert is_seen({**ignored, "code": "for x in y:\n    print(x)"})


def test_links_to_cells_have_an_end_once() -> None:
    cell = '<div class="cell_input docutils"><pre><span>f</span>(&quot;a&quot;, b)\n</pre></div>'
    other = cell.replace(">f<", ">g<")
    wanted = ['f("a"', "h("]
    page = with_places(cell + other, wanted)
    assert page == f'<span id="{shown_at(wanted[0])}"></span>{cell}{other}'
    assert with_places(page, wanted) == page
    borrowed = "side_by_side(table, known)"  # quoted on page 13 and on page 17, shown there
    assert cells_of("17_summary", ENTRIES).count(borrowed) == 1
    assert borrowed not in cells_of("13_self_supervision_curation", ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_figures_are_drawn_on_the_page(entry: dict[str, Any]) -> None:
    page = (ROOT / "book" / f"{entry['chapter']}.md").read_text()
    for figure, module in entry["figures"].items():
        importlib.import_module(module)
        assert figure in page, f"{figure} is not named on the page"
        assert module in page or "from course_lib.figures import" in page


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_modules_exist_and_are_used_on_the_page(entry: dict[str, Any]) -> None:
    page = (ROOT / "book" / f"{entry['chapter']}.md").read_text()
    for module in entry["modules"]:
        importlib.import_module(module)
        assert is_named(module, _source(module), page), module


def _source(module: str) -> str:
    path = ROOT / Path(*module.split("."))
    return (
        path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    ).read_text()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_tests_exist(entry: dict[str, Any]) -> None:
    for folder in entry["tests"]:
        assert list((ROOT / folder).rglob("test_*.py")), folder


LOADS = {
    text.stem: re.findall(r"exercises\.load\(\s*[\"']([\w.]+)[\"']\s*,\s*v=(\d+)", text.read_text())
    for text in chapter_texts()
}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["chapter"])
def test_the_chapter_loads_its_exercises_once(entry: dict[str, Any]) -> None:
    loaded = [name for name, _ in LOADS[entry["chapter"]]]
    assert sorted(set(loaded)) == sorted(loaded), "an exercise appears twice"
    assert set(entry["exercises"]) <= set(loaded)


def test_each_load_names_an_existing_exercise_and_version() -> None:
    from course_lib import exercises

    for loads in LOADS.values():
        for name, version in loads:
            assert exercises.load(name, v=int(version)).id == name


def test_each_exercise_of_a_finished_chapter_appears_exactly_once() -> None:
    from course_lib.exercises.catalog import all_specs

    loaded = [name for loads in LOADS.values() for name, _ in loads]
    finished = {stem[:2] for stem in LOADS}
    wanted = [name for name in (spec.id for spec in all_specs()) if name[:2] in finished]
    assert sorted(loaded) == sorted(wanted)


def test_every_part_of_the_package_has_a_reference_page() -> None:
    shown = sorted(part for _, _, parts in api_pages.PAGES.values() for part in parts)
    package = ROOT / "course_lib"
    there = [path.stem for path in package.glob("*.py") if path.stem != "__init__"]
    there += [path.parent.name for path in package.glob("*/__init__.py")]
    assert len(set(shown)) == len(shown)
    assert set(there) <= set(shown)
