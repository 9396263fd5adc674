"""What a page says of itself: previews, neighbours, and the page for a wrong address."""

import re
import struct

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from book._ext import page_about


def test_the_site_is_where_github_publishes_the_repository() -> None:
    assert page_about.site_address("https://github.com/Some/course.git/") == (
        "https://some.github.io/course.git/"
    )
    for name in ("some.github.io", "Some.github.io/"):
        assert page_about.site_address(f"https://github.com/Some/{name}") == (
            "https://some.github.io/"
        )
    with pytest.raises(ValueError, match=r"none of github\.com"):
        page_about.site_address("https://example.org/some/course")


def test_a_description_is_the_first_sentences_and_no_cell_of_a_table() -> None:
    text = "Title\n=====\n\n==  ==\na   b\n==  ==\n\n- Short *one*.\n- Another\n  line.\n\nMore.\n"
    assert page_about.description(publish_doctree(text)) == "Short one. Another line. More."
    long = page_about.description(publish_doctree("T\n=\n\n" + "word " * 100))
    assert page_about.SHORTEST < len(long) <= page_about.LONGEST and long.endswith("word …")
    assert page_about.description(nodes.document(None, None)) == ""  # type: ignore[arg-type]


def test_the_line_above_a_page_has_what_there_is() -> None:
    both = {
        "prev": {"link": "a.html", "title": "<code>A</code>"},
        "next": {"link": "b.html", "title": "B"},
    }
    assert page_about.above(both, 12) == (
        '<nav class="page-top" aria-label="Page before and page after">'
        '<a rel="prev" href="a.html">← A</a><span>About 12 minutes</span>'
        '<a rel="next" href="b.html">B →</a></nav>'
    )
    last = page_about.above({"prev": both["prev"], "next": None}, None)
    assert 'rel="next"' not in last and "minutes" not in last


def test_a_chapter_has_minutes_and_another_page_has_none() -> None:
    assert page_about.minutes("notebooks/06_attention") > 10  # type: ignore[operator]
    assert page_about.minutes("book/notation") is None


def test_what_a_preview_reads_is_quoted() -> None:
    made = page_about.tags('A "B"', "says <x>", "https://a/b.html", "https://a/c.png")
    assert 'property="og:title" content="A &quot;B&quot;"' in made
    assert 'name="description" content="says &lt;x&gt;"' in made
    assert "<x>" not in made


@pytest.mark.parametrize("title", ["One", "A title of many words that goes on over several lines"])
def test_a_picture_has_the_size_that_previews_show(title: str) -> None:
    picture = page_about.card(title, "Course", "12 minutes")
    assert picture == page_about.card(title, "Course", "12 minutes")
    assert struct.unpack(">II", picture[16:24]) == page_about.CARD_PIXELS
    assert len(picture) < 80_000


def test_the_page_for_a_wrong_address_leads_back() -> None:
    page = page_about.not_found("https://a.github.io/b/", "C & D", {"book/intro": "<Start>"})
    assert re.search(r'<html lang="en">.*<title>No such page - C &amp; D</title>', page, re.DOTALL)
    assert '<a href="book/intro.html">&lt;Start&gt;</a>' in page
    assert 'action="search.html"' in page and 'href="https://a.github.io/b/"' in page
    assert 'published ? `/${location.pathname.split("/")[1]}/` : "/";' in page
    at_the_root = page_about.not_found("https://a.github.io/", "C", {})
    assert 'published ? "/" : "/";' in at_the_root
