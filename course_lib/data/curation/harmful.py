"""Pages that hold listed words: what the list removes, and whom."""

from collections.abc import Collection

from course_lib.checks import check_numbers, whole_number
from course_lib.data.curation.lists import word_set
from course_lib.data.curation.page import Page, Reason, check_page


def harmful_terms(
    page: Page, terms: Collection[str], max_share: float = 0.0, min_different: int = 1
) -> list[Reason]:
    """Drop a page that holds words of a list.

    C4 drops a page for a single word, so a page that *discusses* a word goes with the pages that
    use it. A share, or several different words, is the milder rule.

    Args:
        page: The page.
        terms: Words in lower case, each a single word.
        max_share: Share of the page's words that may be listed.
        min_different: How many different listed words it takes.

    Returns:
        The rule it breaks; none means keep.

    Raises:
        TypeError: If an argument is of a wrong type; one text is no list of terms.
        ValueError: If a term could never be found (it holds a blank, a capital, or a mark at an
            end), or a number is out of range.

    Source: Raffel et al. 2020 (C4), section 2.2, for a single word; Dodge et al. 2021,
    "Documenting Large Webtext Corpora", section 5.3, for what that removes.
    """
    check_page(page)
    listed = word_set(terms, "terms")
    [max_share] = check_numbers(max_share=max_share)
    if not 0 <= max_share <= 1:
        raise ValueError(f"max_share must be 0 to 1, got {max_share}")
    min_different = whole_number(min_different, "min_different", 1)
    found = [word for word in page.lower_words if word in listed]
    if not found or len(set(found)) < min_different:
        return []
    share = len(found) / len(page.lower_words)
    if share <= max_share:
        return []
    return [Reason("harmful: listed words", share, f"at most {max_share:g}")]
