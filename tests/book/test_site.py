"""The written pages as files: links, anchors, what they load."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import sphinx

from book._ext.course_theme import lighten, reader_minutes, repair_html, without_menus
from book._tools.paths import HTML

PAGES = sorted(path for path in HTML.rglob("*.html") if "_static" not in path.parts)
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
LINK_KINDS = {"stylesheet", "preload", "icon", "modulepreload", "shortcut"}


class Document(HTMLParser):
    """Links, ids and loaded addresses of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.twice: list[str] = []
        self.loads: list[str] = []
        self.images_without_text: list[str] = []
        self.tags: set[str] = set()
        self.language = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if tag == "html":
            self.language = found.get("lang", "")
        if "id" in found:
            if found["id"] in self.ids:
                self.twice.append(found["id"])
            self.ids.add(found["id"])
        if tag == "a" and "name" in found:
            self.ids.add(found["name"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        kinds = set(found.get("rel", "").split())
        if tag in LOADS and LOADS[tag] in found and (tag != "link" or kinds & LINK_KINDS):
            self.loads.append(found[LOADS[tag]])
        if (
            tag == "img"
            and not found.get("alt", "").strip()
            and found.get("role") != "presentation"
        ):
            self.images_without_text.append(found.get("src", "")[:80])


@pytest.fixture(scope="module")
def documents(site: str) -> dict[Path, Document]:
    return {path: Document(path) for path in PAGES}


def test_links_and_anchors_lead_somewhere(documents: dict[Path, Document]) -> None:
    broken = []
    for path, document in documents.items():
        for link in document.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append(f"{path.name}: {link}")
            elif parts.fragment and target in documents:
                if unquote(parts.fragment) not in documents[target].ids:
                    broken.append(f"{path.name}: {link}")
    assert broken == []


def test_no_two_parts_of_a_page_have_one_name(
    documents: dict[Path, Document], tmp_path: Path
) -> None:
    assert {path.name: d.twice for path, d in documents.items() if d.twice} == {}
    (tmp_path / "planted.html").write_text("<p id='a'></p><i id='b'></i><b id='a'></b>")
    assert Document(tmp_path / "planted.html").twice == ["a"]


def test_pages_load_from_this_site_only(documents: dict[Path, Document]) -> None:
    outside = [
        (path.name, load)
        for path, document in documents.items()
        for load in document.loads
        if urlsplit(load).netloc
    ]
    assert outside == []


def test_every_image_has_a_text(documents: dict[Path, Document]) -> None:
    found = {p.name: d.images_without_text for p, d in documents.items() if d.images_without_text}
    assert found == {}


def test_pages_say_their_language_and_title(documents: dict[Path, Document]) -> None:
    assert [p.name for p, d in documents.items() if not d.language or "title" not in d.tags] == []


def test_launch_buttons_open_the_notebook() -> None:
    for path in (HTML / "notebooks").glob("*.html"):
        page = path.read_text()
        assert re.search(rf"mybinder\.org/v2/gh/[^\"]+lab/tree/notebooks/{path.stem}\.ipynb", page)
        assert re.search(rf"colab\.research[^\"]+/notebooks/{path.stem}\.ipynb", page)


def test_chapters_say_what_they_cost() -> None:
    for path in (HTML / "notebooks").glob("*.html"):
        assert re.search(r"Running the notebook took \d+ s and \d\.\d\d GB", path.read_text())


def test_the_reader_estimate_counts_words_and_exercises() -> None:
    words = "word " * 400
    assert reader_minutes(words) == 2
    assert reader_minutes(words + '\nexercises.load("06.c", v=1)') == 10
    assert reader_minutes(words + "\n```{code-cell}\n" + "x = 1\n" * 900 + "```\n") == 2


def test_the_repairs_change_what_they_name_and_nothing_else() -> None:
    field = (
        '<button class="btn search-button-field x" title="Search" aria-label="Search" data-a="b">'
    )
    assert 'aria-label="Search"' not in repair_html(field)
    icon = '<button class="btn search-button" title="Search" aria-label="Search">'
    assert repair_html(icon) == icon
    logo = '<div class="sidebar-primary-item">\n<a class="navbar-brand logo" href="#">'
    assert 'role="navigation"' in repair_html(logo)
    assert repair_html("<p>text</p>") == "<p>text</p>"


INDEX = '<script src="../searchindex.js?v=1"></script>'


@pytest.mark.parametrize("searching", [True, False])
def test_a_page_loads_the_index_only_where_it_is_used(searching: bool) -> None:
    page = lighten(f"{INDEX}<p></p>", searching=searching)
    assert (INDEX in page) == searching and page.endswith("<p></p>")


def test_no_page_and_no_file_of_the_site_knows_of_mathjax(documents: dict[Path, Document]) -> None:
    """Formulas are in the pages. A class of the widgets keeps Jupyter's own MathJax out of them."""
    loads = [load for document in documents.values() for load in document.loads]
    assert [load for load in loads if "mathjax" in load.lower()] == []
    assert [path for path in (HTML / "_static").rglob("*") if "mathjax" in path.name.lower()] == []
    for path in documents:
        assert "window.MathJax" not in path.read_text(encoding="utf-8"), path


def test_search_leaves_menus_out_of_its_excerpts() -> None:
    """In the script of the installed Sphinx, and in no other."""
    folder = Path(sphinx.__file__).parent / "themes" / "basic" / "static"
    script = (folder / "searchtools.js").read_text(encoding="utf-8")
    changed = without_menus(script)
    assert ".bd-header-article" in changed and ".bd-header-article" not in script
    with pytest.raises(ValueError, match="how it makes excerpts now"):
        without_menus(changed)


def test_an_attribute_with_a_colon_keeps_its_whole_comment() -> None:
    """Napoleon takes what stands before a colon for a type, so the reference is looked at."""
    page = (HTML / "book" / "api" / "model.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "K, width of one head; None: d_model / n_heads" in text
    assert re.findall(r"Type: ?[a-zA-Z, ]{20,}", text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HTML)))
def test_every_icon_is_drawn(page: Path) -> None:
    """An icon that the build did not fill is an invisible button."""
    assert re.findall(r'<i class="fa[^"]*"[^>]*>\s*</i>', page.read_text(encoding="utf-8")) == []
