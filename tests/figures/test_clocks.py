import math
import re

import pytest
import torch

from course_lib.figures.clocks import rows_and_hands
from course_lib.model.positions import Sinusoidal


def rows(places: int = 16, width: int = 8) -> torch.Tensor:
    return Sinusoidal(width).embed(torch.arange(places))


def test_hands_turn_as_fast_as_their_clocks() -> None:
    figure = rows_and_hands(rows(), hands=(1, 2))  # 1 and 1/10 radian a place
    degrees = {row[0]: [float(cell) for cell in row[1:]] for row in figure.table[1:]}
    assert list(degrees) == [0, 1, 2, 3, 7, 15]
    for place, hands in degrees.items():
        wanted = [57.29578 * place % 360, 5.729578 * place]
        assert hands == pytest.approx(wanted, abs=0.051)


def test_the_description_counts_the_clocks_that_go_round() -> None:
    assert (
        "1 of the 4 clocks go round at least once in 16 places"
        in rows_and_hands(rows(), hands=(1,)).alt
    )
    # 1/10 radian a place: 62 steps are short of a turn, 63 are more than one.
    assert "1 of the 4 clocks" in rows_and_hands(rows(63), hands=(1,)).alt
    longer = rows_and_hands(rows(64), hands=(1, 2)).alt
    assert "2 of the 4 clocks" in longer and "clock 1 by 57.3°, 2 by 5.7°" in longer


def test_each_place_of_the_first_four_has_a_dial_with_its_hands() -> None:
    drawn = rows_and_hands(rows(), hands=(1, 2))
    assert drawn.phone is not None
    for figure in (drawn.figure, drawn.phone):
        dials = [axes for axes in figure.axes if re.match(r"place \d", axes.get_title())]
        assert [axes.get_title() for axes in dials] == [f"place {t}" for t in range(4)]
        for t, axes in enumerate(dials):
            fast, slow = ((line.get_xdata()[1], line.get_ydata()[1]) for line in axes.lines)
            turn = torch.atan2(*(torch.tensor(fast)))
            assert float(turn) == pytest.approx(t, abs=1e-6)
            assert float(torch.atan2(*torch.tensor(slow))) == pytest.approx(t / 10, abs=1e-6)
    (colours,) = (axes for axes in drawn.figure.axes if axes.images)
    assert colours.images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("hands", [(1,), (1, 2, 3, 4)])
def test_the_number_of_a_hand_stands_inside_its_dial(hands: tuple[int, ...]) -> None:
    drawn = rows_and_hands(rows(), hands=hands)
    assert drawn.phone is not None
    for figure in (drawn.figure, drawn.phone):
        figure.draw_without_rendering()
        (dial,) = (axes for axes in figure.axes if axes.get_title() == "place 3")
        assert [text.get_text() for text in dial.texts] == [str(hand) for hand in hands]
        for text in dial.texts:
            corners = dial.transData.inverted().transform(text.get_window_extent().corners())
            assert all(math.hypot(x, y) < 1 for x, y in corners), text


@pytest.mark.parametrize(
    ("table", "hands", "said"),
    [
        (rows(3), (1,), "at least 4, of an even width, got 3 by 8"),
        (rows()[:, :7], (1,), "got 16 by 7"),
        (rows()[1:], (1,), "must begin with that of place 0"),
        (rows(), (), r"hands must be one to four clocks from 1 to 4, got \[\]"),
        (rows(), (0, 1), r"got \[0, 1\]"),
        (rows(), (5,), r"got \[5\]"),
    ],
)
def test_what_does_not_fit_is_refused(
    table: torch.Tensor, hands: tuple[int, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        rows_and_hands(table, hands=hands)
