import pytest
from matplotlib.patches import Rectangle

from course_lib.figures.base import palette
from course_lib.figures.decoder_loop import Frame, loop_frames

TURNS = [Frame(("<s>",), "la", 0.875), Frame(("<s>", "la"), "casa", 0.5)]


def test_each_turn_reads_what_was_said_before_it() -> None:
    drawn = loop_frames(TURNS)
    assert drawn.table[1:] == [[1, "<s>", "la", "0.88"], [2, "<s> la", "casa", "0.50"]]
    assert "it reads '<s>' and says, one after the other, 'la' (88%), 'casa' (50%)" in drawn.alt
    assert drawn.phone is not None
    for figure in (drawn.figure, drawn.phone):
        (axes,) = figure.axes
        words = [text.get_text() for text in axes.texts if text.get_text()]
        assert words == ["<s>", "la\n0.88", "<s>", "la", "casa\n0.50"]
        boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        said = [box.get_xy() for box in boxes if box.get_facecolor()[:3] == pytest.approx(RGB)]
        assert said == [(1, 0), (2, 1)]


RGB = tuple(int(palette.orange[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_what_is_no_loop_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one turn"):
        loop_frames([])
    with pytest.raises(ValueError, match="turn 2 reads '<s> el', wanted '<s> la'"):
        loop_frames([TURNS[0], Frame(("<s>", "el"), "casa", 0.5)])
    with pytest.raises(ValueError, match=r"probability must be from 0 to 1, got 1.5 in turn 1"):
        loop_frames([Frame(("<s>",), "la", 1.5)])
