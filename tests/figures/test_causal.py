import pytest
import torch

from course_lib.figures.causal import by_size, causal_questions
from course_lib.model.masks import causal_mask
from course_lib.objectives import causal_example

WORDS = ["the", "river", "is", "wide"]


def test_each_place_sees_itself_and_the_past_and_is_asked_for_the_next() -> None:
    example = causal_example(torch.tensor([0, 1, 2, 3]))
    figure = causal_questions(example, causal_mask(3), WORDS)
    assert figure.table[1:] == [
        [0, "the", "river"],
        [1, "the river", "is"],
        [2, "the river is", "wide"],
    ]
    assert "3 of 9 cells" in figure.alt and figure.alt.endswith("river, is, wide.")


def test_the_mask_is_drawn_and_not_assumed() -> None:
    example = causal_example(torch.tensor([0, 1, 2, 3]))
    figure = causal_questions(example, torch.ones(3, 3, dtype=torch.bool), WORDS)
    assert figure.table[1] == [0, "the river is", "river"]
    with pytest.raises(ValueError, match=r"keep must be \(3, 3\)"):
        causal_questions(example, causal_mask(4), WORDS)


def test_padding_is_asked_for_nothing() -> None:
    figure = causal_questions(causal_example(torch.tensor([0, 1, -100])), causal_mask(2), WORDS)
    assert figure.table[2] == [1, "the river", "(nothing)"]


def test_measures_stand_side_by_side() -> None:
    figure = by_size(
        [10, 100],
        {"exact": [[0.0, 1.0], [0.2, 0.8]], "nats": [[-4.0, -1.0], [-4.0, -1.0]]},
        [1.0, 0.0],
    )
    assert figure.table[0] == [
        "parameters",
        "exact",
        "lowest",
        "highest",
        "nats",
        "lowest",
        "highest",
    ]
    assert figure.table[1][1:] == pytest.approx([0.1, 0.0, 0.2, -4.0, -4.0, -4.0])
    assert (
        "means of 2 runs" in figure.alt and "exact: 0.10, 0.90 (best possible 1.00)" in figure.alt
    )


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sizes must be two or more and rise, got \[3, 2\]"):
        by_size([3, 2], {"a": [[1.0, 2.0]]}, [1.0])
    with pytest.raises(ValueError, match="best must have 1 values"):
        by_size([2, 3], {"a": [[1.0, 2.0]]}, [])
    with pytest.raises(ValueError, match=r"measures\['a'\]"):
        by_size([2, 3], {"a": [[1.0, 2.0, 3.0]]}, [1.0])


def test_the_sizes_are_written_and_nothing_between_them() -> None:
    figure = by_size([2_100, 6_000, 25_000], {"nats": [[3.0, 2.0, 1.0]]}, [0.5])
    (panel,) = figure.figure.axes
    figure.figure.draw_without_rendering()
    assert [one.get_text() for one in panel.get_xticklabels()] == ["2,100", "6,000", "25,000"]
    assert [one.get_text() for one in panel.get_xticklabels(minor=True)] == []
