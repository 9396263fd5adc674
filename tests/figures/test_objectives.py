"""What the figures of objectives draw is what they say."""

import pytest

from course_lib.figures.objectives import question_and_answer

READS = ["my", "[MASK]", "is", "apple", "brown"]
ASKED = [None, "dog", None, "hairy", "brown"]


def test_places_with_loss_are_named_marked_and_counted() -> None:
    drawn = question_and_answer(READS, ASKED)
    assert "3 of 5 positions: 2, 4, 5." in drawn.alt
    assert [row[3] for row in drawn.table[1:]] == ["none", "counts", "none", "counts", "counts"]
    assert [row[1] for row in drawn.table[1:]] == READS
    texts = [text.get_text() for text in drawn.figure.axes[0].texts]
    assert texts.count("loss") == 3 and {*READS, "dog", "hairy"} <= set(texts)
    filled = [patch for patch in drawn.figure.axes[0].patches if patch.get_facecolor()[3]]
    assert len(filled) == 5  # two changed tokens, three that are asked for


def test_a_text_without_a_question_is_drawn_too() -> None:
    assert "0 of 2 positions: none." in question_and_answer(["a", "b"], [None, None]).alt


@pytest.mark.parametrize(("reads", "asked"), [([], []), (["a"], []), (["a"], [None, "b"])])
def test_strips_that_do_not_fit_are_refused(reads: list, asked: list) -> None:
    with pytest.raises(ValueError, match="one length"):
        question_and_answer(reads, asked)
