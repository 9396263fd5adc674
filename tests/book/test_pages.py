"""Every page in a real browser: offline, silent, accessible, narrow, and without JavaScript."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from book._tools.paths import HTML

CHAPTERS = sorted(str(path.relative_to(HTML)) for path in (HTML / "notebooks").glob("*.html"))
FRONT = sorted(
    str(path.relative_to(HTML)) for path in (HTML / "book").rglob("*.html") if path.is_file()
)
WEIGHT_LIMIT_BYTES = 1_500_000
PHONE = 390
COLOURS = ("color-contrast", "link-in-text-block")

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
    assert 50_000 < opened.bytes_received < WEIGHT_LIMIT_BYTES


def test_every_widget_comes_to_life(opened) -> None:
    """Each widget view of the page is rendered by the page's own loader."""
    views = opened.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    assert views > 0 or opened.path in FRONT
    assert opened.page.locator(".cw-live[data-ready=true]").count() == views


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme: str, opened) -> None:
    """The dark page has the same elements, so the rules about colours say all that is new."""
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    assert opened.axe(only=COLOURS if scheme == "dark" else ()) == []


def test_a_phone_does_not_scroll_sideways(opened) -> None:
    opened.page.set_viewport_size({"width": PHONE, "height": 900})
    overflow = opened.overflow()
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    assert overflow == 0


def test_a_planted_wide_block_is_found(open_page: Callable) -> None:
    opened = open_page(CHAPTERS[0], width=PHONE)
    assert opened.overflow() == 0
    opened.page.evaluate(
        "document.querySelector('article').innerHTML += '<div style=\"width: 60rem\">wide</div>'"
    )
    assert opened.overflow() > 0


def test_axe_finds_a_planted_fault(open_page: Callable) -> None:
    opened = open_page(CHAPTERS[0])
    opened.page.evaluate("document.querySelector('article').innerHTML += '<button></button>'")
    assert any("button-name" in line for line in opened.axe())


def test_axe_finds_a_planted_fault_of_the_dark_page(open_page: Callable) -> None:
    opened = open_page(CHAPTERS[0], color_scheme="dark")
    opened.page.evaluate(
        "document.querySelector('article').innerHTML += '<p style=\"color: #222\">dark</p>'"
    )
    assert any("color-contrast" in line for line in opened.axe(only=COLOURS))


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
