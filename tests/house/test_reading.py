"""After an edit of a chapter the site is that from nothing, and only what moved is made again."""

import filecmp
import io
import pickle
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from book._ext import figure_numbers, lean_css
from book._tools.paths import ROOT
from book._tools.sphinx_run import CHANGED

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import reading

CONF = """
import os, sys
sys.path.insert(0, {ext!r})
extensions = ["reading", "own", "sphinx.ext.viewcode"]
viewcode_follow_imported_members = False
html_theme, html_copy_source, html_show_sphinx = "basic", True, False
"""
# What stands for the course's own: a page that quotes others, and a hook that no page bears twice.
OWN = """
from pathlib import Path
from docutils import nodes
from docutils.parsers.rst import Directive
from reading import written

class Lengths(Directive):
    def run(self):
        env = self.state.document.settings.env
        env.note_reread()
        texts = sorted((Path(env.srcdir) / "notebooks").glob("*.rst"))
        return [nodes.paragraph("", " ".join(str(len(t.read_text())) for t in texts))]

def mark(app, error):
    if error is None:
        for page in written(app):
            page.write_text(page.read_text() + "<!--marked-->")

def setup(app):
    app.add_directive("lengths", Lengths)
    app.connect("build-finished", mark)
    return {"parallel_read_safe": True}
"""
TEXTS = {
    "index": (
        "Start\n=====\n\n.. toctree::\n\n   notebooks/01_a\n   notebooks/02_b\n   reference\n\n"
        ".. lengths::\n"
    ),
    "notebooks/01_a": (
        "First\n=====\n\nA xylophone plays.\n\n.. _part:\n\nIts part\n--------\n\n"
        ".. index:: first entry\n\nMore.\n\n.. image:: one.png\n"
    ),
    "notebooks/02_b": "Second\n======\n\nIt leads to :ref:`part` of the first. A zeppelin flies.\n",
    "reference": "Reference\n=========\n\n.. index:: reference entry\n\nNothing moves here.\n\n"
    ".. py:module:: own\n\n.. py:function:: setup(app)\n\n"
    ".. py:currentmodule:: other\n\n.. py:function:: made_elsewhere()\n",
}


@dataclass
class Site:
    """A small book with the extension that says what is read and written."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / "source" / f"{name}.rst"
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))

    def build(self, out: str, *changed: str) -> tuple[list[str], list[str]]:
        """Build; return the pages that were read and those that were written."""
        self.monkeypatch.setenv(CHANGED, " ".join(changed))
        source, target, log = self.folder / "source", self.folder / out, io.StringIO()
        with patch_docutils(source), docutils_namespace():
            app = Sphinx(
                *map(str, (source, source, target / "html", target / "trees")),
                "html",
                status=log,
                warning=None,
                warningiserror=True,
                verbosity=1,
            )
            app.build()
        assert app.statuscode == 0, log.getvalue()
        text = re.sub(r"\x1b\[[\d;]*m", "", log.getvalue())
        return _pages(text, "reading sources"), _pages(text, "writing output")

    def differences(self, other: str) -> list[str]:
        """Files that are not the same in two built sites."""
        one, two = (self.folder / name / "html" for name in ("kept", other))
        names = {str(p.relative_to(top)) for top in (one, two) for p in top.rglob("*")}
        files = [name for name in names if not all((top / name).is_dir() for top in (one, two))]
        _, differ, missing = filecmp.cmpfiles(one, two, files, shallow=False)
        return sorted(differ + missing)


def _pages(log: str, phase: str) -> list[str]:
    return sorted(re.findall(rf"{phase}\.\.\. *\[ *\d+%\] ([\w/]+)", log))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    source = tmp_path / "source"
    for name, text in TEXTS.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / f"{name}.rst").write_text(text)
    (source / "own.py").write_text(OWN)
    (source / "other.py").write_text("A = 1\n")  # viewcode lists a module that no page has names of
    monkeypatch.syspath_prepend(str(source))
    monkeypatch.delitem(sys.modules, "own", raising=False)
    (source / "conf.py").write_text(CONF.format(ext=str(ROOT / "book" / "_ext")))
    for name in ("one", "two"):
        (source / "notebooks" / f"{name}.png").write_bytes(name.encode())
    made = Site(tmp_path, monkeypatch)
    read, wrote = made.build("kept")
    assert read == wrote == sorted(TEXTS)
    return made


EDITS: dict[str, tuple[tuple[str, str], bool]] = {
    "a sentence": (("A xylophone plays.", "A violin plays."), False),
    "a word less, which no other page has": ((" A xylophone plays.".strip(), "It plays."), False),
    "a longer text": (("More.", "More.\n\nAnd more.\n\nAnd more still."), False),
    "another picture": (("one.png", "two.png"), False),
    "an entry of the index": (("first entry", "other entry"), False),
    "a heading that another page names": (("Its part\n--------", "Its share\n---------"), True),
    "a heading more": (("More.", "More.\n\nEnd\n---\n\nAll."), True),
}


@pytest.mark.parametrize(("change", "everywhere"), EDITS.values(), ids=EDITS)
def test_an_edit_gives_the_site_from_nothing_and_writes_what_moved(
    change: tuple[str, str], everywhere: bool, site: Site
) -> None:
    site.edit("notebooks/01_a", *change)
    read, wrote = site.build("kept", "01_a")
    assert read == ["index", "notebooks/01_a"]
    assert wrote == (sorted(TEXTS) if everywhere else ["index", "notebooks/01_a"])
    site.build("nothing")
    assert site.differences("nothing") == []


def test_edits_follow_each_other(site: Site) -> None:
    for name, (before, after) in {
        "01_a": ("xylophone", "violin"),
        "02_b": ("zeppelin", "balloon"),
    }.items():
        site.edit(f"notebooks/{name}", before, after)
        site.build("kept", name)
    site.edit("notebooks/01_a", "violin", "xylophone")
    site.build("kept", "01_a")
    site.build("nothing")
    assert site.differences("nothing") == []
    index = (site.folder / "kept" / "html" / "searchindex.js").read_text()
    assert "zeppelin" not in index and "balloon" in index and "xylophon" in index


def test_outputs_alone_are_read_where_they_are_named(site: Site) -> None:
    """A chapter whose text stands as it did is read for its outputs."""
    assert site.build("kept", "02_b")[0] == ["index", "notebooks/02_b"]


def test_a_planted_difference_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that show what moved and are not written again are what the comparison is for."""
    monkeypatch.setattr(reading, "_where_shown", lambda app, env: [])
    site.edit("notebooks/01_a", "Its part\n--------", "Its share\n---------")
    site.build("kept", "01_a")
    site.build("nothing")
    assert "notebooks/02_b.html" in site.differences("nothing")


def _app(out: Path, *finished: Path) -> SimpleNamespace:
    """A site that is written now, but for some pages."""
    return SimpleNamespace(
        outdir=out,
        doctreedir=out.parent,
        builder=SimpleNamespace(name="html"),
        course_before={path: path.stat().st_mtime_ns for path in finished},
    )


def test_figures_of_a_finished_page_are_listed_and_not_numbered_again(tmp_path: Path) -> None:
    page, listed = tmp_path / "notebooks" / "01_a.html", tmp_path / "book" / "questions.html"
    for path, text in {
        page: '<figure class="course-figure"><svg aria-label="It rises &lt; 1."></svg></figure>',
        listed: "<!--figures 01_a-->",
    }.items():
        path.parent.mkdir()
        path.write_text(text)
    figure_numbers.number_pages(_app(tmp_path), None)
    made = page.read_text(), listed.read_text()
    assert "It rises &lt; 1." in made[1] and "Figure 1.1" in made[0]
    listed.write_text("<!--figures 01_a-->")
    figure_numbers.number_pages(_app(tmp_path, page), None)
    assert (page.read_text(), listed.read_text()) == made


def test_rules_that_a_finished_page_needs_stay(tmp_path: Path) -> None:
    """What was taken out of it afterwards may have been all that names a class."""
    out = tmp_path / "html"
    page, other = out / "one.html", out / "two.html"
    sheets = [out / "_static" / name for name in lean_css.SHEETS]
    for path in sheets:
        path.parent.mkdir(parents=True, exist_ok=True)

    def rules(*finished: Path) -> set[str]:
        for path in sheets:
            path.write_text(".a{}.b{}.c{}")
        lean_css.lean_sheets(_app(out, *finished), None)
        return {path.read_text() for path in sheets}

    page.write_text('<p class="a">')
    other.write_text('<p class="b">')
    assert rules() == {".a{}.b{}"}
    page.write_text("<p>")
    other.write_text('<p class="c">')
    assert rules(page) == {".a{}.c{}"}
    assert rules() == {".c{}"}


def test_a_word_follows_from_content_alone() -> None:
    loop: list = [1]
    loop.append(loop)
    values = [
        {"a": 1, "b": [2]},
        {"a": 1, "b": [3]},
        {1, 2},
        [1, 2],
        [2, 1],
        ["12"],
        loop,
        Path("a"),
    ]
    values += [
        SimpleNamespace(a=1),
        SimpleNamespace(a=2),
        nodes.title("", "A"),
        nodes.title("", "B"),
    ]
    words = [reading.word_of(value) for value in values]
    assert len(set(words)) == len(values)
    assert words == [reading.word_of(pickle.loads(pickle.dumps(value))) for value in values]
    assert reading.word_of({"b": [2], "a": 1}) == words[0] and reading.word_of({2, 1}) == words[2]
