"""Every page in a real browser: offline, silent, accessible, narrow, and without JavaScript."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from book._tools.paths import HTML
from tests.looks import COLOURS

CHAPTERS = sorted(str(path.relative_to(HTML)) for path in (HTML / "notebooks").glob("*.html"))
FRONT = sorted(
    str(path.relative_to(HTML)) for path in (HTML / "book").rglob("*.html") if path.is_file()
)
WEIGHT_LIMIT_BYTES = 350_000  # compressed, as a server sends it
SMALLEST_LABEL_PIXELS = 11
PHONE, DESKTOP = 390, 1280
FOUR_TIMES = 320  # what a screen of 1280 pixels has left when everything is four times as large

# Of each table: whether it goes on to the right, and whether it fades there before and at its end.
FADES = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const fade = (node) => parseFloat(getComputedStyle(node).getPropertyValue("--more"));
    const found = [];
    for (const fold of document.querySelectorAll("article details")) fold.open = true;
    for (const node of document.querySelectorAll("article [role=region]")) {
        const before = fade(node), more = node.scrollWidth - node.clientWidth;
        node.scrollLeft = more;
        await frame();
        await frame();
        found.push([more > 0, before > 0, fade(node) > 0]);
    }
    return found;
}"""

RAW_TABLE = re.compile(r"\|\s*(?:[:—-]\s*){1,}[—-]*:?\s*\|")
CUT_LINES = """() => [...document.querySelectorAll("article pre")]
    .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.textContent.slice(0, 60))"""
# A program in a box has its lines whole on a narrow page: tests/widgets/test_code_exercise.py.
SIDEWAYS = """() => [...document.querySelectorAll(
        "article .figure-box, article textarea, .prev-next-area > a, .look-next > span")]
    .filter((node) => innerWidth > 1024 || !node.matches(".cw-program"))
    .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
    .map((node) => `${node.className}: ${node.textContent.trim().slice(0, 60)}`)"""
SMALL_LABELS = """(least) => [...document.querySelectorAll("article svg text")]
    .filter((node) => node.checkVisibility() && node.textContent.trim())
    .map((node) => [node.textContent.trim(), parseFloat(getComputedStyle(node).fontSize) *
        Math.hypot(node.getScreenCTM().a, node.getScreenCTM().b)])
    .filter(([, pixels]) => pixels < least)
    .map(([text, pixels]) => `${text} ${pixels.toFixed(0)}`)"""

# TeX that shows, an element of MathML that the browser does not know, and parts in another order
# than the one they are read in.
FORMULA_FAULTS = r"""() => {
    const found = [];
    const article = document.querySelector("article") ?? document.body;
    const walk = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    for (let node; (node = walk.nextNode()); )
        if (!node.parentElement.closest("pre, code, script, style, annotation, .cw")
                && /\\[([]|\$[^\s\d]|\\[a-z]{2,}/.test(node.data)) found.push(`TeX: ${node.data}`);
    for (const math of document.querySelectorAll("math")) {
        const box = math.getBoundingClientRect();
        if (math.checkVisibility() && !(box.width && box.height)) found.push("no size");
        for (const note of math.querySelectorAll("annotation"))
            if (note.checkVisibility()) found.push("its TeX shows");
    }
    for (const box of document.querySelectorAll("div.math")) {
        const places = [...box.querySelectorAll("math")].map((m) => m.getBoundingClientRect());
        places.slice(1).forEach((b, i) => {
            const below = b.top >= places[i].bottom;
            if (b.left < places[i].right && !below) found.push("parts out of order");
        });
    }
    return found;
}"""

CROSSED_LABELS = """() => [...document.querySelectorAll("article figure svg")].flatMap((svg) => {
    const words = [...svg.querySelectorAll("text")]
        .filter((node) => node.checkVisibility() && node.textContent.trim())
        .map((node) => [node.textContent.trim(), node.getBoundingClientRect()]);
    return words.flatMap(([word, a], i) => words.slice(i + 1)
        .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 4
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 8)
        .map(([other]) => `${word} over ${other}`));
})"""

pytestmark = pytest.mark.usefixtures("site")


def test_there_are_pages() -> None:
    assert len(CHAPTERS) >= 3 and len(FRONT) >= 5
    assert {Path(page).stem for page in CHAPTERS} >= {"01_relevance", "06_attention"}


@pytest.fixture(scope="module", params=[*FRONT, *CHAPTERS])
def opened(request: pytest.FixtureRequest, opener: Callable) -> Iterator:
    """One page at desktop width, loaded once for all the tests that leave it as it was."""
    one = opener(request.param)
    # A colour half-way between two themes is no one's choice.
    one.page.add_style_tag(content="* { transition: none !important; }")
    yield one
    one.page.context.close()


def test_the_page_asks_no_other_host_and_is_silent(opened) -> None:
    assert opened.outside == []
    assert opened.problems == []


def test_the_first_load_is_light(opened) -> None:
    assert opened.bytes_received > 50_000
    assert 50_000 < opened.compressed_bytes() < WEIGHT_LIMIT_BYTES


def test_the_page_loads_only_what_it_uses(opened) -> None:
    formulas = opened.page.locator(".math").count()
    assert any("course-math" in url for url in opened.asked) == (formulas > 0)
    assert not any("searchindex" in url or "mathjax" in url.lower() for url in opened.asked)


def test_formulas_are_drawn_spoken_and_in_their_order(opened) -> None:
    boxes = opened.page.locator(".math").count()
    assert opened.page.get_by_role("math").count() >= boxes
    assert opened.page.evaluate(FORMULA_FAULTS) == []


def test_no_table_shows_as_raw_marks(opened) -> None:
    text = opened.page.locator("article").inner_text()
    assert RAW_TABLE.findall(text) == []


def test_a_section_that_may_be_left_out_at_first_begins_out_of_sight(opened) -> None:
    """Windows as high as theme.css takes them to be, where it leaves sections out."""
    opened.at(DESKTOP)
    tops = opened.page.evaluate(
        """[...document.querySelectorAll("article.bd-article > section > section")]
            .map((one) => one.getBoundingClientRect().top + scrollY)"""
    )
    assert all(top > 75 * 16 for top in tops[2:])
    assert all(top > 140 * 16 for top in tops[4:])


def test_no_label_of_a_figure_lies_over_another(opened) -> None:
    opened.at(DESKTOP)
    assert opened.page.evaluate(CROSSED_LABELS) == []


def test_every_widget_comes_to_life(opened) -> None:
    """Each widget view of the page is rendered by the page's own loader."""
    opened.at(DESKTOP)
    views = opened.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    assert views > 0 or opened.path in FRONT
    assert opened.page.locator(".cw-live[data-ready=true]").count() == views


@pytest.fixture(scope="module")
def good_looks() -> defaultdict[tuple[int, str], set[int]]:
    """Looks without a fault of colour, of the pages before, at each width and in each theme."""
    return defaultdict(set)


# In an order in which a page is laid out anew as seldom as can be.
@pytest.mark.parametrize(
    ("width", "scheme"),
    [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "dark"), (PHONE, "light")],
)
def test_axe_finds_nothing(width: int, scheme: str, opened, good_looks) -> None:
    """The dark page has the same elements, so the rules about colours say all that is new."""
    opened.at(width, scheme)
    known = good_looks[width, scheme]
    assert opened.axe(only=COLOURS if scheme == "dark" else (), known=known) == []


def test_every_label_of_a_figure_can_be_read_on_a_phone(opened) -> None:
    opened.at(PHONE)
    assert opened.page.evaluate(SMALL_LABELS, SMALLEST_LABEL_PIXELS) == []


@pytest.mark.parametrize("width", [PHONE, 1440])
def test_no_line_of_code_is_cut_and_no_figure_scrolls_sideways(width: int, opened) -> None:
    opened.at(width)
    assert opened.page.evaluate(CUT_LINES) == []
    assert opened.page.evaluate(SIDEWAYS) == []


@pytest.mark.parametrize("width", [PHONE, FOUR_TIMES])
def test_a_narrow_page_does_not_scroll_sideways(width: int, opened) -> None:
    opened.at(width)
    assert opened.overflow() == 0


def test_a_table_that_goes_on_to_the_right_fades_until_its_end(open_page: Callable) -> None:
    found = open_page("book/how_good.html", width=PHONE).page.evaluate(FADES)
    assert {tuple(one) for one in found} == {(True, True, False), (False, False, False)}


def test_the_planted_faults_of_a_page_are_found(open_page: Callable) -> None:
    assert RAW_TABLE.search("| field | left |\n|---|---|\n| a | b |")
    assert RAW_TABLE.search("|—|—|") and not RAW_TABLE.search("a | b, and -- or ---")
    opened = open_page(CHAPTERS[0], width=PHONE)
    opened.page.evaluate(
        """() => { document.querySelector("article").innerHTML +=
            '<div class="highlight"><pre style="white-space:pre">' + "x".repeat(400) +
            "</pre></div>" +
            '<figure class="course-figure"><svg viewBox="0 0 1000 100" width="300"><text y="50" ' +
            'font-size="12">small</text></svg></figure>' +
            '<div class="figure-box" style="overflow-x:auto"><p style="width:60rem">far</p></div>' +
            '<textarea class="bare" style="white-space:pre">' + "x".repeat(400) + "</textarea>";
        }"""
    )
    assert opened.page.evaluate(CUT_LINES) != []
    assert [line.split(":")[0] for line in opened.page.evaluate(SIDEWAYS)] == ["figure-box", "bare"]
    assert opened.page.evaluate(SMALL_LABELS, SMALLEST_LABEL_PIXELS) == ["small 4"]


def test_planted_faults_of_formulas_are_found(open_page: Callable) -> None:
    page = open_page("notebooks/06_attention.html").page
    assert page.evaluate(FORMULA_FAULTS) == []
    page.locator("div.math").first.evaluate("(box) => { box.style.flexDirection = 'row-reverse'; }")
    assert page.evaluate(FORMULA_FAULTS) == ["parts out of order"]
    page.evaluate(
        r"""() => {
            document.querySelector("article").append("as \\(a\\)", " as $x$", " as \\frac ab");
            document.querySelector("div.math").style.flexDirection = "row";
            document.querySelector("annotation").style.display = "block";
        }"""
    )
    found = page.evaluate(FORMULA_FAULTS)
    assert [line.split(":")[0] for line in found] == ["TeX", "TeX", "TeX", "its TeX shows"]


def test_a_formula_wider_than_a_phone_is_reached_by_the_keyboard_only_then(
    open_page: Callable,
) -> None:
    page = open_page("notebooks/06_attention.html", width=PHONE).page
    box, part = page.locator("div.math").first, page.locator("div.math > math").first
    assert box.get_attribute("tabindex") is None
    part.evaluate("(math) => { math.style.minWidth = '60rem'; }")
    page.locator("div.math[tabindex='0']").first.wait_for()
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    part.evaluate("(math) => { math.style.minWidth = '0'; }")
    page.locator("div.math:not([tabindex])").first.wait_for()


def test_every_control_of_the_header_shows_the_focus(open_page: Callable) -> None:
    """Each is reached by Tab, and looks otherwise than before."""
    page = open_page(CHAPTERS[0]).page
    page.add_style_tag(content="* { transition: none !important; }")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll(
            ".bd-header-article :is(button, a), .bd-header button")]
            .filter((node) => node.checkVisibility() && !node.closest(".dropdown-menu")).length"""
    )
    seen = {}
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => {
                const node = document.activeElement;
                const inside = node.closest(".bd-header-article, .bd-header");
                const style = getComputedStyle(node);
                const width = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
                const at = [...document.querySelectorAll("*")].indexOf(node);
                return [inside ? `${at} ${node.outerHTML.slice(0, 120)}` : "", width];
            }"""
        )
        if name:
            seen[name] = outline
    assert len(seen) >= wanted > 3
    assert [name for name, outline in seen.items() if outline < 2] == []


def test_search_shows_text_and_ranks_chapters_first(open_page: Callable) -> None:
    page = open_page("search.html?q=rotary").page
    first = page.locator("#search-results li").first
    first.locator("p.context").wait_for()
    assert "notebooks/" in (first.locator("a").first.get_attribute("href") or "")
    excerpts = page.locator("#search-results p.context").all_inner_texts()
    assert any("rotary" in text.lower() for text in excerpts)
    menus = ("Binder", "Repository", "Open issue", "Colab")
    assert [text for text in excerpts if text.strip(". ").startswith(menus)] == []
    field = page.locator("input[type=search]").last
    assert field.evaluate("(node) => parseFloat(getComputedStyle(node).paddingLeft)") >= 35


def test_what_is_solved_shows_on_the_first_page_and_in_the_sidebar(open_page: Callable) -> None:
    page = open_page("book/intro.html").page
    assert page.locator(".course-total").inner_text().startswith("0 of ")
    assert page.locator(".course-tick").count() == 0
    page.evaluate(
        """() => {
            const done = {status: "correct", attempts: 1, first_ok: true, hints: 0,
                revealed: false, updated: 1};
            const records = {};
            for (const [id, v] of window.courseExercises["01"]) records[id] = {v, ...done};
            localStorage.setItem("transformers-course:progress:1",
                JSON.stringify({schema: 1, records}));
        }"""
    )
    page.reload()
    n = page.evaluate("window.courseExercises['01'].length")
    assert page.locator(".course-total").inner_text().startswith(f"{n} of ")
    assert page.locator(".course-solved").first.inner_text() == f"{n} of {n} solved"
    assert page.locator(".course-tick").count() == 1


def test_a_planted_wide_block_is_found(open_page: Callable) -> None:
    opened = open_page(CHAPTERS[0], width=PHONE)
    assert opened.overflow() == 0
    opened.page.evaluate(
        "document.querySelector('article').innerHTML += '<div style=\"width: 60rem\">wide</div>'"
    )
    assert opened.overflow() > 0


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_a_planted_fault(width: int, open_page: Callable) -> None:
    opened = open_page(CHAPTERS[0], width=width)
    opened.page.evaluate("document.querySelector('article').innerHTML += '<button></button>'")
    assert any("button-name" in line for line in opened.axe())


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_a_planted_fault_of_the_dark_page(width: int, open_page: Callable) -> None:
    opened = open_page(CHAPTERS[0], width=width, color_scheme="dark")
    opened.page.evaluate(
        "document.querySelector('article').innerHTML += '<p style=\"color: #222\">dark</p>'"
    )
    assert any("color-contrast" in line for line in opened.axe(only=COLOURS))


def test_a_look_that_is_known_is_not_looked_at_again_and_another_one_is(
    open_page: Callable,
) -> None:
    known: set[int] = set()
    opened = open_page(CHAPTERS[0])
    assert opened.axe(only=COLOURS, known=known) == []
    every = len(known)
    assert opened.axe(only=COLOURS, known=known) == [] and len(known) == every > 100
    other = open_page(CHAPTERS[1])
    assert other.axe(only=COLOURS, known=known) == []
    assert every < len(known) < 2 * every  # most looks of a second page are those of the first
    other.page.evaluate(
        "document.querySelector('article').innerHTML += '<p style=\"color: #ddd\">pale</p>'"
    )
    before = len(known)
    for _ in range(2):  # a fault makes nothing known
        (found,) = other.axe(only=COLOURS, known=known)
        assert "color-contrast" in found and "pale" in found and len(known) == before


def test_axe_finds_a_planted_fault_among_words_of_code(open_page: Callable) -> None:
    """One word of thousands looks otherwise; afterwards all words stand where they stood."""
    opened = open_page("notebooks/09_transformer_models.html")
    article = opened.page.locator("article")
    before = article.inner_text()
    opened.page.evaluate(
        "[...document.querySelectorAll('article pre span.nb')].at(-1).style.color = '#ddd'"
    )
    whole = opened.page.content()
    (found,) = opened.axe(only=COLOURS)
    assert "color-contrast" in found and "#ddd" in found or "221, 221, 221" in found
    assert article.inner_text() == before
    assert opened.page.content() == whole


def test_axe_finds_a_planted_fault_once_it_is_in_sight(open_page: Callable) -> None:
    """What is folded away is not looked at, so that its look is not known from there either."""
    opened = open_page(CHAPTERS[0])
    known: set[int] = set()
    opened.page.evaluate("""document.querySelector("article").innerHTML +=
        '<details class="planted"><summary>more</summary>' +
        '<p style="color: #ddd">pale</p></details>'""")
    assert opened.axe(only=COLOURS, known=known) == []
    opened.page.evaluate("document.querySelector('details.planted').open = true")
    (found,) = opened.axe(only=COLOURS, known=known)
    assert "color-contrast" in found and "pale" in found


def test_the_dark_and_the_light_page_differ(open_page: Callable) -> None:
    """So that the two runs of axe do not look at the same colours."""
    page = open_page(CHAPTERS[0]).page
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate(colour) != light


@pytest.mark.parametrize("path", CHAPTERS)
def test_the_page_teaches_without_javascript(path: str, open_page: Callable) -> None:
    """The static form of each widget is visible and says something."""
    opened = open_page(path, settle=False, java_script_enabled=False)
    page = opened.page
    views = page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    static = page.locator(".cw-static")
    assert static.count() == views > 0
    for index in range(views):
        assert static.nth(index).is_visible()
        assert len(static.nth(index).inner_text().split()) >= 5
