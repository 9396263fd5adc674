"""Lecture section -> chapter -> module -> test -> exercise: every link exists."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from book._tools import api_pages
from book._tools.named import is_named
from book._tools.paths import ROOT, chapter_texts

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
    assert [line for line in entry["lecture"] if plain(line) not in page] == []


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
