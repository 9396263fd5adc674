import pytest

from course_lib.figures.span_corruption import pairs_needed, two_sides

SIDES = {
    "source": ["go", "<X>", "home"],
    "inputs": ["</s>", "<X>", "right"],
    "targets": ["<X>", "right", "<Y>"],
    "sentinels": ["<X>", "<Y>"],
}


def test_the_strips_hold_what_is_given() -> None:
    figure = two_sides(["go", "right", "home"], [False, True, False], **SIDES)
    assert [row[1] for row in figure.table[1:]] == [
        "go right home",
        "go <X> home",
        "</s> <X> right",
        "<X> right <Y>",
    ]
    assert "the tokens right are cut" in figure.alt
    drawn = [text.get_text() for text in figure.figure.axes[0].texts]
    assert drawn.count("<X>") == 3 and drawn.count("right") == 3


def test_the_line_joins_the_means_and_the_table_has_the_spread() -> None:
    figure = pairs_needed([10, 100], {"scratch": [[0.0, 0.1], [0.0, 0.3]], "other": [[0.5, 1.0]]})
    assert figure.table[2] == ["100", "0.10 to 0.30", "1.00 to 1.00"]
    line = figure.figure.axes[0].lines[0]
    assert list(line.get_ydata()) == pytest.approx([0.0, 0.2])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="cut must have one value a token: got 1 for 2"):
        two_sides(["a", "b"], [True], **SIDES)
    with pytest.raises(ValueError, match="inputs has 2 tokens, targets has 3"):
        two_sides(["a"], [True], **{**SIDES, "inputs": ["a", "b"]})
    with pytest.raises(ValueError, match="must have 2 values a run"):
        pairs_needed([1, 2], {"one": [[0.0]]})
    with pytest.raises(ValueError, match="at least one series"):
        pairs_needed([1, 2], {"one": []})
