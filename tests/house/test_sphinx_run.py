"""After an edit of a chapter the reference is not read again, and never too few pages are."""

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml

from book._tools import build, sphinx_run
from book._tools.paths import ROOT, CommandError, chapter_texts
from book._tools.sphinx_run import Sources, already_read, make_pages, sources

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import reading

NAMES = ("02_simplified_architecture", "06_attention")


def notebook(text: str = "# Title\n\nwords", output: str = "1\n") -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("1", id="code")
    cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text, id="text"), cell])


def of(shared: str = "shared", cost: str = "1 s", **second: str) -> Sources:
    return sources(shared, {NAMES[0]: notebook(), NAMES[1]: notebook(**second)}, {NAMES[1]: cost})


def test_an_edited_chapter_is_read_alone() -> None:
    assert of().changed_since(of()) == []
    assert of(text="# Title\n\nother words").changed_since(of()) == [NAMES[1]]
    assert of(output="2\n").changed_since(of()) == [NAMES[1]], "its text is the same"
    assert of(cost="2 s").changed_since(of()) == [NAMES[1]], "its page says what a run takes"


@pytest.mark.parametrize(
    "now",
    [
        of("other"),
        of(text="# Another title\n\nwords"),
        sources("shared", {NAMES[0]: notebook()}, {}),
    ],
    ids=["what pages share", "a title, which every page lists", "a chapter less"],
)
def test_what_every_page_shows_is_read_by_all(now: Sources) -> None:
    assert now.changed_since(of()) is None
    assert now.changed_since(None) is None


def test_extensions_settings_styles_and_records_are_shared_and_chapters_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(sphinx_run, "digest_of", lambda paths, *more: seen.extend(paths))
    build.shared_digest()
    names = ("_config.yml", "_toc.yml", "book/_ext/reading.py", "book/assets/course.css")
    wanted = {ROOT / name for name in (*names, "book/references.bib", "book/traceability.yml")}
    wanted |= {*(ROOT / "book" / "_ext").glob("*.py"), *(ROOT / "book").glob("[a-z]*.md")}
    wanted |= set((ROOT / "benchmarks" / "results").glob("*.json"))
    assert wanted - set(seen) == set()
    assert set(chapter_texts()) & set(seen) == set()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sphinx_run, "SPHINX", tmp_path)
    return tmp_path


def test_what_was_read_is_kept_and_what_is_rewritten_later_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(sphinx_run, "run", lambda changed, silent: asked.append(changed))
    make_pages(of())
    html = folder / "_build" / "html"
    gone = [html / "_static" / "own.css", html / "_static" / "a" / "b"]
    kept = [
        folder / "_build" / ".doctrees" / "tree",
        folder / "_build" / "jupyter_execute" / "output.png",
        html / "_images" / "output.png",
        html / "_static" / "later" / "model.js",
    ]
    for path in gone + kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    make_pages(of(output="2\n"))
    assert asked == [[], [NAMES[1]]]
    assert [path.exists() for path in gone + kept] == [False] * 2 + [True] * 4
    assert already_read() == of(output="2\n")
    make_pages(of("other"))
    assert asked[-1] == [] and not kept[0].exists(), "read anew from nothing"


@pytest.mark.parametrize("error", [CommandError("a warning"), KeyboardInterrupt()])
def test_a_run_that_did_not_end_is_no_ground(
    error: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sphinx_run, "run", lambda changed, silent: None)
    make_pages(of())

    def ends(changed: list[str], silent: bool) -> None:
        raise error

    monkeypatch.setattr(sphinx_run, "run", ends)
    with pytest.raises(type(error)):
        make_pages(of(output="2\n"))
    assert already_read() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"shared": "one"}', '{"other": 1}'])
def test_a_note_that_cannot_be_read_is_none(text: str, folder: Path) -> None:
    (folder / "sources.json").write_text(text)
    assert already_read() is None


def test_a_module_that_no_page_names_stays_listed() -> None:
    modules = {"used": 1, "unused": 2}
    env = SimpleNamespace(
        found_docs=set(), domaindata={}, included={}, metadata={}, _viewcode_modules=modules
    )
    app = SimpleNamespace(env=env)
    reading._outdated(app, env, set(), set(), set())
    env._viewcode_modules = {"used": 3}
    reading._keep_modules(app, env)
    assert env._viewcode_modules == {"used": 3, "unused": 2}


def test_a_line_above_a_heading_moves_nothing_that_others_show() -> None:
    def moved(line: int, title: str, minutes: int) -> str:
        env = SimpleNamespace(
            included={},
            domaindata={},
            metadata={
                "notebooks/06": {
                    "myst_slugs": {"by-hand": (line, "by-hand", title)},
                    "wordcount": {"minutes": minutes},
                }
            },
        )
        return reading.seen_by_others(env)["metadata"]

    assert moved(10, "By hand", 5) == moved(12, "By hand", 6)
    assert moved(10, "By hand", 5) != moved(10, "By head", 5)


def test_every_extension_of_the_course_is_in_the_list_that_sphinx_loads() -> None:
    """Jupyter Book's own list is replaced, and with it what it would add for each of ours."""
    sphinx = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    assert set(sphinx["local_extensions"]) - set(sphinx["config"]["extensions"]) == set()
    files = {
        path.stem
        for path in (ROOT / "book" / "_ext").glob("*.py")
        if "\ndef setup(app" in path.read_text(encoding="utf-8")
    }
    assert files == set(sphinx["local_extensions"])
