"""Paragraphs that stood before are taken out, and nothing else."""

import pytest

from course_lib.data.curation import Page, RepeatedParagraphs

LICENCE = "Permission is granted, to whoever has a copy of this text, to read it, and to copy it."
OWN = "The harbour master counts the boats each evening, and writes it into a large book."


def test_the_first_copy_stays_and_later_ones_go() -> None:
    once = RepeatedParagraphs()
    first = Page(f"{LICENCE}\n\nTitle\n\n{OWN}\n")
    assert once(first) is first
    second = once(Page(f"{LICENCE}\n\nTitle\n\nAnother {OWN}\n", "u", {"a": 1}))
    assert second.text == f"Title\n\nAnother {OWN}\n"
    assert (second.url, second.about) == ("u", {"a": 1})
    assert once(Page(f"New\n\n{LICENCE.upper()}")).text == "New\n\n"
    assert once(Page(LICENCE)).text == ""


def test_what_was_seen_can_be_saved() -> None:
    once, other = RepeatedParagraphs(), RepeatedParagraphs()
    once(Page(LICENCE))
    assert other(Page(LICENCE)).text == LICENCE
    again = RepeatedParagraphs()
    again.load_state_dict(once.state_dict())
    assert again(Page(LICENCE)).text == ""
    with pytest.raises(ValueError, match="min_characters"):
        RepeatedParagraphs(0)
