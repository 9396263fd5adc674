"""What the style sheets do by themselves, in pages that are written here."""

import io
from collections.abc import Iterator

import pytest
from matplotlib.image import imread
from playwright.sync_api import Browser, Page

from book._tools.paths import ROOT

ASSETS = ROOT / "book" / "assets"
THEME = (ASSETS / "theme.css").read_text()
RING = "*:focus-visible { outline: 3px solid rgb(255 0 0); outline-offset: 0 }"
TABLE = f"<table><tr>{'<td>number</td>' * 20}</tr></table>"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    yield page
    page.close()


def ring(page: Page, selector: str) -> dict[str, bool]:
    """At which sides of an element that gets the keyboard's focus a red ring can be seen."""
    page.keyboard.press("Tab")  # what is focused from now on is focused by the keyboard
    page.locator(selector).focus()
    box = page.locator(selector).bounding_box()
    assert box is not None
    picture = imread(io.BytesIO(page.screenshot()))[..., :3]
    left, top = round(box["x"]), round(box["y"])
    right, bottom = round(box["x"] + box["width"]), round(box["y"] + box["height"])
    middle = (top + bottom) // 2, (left + right) // 2
    places = {
        "left": (middle[0], left - 2),
        "right": (middle[0], right + 1),
        "above": (top - 2, middle[1]),
        "below": (bottom + 1, middle[1]),
    }
    return {side: bool((picture[place] == (1, 0, 0)).all()) for side, place in places.items()}


@pytest.mark.parametrize(
    "about",
    ['class="wide-table"', 'role="region" style="overflow-x: auto"'],
)
def test_a_part_that_fades_shows_the_keyboards_focus_all_around(page: Page, about: str) -> None:
    part = f"<div {about} tabindex='0' id='part'>{TABLE}</div>"
    page.set_content(
        f"<style>{RING}{THEME}</style><article style='padding: 20px'><a href='#'>first</a>{part}"
        "</article>"
    )
    assert all(ring(page, "#part").values())


LONG = "".join(f"<section><h2>Part {n}</h2>{'<p>word</p>' * 400}</section>" for n in range(6))


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_what_is_not_laid_out_yet_takes_no_part_in_the_width_of_a_page(
    page: Page, width: int
) -> None:
    """The theme's columns are boxes in a row, each as wide as its contents at least."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(
        f"<html data-view='first'><style>body {{ margin: 0 }}{THEME}</style>"
        "<div style='display: flex'><div style='flex-grow: 1'>"
        f"<article class='bd-article'><section>{LONG}</section></article></div></div>"
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    seen = page.evaluate(
        """() => {
            const sections = [...document.querySelectorAll("article > section > section")];
            const left = sections.at(-1).querySelector("p");
            return [left.checkVisibility({ contentVisibilityAuto: true }),
                document.documentElement.scrollWidth,
                document.querySelector("article").getBoundingClientRect().width];
        }"""
    )
    assert seen[0] is False  # it is left out
    assert seen[1] <= width and seen[2] <= width
