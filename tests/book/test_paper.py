"""The book on paper, from three built pages; `make pdf` looks at all of them the same way."""

import pytest
from playwright.sync_api import Browser

from book._tools import pdf
from book._tools.paths import HTML

PAGES = ["book/how_to_use", "notebooks/01_relevance", "book/notation"]


@pytest.mark.slow
def test_three_pages_print_tagged_outlined_and_whole(browser: Browser, site: str) -> None:
    """Broken links, ids that stand twice, lost images, formulas and figures are refused in it."""
    _, facts = pdf.print_pdf([("", PAGES)], browser, HTML)
    assert facts.tagged and facts.language == "en" and facts.foreign == 0
    assert 10 <= facts.pages <= 60
    assert facts.entries >= 10 and facts.links >= 3 and facts.figures >= 3
