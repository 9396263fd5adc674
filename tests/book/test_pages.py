"""Every page in a real browser: offline, silent, accessible, narrow, and without JavaScript."""

from collections.abc import Callable
from pathlib import Path

import pytest

from book._tools.paths import HTML

CHAPTERS = sorted(str(path.relative_to(HTML)) for path in (HTML / "notebooks").glob("*.html"))
FRONT = sorted(
    str(path.relative_to(HTML)) for path in (HTML / "book").rglob("*.html") if path.is_file()
)
WEIGHT_LIMIT_BYTES = 1_500_000
PHONE = 390

pytestmark = pytest.mark.usefixtures("site")


def test_there_are_pages() -> None:
    assert len(CHAPTERS) >= 3 and len(FRONT) >= 5
    assert {Path(page).stem for page in CHAPTERS} >= {"01_relevance", "06_attention"}


@pytest.mark.parametrize("path", [*FRONT, *CHAPTERS])
def test_the_page_asks_no_other_host_and_is_silent(path: str, open_page: Callable) -> None:
    opened = open_page(path)
    assert opened.outside == []
    assert opened.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*FRONT, *CHAPTERS])
def test_axe_finds_nothing(path: str, scheme: str, open_page: Callable) -> None:
    opened = open_page(path, color_scheme=scheme)
    assert opened.page.evaluate("document.documentElement.dataset.theme") == scheme
    assert opened.axe() == []


@pytest.mark.parametrize("path", CHAPTERS[:1])
def test_axe_finds_a_planted_fault(path: str, open_page: Callable) -> None:
    opened = open_page(path)
    opened.page.evaluate("document.querySelector('article').innerHTML += '<button></button>'")
    assert any("button-name" in line for line in opened.axe())


@pytest.mark.parametrize("path", [*FRONT, *CHAPTERS])
def test_a_phone_does_not_scroll_sideways(path: str, open_page: Callable) -> None:
    assert open_page(path, width=PHONE).overflow() == 0


@pytest.mark.parametrize("path", CHAPTERS)
def test_the_first_load_is_light(path: str, open_page: Callable) -> None:
    opened = open_page(path)
    assert 50_000 < opened.bytes_received < WEIGHT_LIMIT_BYTES


@pytest.mark.parametrize("path", CHAPTERS)
def test_every_widget_comes_to_life(path: str, open_page: Callable) -> None:
    """Each widget view of the page is rendered by the page's own loader."""
    opened = open_page(path)
    views = opened.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    assert views > 0
    assert opened.page.locator(".cw-live[data-ready=true]").count() == views


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
