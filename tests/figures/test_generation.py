"""Labels that lie where the points do, and still can be read."""

import itertools

import pytest
from matplotlib.text import Annotation, Text

from course_lib.figures.generation import repetition_and_surprise

CROWDED = {
    "real text": (-2.0, 0.02),
    "T 0.8": (-2.01, 0.021),
    "top-p 0.9": (-1.99, 0.022),
    "T 1.5, top-p 0.5": (-2.0, 0.019),
    "top-k 10": (-1.6, 0.05),
    "min-p 0.1": (-1.61, 0.05),
    "greedy": (-0.3, 0.8),
}


def test_no_name_lies_over_another() -> None:
    figure = repetition_and_surprise(CROWDED, real="real text").figure
    (axes,) = figure.axes
    figure.draw_without_rendering()
    notes = [one for one in axes.texts if isinstance(one, Annotation)]
    assert [one.get_text() for one in notes] == list(CROWDED)
    boxes = {one.get_text(): Text.get_window_extent(one) for one in notes}
    for (name, one), (other, two) in itertools.combinations(boxes.items(), 2):
        assert not one.overlaps(two), (name, other)
    assert all(axes.bbox.x0 <= one.x0 and one.x1 <= figure.bbox.x1 for one in boxes.values())
    assert all(axes.bbox.y0 <= one.y0 and one.y1 <= figure.bbox.y1 for one in boxes.values())


# Most points lie on the lines that join them, and some beside others.
WALK = {
    "real text": (-3.93, 0.03), "greedy": (-1.78, 0.74), "T 0.3": (-1.94, 0.25),
    "T 0.5": (-2.3, 0.06), "T 0.8": (-3.26, 0.0), "T 1": (-3.98, 0.0), "T 1.5": (-5.74, 0.0),
    "top-k 10": (-2.58, 0.01), "top-p 0.1": (-1.82, 0.59), "top-p 0.3": (-2.16, 0.09),
    "top-p 0.7": (-3.0, 0.0), "top-p 0.9": (-3.58, 0.0), "min-p 0.1": (-2.62, 0.01),
}  # fmt: skip
KNOBS = {
    "temperature": ["T 1.5", "T 1", "T 0.8", "T 0.5", "T 0.3", "greedy"],
    "top-p": ["T 1", "top-p 0.9", "top-p 0.7", "top-p 0.3", "top-p 0.1", "greedy"],
}


def test_no_name_lies_on_a_line_or_beside_a_point_that_it_does_not_name() -> None:
    figure = repetition_and_surprise(WALK, real="real text", curves=KNOBS).figure
    (axes,) = figure.axes
    figure.draw_without_rendering()
    lines = [line for line in axes.lines if line.get_linestyle() != "None"]
    assert len(lines) == len(KNOBS) + 1  # and the one of real text
    for note in axes.texts:
        name, words = note.get_text(), Text.get_window_extent(note)
        for line in lines:
            path = line.get_transform().transform_path(line.get_path())
            assert not path.intersects_bbox(words, filled=False), (name, line.get_label())
        for other, point in WALK.items():
            x, y = axes.transData.transform(point)
            assert other == name or not words.padded(4).contains(x, y), (name, other)
    assert axes.get_legend() is None and len(figure.legends) == 1


def test_real_text_has_to_be_among_them() -> None:
    for curves in ({}, {"temperature": ["T 0.8", "T 9"]}):
        with pytest.raises(ValueError, match="real and curves must name some of"):
            real = "real text" if curves else "nobody"
            repetition_and_surprise(CROWDED, real=real, curves=curves)


def test_a_curve_goes_through_its_settings_in_order() -> None:
    figure = repetition_and_surprise(
        CROWDED, real="real text", curves={"what is cut": ["greedy", "top-k 10", "top-p 0.9"]}
    )
    (axes,) = figure.figure.axes
    assert axes.lines[0].get_xdata().tolist() == [-0.3, -1.6, -1.99]
    assert [text.get_text() for text in figure.figure.legends[0].get_texts()] == ["what is cut"]
