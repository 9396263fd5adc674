"""The book on paper and in one file, on a small site made here."""

import socket
import subprocess
import sys
import threading
import urllib.request
import zipfile
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from book._tools import one_page, paths, pdf, take_along
from book._tools.paths import CommandError

FIRST = """<html><head><link rel="stylesheet" href="../_static/a.css?v=1"></head><body>
<article class="bd-article"><h1 id="top">One<a class="headerlink" href="#top">#</a></h1>
<p><a href="../notebooks/two.html#place">there</a> <a href="api/model.html">left out</a>
<a href="two_b.html">no such</a> <a href="https://example.org/">web</a> <a href="#top">here</a></p>
<img src="../_static/a.png" alt="a"><svg><clipPath id="c"></clipPath><g clip-path="url(#c)"></g>
<use xlink:href="#c"></use></svg></article></body></html>"""
SECOND = """<html><head><link rel="stylesheet" href="../_static/a.css?v=1">
<link rel="stylesheet" href="../_static/b.css"><script src="x.js"></script>
</head><body><article class="bd-article"><h1 id="top">Two</h1><p id="place">p</p>
<div class="cell"><div class="cell_input">exercises.load("02.a")</div><div class="cw-static">
<div class="cw"><span class="cw-badge">Question · 02.a</span><b class="cw-title">Which?</b>
<details><summary>Answer and reason</summary><p>that one</p></details>
<details><summary>Hint 1: i &lt;b</summary><p>look</p></details></div></div></div>
<div class="cell"><div class="cell_input">a = 1
b = 2</div></div>
<details id="code"><summary>docstring</summary><p>says</p></details>
<figure><svg class="figure-wide"></svg><svg class="figure-narrow"></svg></figure>
<details><summary>The same as a table</summary></details><script>x</script></article></body>
</html>"""
CONTENTS = [("", ["book/one"]), ("A part", ["notebooks/two"])]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in (("book/one", FIRST), ("notebooks/two", SECOND)):
        path = tmp_path / "site" / f"{name}.html"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "site" / "index.html").write_text("start")
    (tmp_path / "site" / ".stamp").write_text("no page")
    return tmp_path / "site"


@pytest.fixture
def document(site: Path) -> BeautifulSoup:
    return BeautifulSoup(one_page.assemble(site, CONTENTS), "html.parser")


def test_ids_are_those_of_their_page_and_all_that_names_one_follows(document) -> None:
    ids = [element["id"] for element in document.select("[id]")]
    assert len(ids) == len(set(ids))
    inside = [a["href"][1:] for a in document.select("a[href^='#']")]
    assert set(inside) <= set(ids) and "notebooks-two--place" in inside
    assert document.select_one("g")["clip-path"] == "url(#book-one--c)"
    assert document.select_one("use")["xlink:href"] == "#book-one--c"


def test_a_link_to_a_page_that_is_not_here_is_text(document) -> None:
    assert [a.get_text() for a in document.select("a:not([href])")] == ["left out", "no such"]
    assert document.select_one("a[href^=https]").get_text() == "web"


def test_hints_and_answers_come_at_the_end_of_the_chapter(document) -> None:
    chapter = document.select_one("#notebooks-two")
    assert not chapter.select(".cw details")
    answers = chapter.select_one("section.answers")
    assert answers is list(chapter.children)[-1]
    assert answers.get_text(" ", strip=True) == (
        "Hints and answers Question · 02.a · Which? Hint 1: i <b look Answer and reason that one"
    )


def test_what_is_for_a_screen_is_left_out_and_the_rest_unfolded(document) -> None:
    for left_out in ("article script", ".headerlink", ".figure-narrow", "details:not([open])"):
        assert document.select(left_out) == []
    text = document.get_text()
    assert "exercises.load" not in text and "b = 2" in text and "says" in text


def test_a_table_longer_than_a_sheet_may_break(site: Path) -> None:
    page = site / "notebooks" / "two.html"
    tables = [f"<table class='table'>{'<tr><td>a</td></tr>' * n}</table>" for n in (20, 21)]
    page.write_text(SECOND.replace('<p id="place">', f'{"".join(tables)}<p id="place">'))
    document = BeautifulSoup(one_page.assemble(site, CONTENTS), "html.parser")
    assert [table["class"] for table in document.select("table")] == [
        ["table"],
        ["table", "breaks"],
    ]


def test_it_loads_from_the_root_what_its_pages_load_for_their_looks(document) -> None:
    sheets = [link["href"] for link in document.select("link")]
    assert sheets == ["/_static/a.css", "/_static/b.css"]
    assert document.select_one("img")["src"] == "/_static/a.png"
    assert document.select("script") == []


def test_the_contents_name_every_page_and_the_reference_stays_on_the_site(document) -> None:
    cover = document.select_one("#cover")
    assert [a.get_text() for a in cover.select("a")] == ["One", "Two"]
    assert "A part" in cover.get_text()
    names = [name for _, pages in one_page.parts() for name in pages]
    assert "book/intro" in names and not any("api" in name for name in names)
    assert sum(name.startswith("notebooks/") for name in names) == 20


def test_a_page_that_is_missing_is_named(site: Path) -> None:
    with pytest.raises(CommandError, match=r"three\.html; run: make book"):
        one_page.assemble(site, [("", ["book/three"])])


GOOD = pdf.Facts(pages=3, entries=4, links=5, figures=2, tagged=True, language="en", foreign=0)
SEEN = {"broken": [], "twice": [], "lost": [], "formulas": [], "figures": 2}


def test_a_pdf_without_faults_passes() -> None:
    pdf.check(SEEN, GOOD)


@pytest.mark.parametrize(
    ("seen", "facts", "said"),
    [
        ({"broken": ["book-one--x"]}, {}, "broken: book-one--x"),
        ({"twice": ["top"]}, {}, "twice: top"),
        ({"formulas": ["\\sqrt"]}, {}, "formulas"),
        ({}, {"tagged": False}, "not tagged"),
        ({}, {"entries": 0}, "no outline"),
        ({}, {"figures": 1}, "1 of 2 figures"),
        ({}, {"foreign": 1}, "lead to this machine"),
    ],
)
def test_a_pdf_with_a_fault_is_refused(seen: dict, facts: dict, said: str) -> None:
    with pytest.raises(CommandError, match=said.replace("\\", "\\\\")):
        pdf.check({**SEEN, **seen}, pdf.Facts(**{**vars(GOOD), **facts}))


def test_the_same_site_packs_to_the_same_bytes(site: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert take_along.pack(site, first) == take_along.pack(site, second) == 5
    assert first.read_bytes() == second.read_bytes()
    names = zipfile.ZipFile(first).namelist()
    folder = take_along.NAME
    assert f"{folder}/serve.py" in names and f"{folder}/notebooks/two.html" in names
    assert not any(".stamp" in name for name in names)


def test_without_a_site_nothing_is_packed(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="run: make book"):
        take_along.pack(tmp_path, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_a_target_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.pdf").write_text("an older one")
    paths.check_target(tmp_path / "a.pdf")
    with pytest.raises(CommandError, match="none is no folder"):
        paths.check_target(tmp_path / "none" / "a.pdf")
    with pytest.raises(CommandError, match="is a folder; name a file in it"):
        paths.check_target(tmp_path)
    monkeypatch.setattr(paths.os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(CommandError, match="you may not write in"):
        paths.check_target(tmp_path / "a.pdf")


@pytest.mark.processes
@pytest.mark.parametrize("port", ["taken", "x", "99999"])
def test_a_port_that_cannot_be_had_is_said(tmp_path: Path, port: str) -> None:
    (tmp_path / "serve.py").write_text(take_along.SERVE, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        chosen = str(taken.getsockname()[1]) if port == "taken" else port
        command = [sys.executable, "-I", str(tmp_path / "serve.py"), chosen]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and f"Cannot listen on port {chosen}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.processes
def test_what_was_packed_is_shown_by_one_line(site: Path, tmp_path: Path) -> None:
    take_along.pack(site, tmp_path / "a.zip")
    zipfile.ZipFile(tmp_path / "a.zip").extractall(tmp_path)
    code = "import runpy, webbrowser; webbrowser.open = print; "
    code += "runpy.run_path('serve.py', run_name='__main__')"
    (tmp_path / take_along.NAME / "part.mjs").write_text("")
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path / take_along.NAME,
        stdout=subprocess.PIPE,
        text=True,
    )
    ends = threading.Timer(20, running.kill)
    ends.start()
    try:
        address = running.stdout.readline().split()[0]
        assert urllib.request.urlopen(address).read() == b"start"
        module = urllib.request.urlopen(f"{address}part.mjs")
        assert module.headers["Content-Type"] == "text/javascript"
    finally:
        ends.cancel()
        running.kill()
        running.communicate()
