"""The built pages say what they are, lead to their neighbours, and a wrong address leads back."""

import re
from collections.abc import Callable

from playwright.sync_api import Browser

from book._tools.paths import HTML

CHAPTERS = sorted((HTML / "notebooks").glob("*.html"))


def test_every_page_has_a_description_of_its_own_and_a_picture_that_is_there(site: str) -> None:
    said = {}
    for path in [*CHAPTERS, *sorted((HTML / "book").rglob("*.html"))]:
        page = path.read_text(encoding="utf-8")
        tags = dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', page))
        name = path.relative_to(HTML).as_posix()
        assert len(tags["description"]) >= 30 and tags["og:title"], name
        assert tags["og:url"].endswith(name)
        assert (HTML / "_static" / "cards" / tags["og:image"].rsplit("/", 1)[-1]).exists()
        said[name] = tags["description"]
    of_chapters = [said[f"notebooks/{path.name}"] for path in CHAPTERS]
    assert len(set(of_chapters)) == len(CHAPTERS)


def test_a_chapter_has_its_neighbours_and_minutes_above_its_text(site: str) -> None:
    for path in CHAPTERS:
        page = path.read_text(encoding="utf-8")
        (line,) = re.findall(r'</h1>\s*<nav class="page-top".*?</nav>', page, re.DOTALL)
        assert 'rel="prev"' in line and 'rel="next"' in line
        assert re.search(r"<span>About \d+ minutes</span>", line), path.name


def test_a_wrong_address_at_any_depth_leads_back(open_page: Callable) -> None:
    opened = open_page("some/deep/address.html")
    assert opened.page.locator("h1").inner_text() == "There is no page at this address"
    assert opened.axe() == [] and opened.outside == []
    opened.page.locator("main ul a").first.click()
    opened.page.wait_for_load_state("load")
    assert opened.page.url.endswith("/book/intro.html")


def test_search_opened_as_a_file_says_what_it_lacks(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto((HTML / "search.html").as_uri())
    assert "python serve.py" in page.locator("main").inner_text()
    page.goto(f"{site}/search.html?q=attention")
    page.wait_for_selector("#search-results li")
    assert "python serve.py" not in page.locator("main").inner_text()
    first = page.locator("#search-results li a").first.get_attribute("href")
    assert first is not None and "notebooks/" in first
    page.close()
