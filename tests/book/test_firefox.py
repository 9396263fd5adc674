"""Widgets and pages once more, in Firefox: as much of it as one start of Firefox has time for.

`make firefox` takes every page.
"""

import importlib
import inspect
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from matplotlib.image import imread
from playwright.sync_api import Browser, Page, Playwright

from book._tools.browser import NO_FIREFOX, find_firefox, launched
from tests.book.test_code_in_page import RIGHT, judged, opened, page
from tests.book.test_pages import CHAPTERS, FRONT, PHONE
from tests.widgets.conftest import axe, kit, resting, show
from tests.widgets.test_access import (
    everything,
    test_phone_width_targets_and_regions,
    test_static_forms_stand_without_javascript,
)

ALL = os.environ.get("COURSE_BROWSER") == "firefox"
PAGES = [*FRONT, *CHAPTERS] if ALL else ["book/intro.html", "notebooks/09_transformer_models.html"]
FOUND = find_firefox()

__all__ = [
    "axe",
    "everything",
    "kit",
    "opened",
    "page",
    "resting",
    "show",
    "test_phone_width_targets_and_regions",
    "test_static_forms_stand_without_javascript",
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOUND is None, reason=NO_FIREFOX),
]


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright, "firefox") as running:
        yield running


def of_widgets() -> Iterator[tuple[str, Callable]]:
    """Tests of single widgets, with a name for each here: arithmetic, and use by keyboard alone."""
    for file in sorted((Path(__file__).parents[1] / "widgets").glob("test_*.py")):
        module = importlib.import_module(f"tests.widgets.{file.stem}")
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            given: set[str] = set()
            for mark in getattr(function, "pytestmark", []):
                if mark.name == "parametrize":
                    words = mark.args[0]
                    words = words.split(",") if isinstance(words, str) else words
                    given |= {word.strip() for word in words}
            needs = set(inspect.signature(function).parameters) - given
            by_keyboard = needs == {"show"} and "keyboard" in name
            if by_keyboard or ("kit" in needs and needs <= {"kit", "show"}):
                yield f"{file.stem}_{name.removeprefix('test_')}", function


if FOUND:
    globals().update(of_widgets())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_silent_fits_a_phone_and_comes_to_life(path: str, open_page: Callable) -> None:
    opened = open_page(path, width=PHONE)
    opened.page.set_default_timeout(60_000)
    views = opened.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    opened.page.wait_for_function(
        "(n) => document.querySelectorAll('.cw-live[data-ready=true]').length === n", arg=views
    )
    assert views > 0 or path in FRONT
    assert opened.outside == []
    assert opened.problems == []
    assert opened.overflow() <= 0


def test_a_wrong_and_a_right_program_get_their_verdicts(page: Page) -> None:
    wrong, right = judged(page, RIGHT.replace(" / math.sqrt(d)", ""), RIGHT)
    assert wrong["result"]["status"] == "incorrect"
    assert "√" in wrong["result"]["message"] or "sqrt" in wrong["result"]["message"]
    assert right["result"]["status"] == "correct"


def test_no_bar_is_left_white_on_a_dark_page(open_page: Callable) -> None:
    page = open_page("book/notation.html", width=1440).page
    page.evaluate("Object.assign(document.documentElement.dataset, {theme: 'dark', mode: 'dark'})")
    page.add_style_tag(content="* { transition: none !important; }")
    picture = imread(io.BytesIO(page.screenshot()))
    bar = page.locator(".bd-sidebar-primary").evaluate("node => node.getBoundingClientRect().right")
    assert picture[450, int(bar) - 12 : int(bar), :3].max() < 0.8
