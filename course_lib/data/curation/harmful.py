"""Pages that hold listed words: what the list removes, and whom."""

from collections.abc import Collection

from course_lib.data.curation.page import Page, Reason


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
        ValueError: If a term is empty or holds a blank: it could never be found.

    Source: Raffel et al. 2020 (C4), section 2.2, for a single word; Dodge et al. 2021,
    "Documenting Large Webtext Corpora", section 5.3, for what that removes.
    """
    bad = [term for term in terms if not term or " " in term]
    if bad:
        raise ValueError(f"terms must be single words, got {bad[0]!r}")
    listed = terms if isinstance(terms, set | frozenset) else set(terms)
    found = [word for word in page.lower_words if word in listed]
    if not found or len(set(found)) < min_different:
        return []
    share = len(found) / len(page.lower_words)
    if share <= max_share:
        return []
    return [Reason("harmful: listed words", share, f"at most {max_share:g}")]
