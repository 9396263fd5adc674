"""A page, cut into lines, words and sentences once, and the reason why a filter drops it."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from course_lib.checks import check_mappings, check_text

# begins at a run's first mark and gives nothing back: a million dots must take no longer than words
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++[\"'”’)]*+(?=\s|$)")
_EDGE = ".,;:!?\"'()[]{}<>«»“”‘’…*#|/\\-–—_`~"


@dataclass(frozen=True)
class Reason:
    """Why a filter drops a page: the rule, what was measured, and the limit it passed.

    Attributes:
        rule: The rule's name, as ``filter: what it measures``.
        value: What the page has.
        limit: What the rule allows, as words: ``"at least 50"``.
    """

    rule: str
    value: float | int | str
    limit: str

    def __str__(self) -> str:
        value = f"{self.value:.3g}" if isinstance(self.value, float) else str(self.value)
        return f"{self.rule} is {value}, wanted {self.limit}"


@dataclass(frozen=True)
class Page:
    """One document of a crawl: its text, where it comes from, and what else is known of it.

    A threshold means nothing without its words. Here a word is what stands between two blanks and
    holds a letter or a digit, without the punctuation at its edges; a lone dash is no word.

    Attributes:
        text: The text, markup already taken out.
        url: Where it was found; empty when unknown.
        about: Whatever travels with it: an identity, a group of authors, a true label.

    Raises:
        TypeError: If text or address is no text, or ``about`` no mapping.
    """

    text: str
    url: str = ""
    about: dict[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_text(text=self.text, url=self.url)
        check_mappings(about=self.about)

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not blank, without the blanks at their ends."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    @cached_property
    def paragraphs(self) -> list[str]:
        """The pieces between blank lines."""
        pieces = re.split(r"\n\s*\n", self.text)
        return [piece.strip() for piece in pieces if piece.strip()]

    @cached_property
    def tokens(self) -> list[str]:
        """What stands between blanks, punctuation included."""
        return self.text.split()

    @cached_property
    def words(self) -> list[str]:
        """The tokens without the punctuation at their edges; pure punctuation is left out."""
        stripped = (token.strip(_EDGE) for token in self.tokens)
        return [word for word in stripped if word]

    @cached_property
    def lower_words(self) -> list[str]:
        """The words in lower case."""
        return [word.lower() for word in self.words]

    @cached_property
    def n_sentences(self) -> int:
        """How many sentences end in the text: marks of ``.``, ``!`` or ``?`` before a blank."""
        return len(_SENTENCE_END.findall(self.text))


def check_page(page: Page) -> None:
    """Refuse what is no page: a text alone has no lines and words cut out of it.

    Raises:
        TypeError: If it is none.
    """
    if not isinstance(page, Page):
        raise TypeError(f"page must be a Page, got {type(page).__name__}")
