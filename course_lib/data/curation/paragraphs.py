"""Paragraphs that were seen before: headers, licences and menus that stand on many pages."""

import re

import numpy as np

from course_lib.checks import whole_number
from course_lib.data.curation.duplicates import ExactDuplicates
from course_lib.data.curation.page import Page, check_page

_BORDER = re.compile(r"(\n\s*\n)")


class RepeatedParagraphs:
    """Takes out of a page every long paragraph that stood before, on this page or another.

    The first copy stays where it is. A page that held nothing else is left without text, and so is
    dropped. Short paragraphs stay: a heading stands in many texts by right.

    Args:
        min_characters: Shorter paragraphs are left alone.

    Raises:
        TypeError: If the number is no whole one.
        ValueError: If it is not positive.

    Source: Wenzek et al. 2020, "CCNet", section 3.2, which drops paragraphs of any length.
    """

    def __init__(self, min_characters: int = 80) -> None:
        self.min_characters = whole_number(min_characters, "min_characters", 1)
        self._seen = ExactDuplicates()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return what was seen, as arrays."""
        return self._seen.state_dict()

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over what another run had seen."""
        self._seen.load_state_dict(state)

    def __call__(self, page: Page) -> Page:
        """Return the page without them."""
        check_page(page)
        pieces = _BORDER.split(page.text)  # paragraph, border, paragraph, ...
        kept = list(pieces)
        for place in range(0, len(pieces), 2):
            paragraph = pieces[place]
            long = len(" ".join(paragraph.split())) >= self.min_characters
            if long and self._seen(Page(paragraph)):
                kept[place : place + 2] = [""] * len(pieces[place : place + 2])
        return page if kept == pieces else Page("".join(kept), page.url, page.about)
