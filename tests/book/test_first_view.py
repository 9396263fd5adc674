"""What is left out of the first view, and what a reader sees who does not wait for it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from book._ext.quick_pages import FIRST_VIEW
from book._tools.paths import ROOT

ASSETS = ROOT / "book" / "assets"
THEME = (ASSETS / "theme.css").read_text()
SCRIPT = (ASSETS / "first_view.js").read_text()
SECTIONS = "[...document.querySelectorAll('article.bd-article > section > section')]"
PART = "<section><h2>Part {}</h2>{}</section>"
LINES = "".join(f"<p>line {n}</p>" for n in range(120))
WAIT = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))"


@pytest.fixture
def opened(browser: Browser) -> Iterator[Page]:
    """A page whose last picture is on its way until `arrive` is called."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    held: list = []
    page.route("**/last.png", lambda route: held.append(route))
    text = "".join(PART.format(n, LINES) for n in range(8))
    page.route(
        "**/page.html",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"<!doctype html><html data-view='first'><style>html {{ scroll-behavior: smooth }}"
            f"{THEME}</style><article class='bd-article'><section><h1>Page</h1>{text}</section>"
            f"</article><img src='last.png' hidden><script>{SCRIPT}</script></html>",
        ),
    )
    page.goto("http://course.test/page.html", wait_until="commit")
    page.locator("img").wait_for(state="attached")
    page.evaluate(WAIT)
    page.arrive = lambda: [route.abort() for route in held]  # type: ignore[attr-defined]
    yield page
    page.close()


LOOK = """() => {
    const at = (y) => document.elementFromPoint(640, y).closest("p");
    for (let y = 250; !window.seen; y += 5) window.seen = at(y);
    return window.seen.getBoundingClientRect().top;
}"""


@pytest.mark.parametrize("anchoring", [True, False], ids=["browser anchors", "browser does not"])
@pytest.mark.parametrize("how", ["down", "up", "a link in a new tab"])
def test_what_a_reader_looks_at_stays_when_the_rest_is_laid_out(
    opened: Page, anchoring: bool, how: str
) -> None:
    page = opened
    if not anchoring:  # as in Safari
        page.add_style_tag(content="* { overflow-anchor: none !important }")
    page.evaluate("scrollTo({ top: 1e6, behavior: 'instant' })")
    page.evaluate(WAIT)
    if how == "up":
        page.evaluate("scrollBy({ top: -1500, behavior: 'instant' })")
        page.evaluate(WAIT)
    before = page.evaluate(LOOK)
    high = page.evaluate("document.documentElement.scrollHeight")
    assert page.evaluate("document.documentElement.dataset.view") == "first"
    if how == "a link in a new tab":  # it is followed elsewhere, and this page stays where it is
        page.evaluate(
            """() => {
                const link = Object.assign(document.createElement("a"), { href: "#there" });
                document.body.append(link);
                link.addEventListener("click", (event) => event.preventDefault());
                link.click();
            }"""
        )
    page.arrive()  # type: ignore[attr-defined]
    page.wait_for_function("!document.documentElement.dataset.view")
    page.evaluate(WAIT)
    assert page.evaluate("document.documentElement.scrollHeight") > high + 3000
    assert page.evaluate(LOOK) == pytest.approx(before, abs=5)
    assert page.evaluate(f"{SECTIONS}.every((one) => !one.getAttribute('style'))")
    assert page.evaluate("document.documentElement.getAttribute('style') || ''") == ""


def test_a_reader_at_the_top_is_not_moved(opened: Page) -> None:
    places = opened.evaluate(f"{SECTIONS}.slice(0, 2).map((s) => s.getBoundingClientRect().top)")
    opened.arrive()  # type: ignore[attr-defined]
    opened.wait_for_function("!document.documentElement.dataset.view")
    assert opened.evaluate("scrollY") == 0
    now = opened.evaluate(f"{SECTIONS}.slice(0, 2).map((s) => s.getBoundingClientRect().top)")
    assert now == places


@pytest.mark.parametrize(("high", "left_out"), [(700, 3), (1200, 3), (1201, 5), (2200, 5)])
def test_a_tall_window_shows_more_of_a_page_as_it_stays(
    opened: Page, high: int, left_out: int
) -> None:
    """Margins that meet around a section that may be left out are two, and later one."""
    opened.set_viewport_size({"width": 1280, "height": high})
    auto = opened.evaluate(
        f"{SECTIONS}.map((one) => getComputedStyle(one).contentVisibility === 'auto')"
    )
    assert auto == [n + 1 >= left_out for n in range(8)]


@pytest.mark.parametrize("words", [True, False])
def test_a_place_named_by_its_words_is_found(browser: Browser, words: bool) -> None:
    """A link of a search engine to words of a section that is left out at first."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    text = "".join(PART.format(n, LINES) for n in range(8)) + PART.format(
        8, "<p>the words here</p>"
    )
    place = "#:~:text=the%20words%20here" if words else ""
    pages = {
        "http://course.test/page.html": f"<!doctype html><html><head>{FIRST_VIEW}<style>{THEME}"
        f"</style></head><body><article class='bd-article'><section>{text}</section></article>"
        f"<script>{SCRIPT}</script></body></html>",
        "http://search.test/": "<!doctype html><meta name='referrer' content='origin'><a "
        f"rel='noopener' href='http://course.test/page.html{place}'>found</a>",
    }
    page.route(
        "**/*",
        lambda route: route.fulfill(
            content_type="text/html", body=pages.get(route.request.url.partition("#")[0], "")
        ),
    )
    try:
        page.goto("http://search.test/")
        page.get_by_role("link").click()
        page.wait_for_url("http://course.test/**")
        page.wait_for_function("document.readyState === 'complete'")
        page.wait_for_function("!document.documentElement.dataset.view")
        page.wait_for_timeout(500)  # whoever is moved later is moved while reading
        top = page.evaluate(
            "[...document.querySelectorAll('p')].at(-1).getBoundingClientRect().top"
        )
        assert (0 < top < 900) is words
    finally:
        page.close()


# Asked of the machine, not of the sheet, whose own faces are what is tested.
HAS_ARIAL = """() => new FontFace("probe", "local('Arial'), local('Liberation Sans')")
    .load().then(() => true, () => false)"""


@pytest.mark.parametrize("mark", ["span", "strong", "em"])
@pytest.mark.parametrize("width", [330, 592])
def test_no_line_ends_elsewhere_once_the_typeface_is_there(
    browser: Browser, mark: str, width: int
) -> None:
    """Text that stood in a wider one took up to a third less room then, and the page jumped."""
    page, held = browser.new_page(), []
    page.route("**/*.woff2", lambda route: held.append(route))
    text = (ROOT / "book" / "06_attention.md").read_text().split()
    words = " ".join([word for word in text if word.strip(".,:").isalpha()][:600])
    page.route(
        "**/page.html",
        lambda route: route.fulfill(
            content_type="text/html; charset=utf-8",
            body=f"<!doctype html><style>{(ASSETS / 'course.css').read_text()}{THEME}</style>"
            f"<p style='font: 400 18px/28px var(--type-text); width: {width}px; margin: 0'>"
            f"<{mark}>{words}</{mark}></p>",
        ),
    )
    page.goto("http://course.test/page.html", wait_until="commit")
    lines = "document.querySelector('p').getBoundingClientRect().height / 28"
    page.wait_for_function(f"() => document.querySelector('p') && {lines} > 10")
    page.evaluate(WAIT)
    if not page.evaluate(HAS_ARIAL):
        pytest.skip("this machine has neither Arial nor Liberation Sans")
    assert page.evaluate("[...document.fonts].some((f) => f.status === 'loaded')")
    before = page.evaluate(lines)
    assert held
    for route in held:
        route.fulfill(path=ASSETS / "vendor" / "fonts" / route.request.url.rsplit("/", 1)[1])
    page.evaluate("document.fonts.ready.then(() => null)")
    page.evaluate(WAIT)
    assert page.evaluate(lines) == pytest.approx(before, rel=0.03)
    page.close()
