"""What lets a page live sooner, and that it changes neither the look nor what works."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from book._ext.quick_pages import (
    EARLY,
    LATE,
    joined_words,
    plain_kinds,
    settled,
    unblocked,
    without_unused,
)
from book._tools.paths import HTML

OPTIONS = "const DOCUMENTATION_OPTIONS = {};"
HEAD = """<html><head><script>first()</script>
  <link href="a.css" rel="stylesheet" />
  <script src="../_static/documentation_options.js?v=1"></script>
  <script src="../_static/doctools.js?v=2"></script>
  <script defer="defer" src="../_static/other.js"></script>
  <script>DOCUMENTATION_OPTIONS.x = 1;</script>
  <script type="application/json">{"a": 1}</script>
  <script data-course="widgets">window.a = 1;</script>
  <script src="../_static/page_loader.js?v=3"></script>
</head><body><p>text</p><script>own()</script></body></html>"""
SHEET = """html[data-theme="light"] .highlight { background: #fefefe; color: #080808 }
html[data-theme="light"] .highlight .n { color: #080808 } /* Name */
html[data-theme="light"] .highlight .p { color: #080808 }
html[data-theme="light"] .highlight .w { color: #080808; font-weight: bold }
html[data-theme="light"] .highlight .o { color: #00622F }
html[data-theme="dark"] .highlight { background: #2b2b2b; color: #F8F8F2 }
html[data-theme="dark"] .highlight .n { color: #F8F8F2 } /* Name */
html[data-theme="dark"] .highlight .p { color: #ABE338 }
html[data-theme="dark"] .highlight .w { color: #F8F8F2; font-weight: bold }"""

# At the moment at which a page says that its widgets are there: are they, and do they answer?
NOTE = """new MutationObserver((_, watch) => {
    const root = document.documentElement;
    if (root.dataset.widgets !== "ready") return;
    watch.disconnect();
    const forms = [...document.querySelectorAll(".cw-live form")];
    for (const form of forms) form.requestSubmit();
    const live = [...document.querySelectorAll(".cw-live")];
    window.atReady = {
        views: document.querySelectorAll('script[type$="widget-view+json"]').length,
        live: live.filter((one) => one.dataset.ready && one.querySelector(".cw-body > *")).length,
        static: [...document.querySelectorAll(".cw-static")].filter((one) => !one.hidden).length,
        dead: forms.filter((form) => !form.querySelector(".cw-verdict")).length,
        forms: forms.length,
        bootstrap: typeof bootstrap,
    };
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-widgets"]});"""
THEMES = """window.themes = [];
new MutationObserver(() => {
    const { theme } = document.documentElement.dataset;
    const drawn = performance.getEntriesByType("paint").length > 0;
    if (themes.at(-1)?.[0] !== theme) themes.push([theme, drawn]);
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-theme"]});"""

# When the widgets live: where the headings in sight are, and whether the last section must be laid
# out by then.
SECTIONS = "[...document.querySelectorAll('article.bd-article > section > section')]"
FIRST_VIEW = f"""new MutationObserver((_, watch) => {{
    const root = document.documentElement;
    if (root.dataset.widgets !== "ready") return;
    watch.disconnect();
    const sections = {SECTIONS};
    window.first = {{
        marked: root.dataset.view ?? "",
        // What it may leave out; whether it has done so is seen a frame later.
        laidOut: getComputedStyle(sections.at(-1)).contentVisibility === "visible",
        places: sections.map((one) => one.getBoundingClientRect().top).filter((top) => top < 900),
    }};
}}).observe(document, {{subtree: true, attributes: true, attributeFilter: ["data-widgets"]}});"""


def test_scripts_do_not_hold_up_a_page_and_keep_their_order() -> None:
    page = unblocked(HEAD, OPTIONS)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    texts = [text or re.findall(r"(\w+)\.js", about)[0] for about, text in scripts]
    assert texts == [
        "first()",
        OPTIONS,
        "DOCUMENTATION_OPTIONS.x = 1;",
        "page_loader",
        "doctools",
        "other",
        "own()",
        '{"a": 1}',
        "window.a = 1;",
    ]
    assert all("defer" in about for about, text in scripts if not text)
    assert page.index("page_loader") < page.index("a.css") < page.index("doctools")
    assert page.index("</p>") < page.index('{"a": 1}') and page.endswith(
        "</script>\n</body></html>"
    )
    assert unblocked(page, OPTIONS) == page
    assert unblocked("<p>text</p>", OPTIONS) == "<p>text</p>"


def test_a_page_with_its_script_is_marked_before_its_style_sheets_once() -> None:
    script = '<script defer src="../_static/first_view.js"></script>'
    page = unblocked(HEAD.replace("</head>", f"{script}</head>"), OPTIONS)
    assert 0 < page.index('dataset.view="first"') < page.index("a.css")
    assert unblocked(page, OPTIONS) == page and page.count("dataset.view") == 1
    assert "dataset.view" not in unblocked(HEAD, OPTIONS)


def test_the_theme_is_settled_where_it_is_named_first() -> None:
    assert settled(f"<script>{LATE}</script>") == f"<script>{EARLY}</script>"
    assert settled("<p>text</p>") == "<p>text</p>"
    with pytest.raises(ValueError, match="see how they set data-theme now"):
        settled('<script>document.documentElement.dataset.theme = "another way";</script>')


def test_words_that_look_like_their_surroundings_lose_their_element() -> None:
    assert plain_kinds(SHEET) == {"n"}
    assert plain_kinds("") == set()
    code = '<span class="n">x</span> <span class="o">=</span><span class="n">y</span>'
    page = joined_words(f"<p>{code}</p><pre><span></span>{code}</pre>", {"n"})
    assert page == f'<p>{code}</p><pre><span></span>x <span class="o">=</span>y</pre>'
    assert joined_words(code, set()) == code


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("", ""),
        ("<pre>x</pre>", "copybutton.js"),
        ('<div class="toggle docutils">', "togglebutton.js"),
        ('<div class="note admonition dropdown">', "togglebutton.js"),
        ('<details class="toggle-details">', "togglebutton.js"),
        ('<div class="dropdown-toggle dropdown">', ""),
        ('<div class="sd-tab-set">', "design-tabs.js"),
    ],
)
def test_a_page_asks_for_what_it_can_use(body: str, kept: str) -> None:
    names = ("copybutton.js", "togglebutton.js", "design-tabs.js")
    asked = "".join(f'<script defer src="../_static/{name}?v=1"></script>' for name in names)
    page = without_unused(f'{asked}<script src="../_static/a.js"></script>{body}')
    assert re.findall(r"(\w[\w-]*\.js)", page) == [*([kept] if kept else []), "a.js"]


@pytest.mark.usefixtures("site")
def test_no_page_is_held_up_by_a_script() -> None:
    for path in (one for one in HTML.rglob("*.html") if "_static" not in one.parts):
        head = path.read_text(encoding="utf-8").partition("</head>")[0]
        sources = re.findall(r"<script[^>]*\ssrc=[^>]*>", head)
        assert [one for one in sources if " defer" not in one] == [], path.name
        after = head[head.find('rel="stylesheet"') :]
        assert "<script>" not in after, path.name


@pytest.mark.parametrize(
    "path",
    ["01_relevance", "06_attention", "11_generative_configuration", "18_multi_gpu_zero"],
)
def test_widgets_that_are_called_ready_answer(path: str, opener: Callable) -> None:
    """Each is drawn, and each question judges what is sent, before the theme's scripts have run."""
    opened = opener("404.html")
    opened.page.add_init_script(NOTE)
    opened.page.goto(f"{opened.site}/notebooks/{path}.html", wait_until="load")
    seen = opened.page.evaluate("window.atReady")
    opened.page.context.close()
    assert seen["views"] == seen["live"] > 5 and seen["static"] == 0
    assert seen["dead"] == 0 < seen["forms"]
    assert seen["bootstrap"] == "undefined"


@pytest.mark.parametrize(("system", "kept"), [("light", ""), ("dark", ""), ("light", "dark")])
def test_a_page_is_drawn_in_one_theme_from_the_beginning(
    system: str, kept: str, opener: Callable
) -> None:
    opened = opener("404.html", color_scheme=system)
    opened.page.evaluate("(mode) => mode && localStorage.setItem('mode', mode)", kept)
    opened.page.add_init_script(THEMES)
    opened.page.goto(f"{opened.site}/notebooks/18_multi_gpu_zero.html", wait_until="load")
    themes = opened.page.evaluate("window.themes")
    opened.page.context.close()
    assert [theme for theme, drawn in themes if theme != "auto"] == [kept or system]
    assert not any(drawn for _, drawn in themes)


@pytest.fixture
def first_view(opener: Callable) -> Iterator[Page]:
    """A page that tells what was laid out when its widgets came to life."""
    page = opener("404.html").page
    page.add_init_script(FIRST_VIEW)
    yield page
    page.context.close()


def whole(page: Page) -> list[float]:
    """Wait until all of a page is laid out; where each section begins."""
    page.wait_for_function("!document.documentElement.dataset.view")
    assert page.evaluate(f"{SECTIONS}.every((one) => !one.getAttribute('style'))")
    return page.evaluate(f"{SECTIONS}.map((one) => one.getBoundingClientRect().top + scrollY)")


@pytest.mark.parametrize("path", ["06_attention", "18_multi_gpu_zero"])
def test_the_first_screens_live_before_the_rest_is_laid_out_and_do_not_move(
    path: str, first_view: Page, site: str
) -> None:
    first_view.route("**/*.woff2", lambda route: route.abort())  # its coming moves lines, too
    first_view.goto(f"{site}/notebooks/{path}.html")
    anew = whole(first_view)
    seen = first_view.evaluate("window.first")
    assert seen["marked"] == "first" and not seen["laidOut"]
    assert len(seen["places"]) >= 2
    assert anew[: len(seen["places"])] == pytest.approx(seen["places"], abs=1)
    first_view.reload()
    assert whole(first_view) == pytest.approx(anew, abs=1)
    again = first_view.evaluate("window.first")
    assert again["marked"] == "" and again["laidOut"]


def test_a_reader_who_comes_back_or_follows_a_link_is_where_the_link_leads(
    first_view: Page, site: str
) -> None:
    address = f"{site}/notebooks/06_attention.html"
    first_view.goto(address, wait_until="commit")
    first_view.locator("#pst-page-toc-nav a").last.wait_for(state="attached")
    first_view.evaluate("[...document.querySelectorAll('#pst-page-toc-nav a')].at(-1).click()")
    place = first_view.evaluate("location.hash")
    whole(first_view)
    where = f"document.querySelector({place!r}).getBoundingClientRect().top"
    assert -5 < first_view.evaluate(where) < 300
    first_view.goto(f"{site}/404.html")
    first_view.goto(f"{address}{place}")
    assert first_view.evaluate("window.first.marked") == ""
    assert -5 < first_view.evaluate(where) < 300
    first_view.evaluate("scrollBy(0, -3000)")
    here = first_view.evaluate("scrollY")
    first_view.reload()
    assert first_view.evaluate("window.first.marked") == ""
    first_view.wait_for_function("(here) => Math.abs(scrollY - here) < 5", arg=here)


def test_what_is_not_in_sight_is_printed_and_shown_without_javascript(opener: Callable) -> None:
    look = f"getComputedStyle({SECTIONS}.at(-1)).contentVisibility"
    opened = opener("notebooks/06_attention.html")
    page = opened.page
    page.evaluate("document.documentElement.dataset.view = 'first'")
    assert page.evaluate(look) == "auto"
    page.emulate_media(media="print")
    assert page.evaluate(look) == "visible"
    page.emulate_media(media="screen")
    assert page.evaluate(look) == "auto"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(look) == "visible"
    page.context.close()
    opened = opener("notebooks/06_attention.html", settle=False, java_script_enabled=False)
    last = opened.page.locator("article.bd-article > section > section").last
    assert last.evaluate("(node) => getComputedStyle(node).contentVisibility") == "visible"
    opened.page.context.close()
