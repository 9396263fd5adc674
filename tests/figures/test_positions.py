import pytest
import torch

from course_lib.figures.positions import (
    longer_texts,
    score_by_distance,
    turning_arrows,
    word_plus_position,
)
from course_lib.model.positions import ALiBi, Sinusoidal


def test_the_sum_is_word_plus_place() -> None:
    words = torch.tensor([[1.0, 2.0], [0.0, 0.5], [1.0, 2.0]])
    places = Sinusoidal(2).embed(torch.arange(3))
    figure = word_plus_position(["dog", "bites", "dog"], words, places, columns=2)
    for t, row in enumerate(figure.table[1:]):
        assert row[2:] == pytest.approx((words + places)[t].tolist())
    assert "“dog” stands at places 0 and 2" in figure.alt
    apart = word_plus_position(["dog", "cat", "cow"], torch.eye(3, 2), places, columns=2)
    assert "stands at places" not in apart.alt


def test_the_angle_between_arrows_follows_the_distance() -> None:
    query, key = torch.tensor([0.0, 2.0]), torch.tensor([1.0, 0.0])
    figure = turning_arrows(query, key, [(3, 1), (9, 7), (9, 4)], speed=0.25)
    angles = [float(row[3]) for row in figure.table[1:]]
    assert angles == pytest.approx([90 + 28.65, 90 + 28.65, 90 + 71.62], abs=0.06)
    assert [row[2] for row in figure.table[1:]] == [2, 2, 5]
    assert "query at 9, key at 4: 161.6 degrees apart" in figure.alt
    with pytest.raises(ValueError, match="at least one pair"):
        turning_arrows(query, key, [], speed=0.25)
    with pytest.raises(ValueError, match="must not be zero"):
        turning_arrows(query, torch.zeros(2), [(3, 1)], speed=0.25)


def test_scores_are_those_of_the_scheme() -> None:
    slots = torch.arange(9)
    curves = ALiBi(4).bias(slots[-1:], slots)[:, 0].flip(-1).float()
    figure = score_by_distance({"ALiBi": curves}, names=["1", "2", "3", "4"])
    assert [row[0] for row in figure.table[1:]] == [0, 1, 2, 3, 4, 8]
    assert [row[1] for row in figure.table[1:]] == [0.0, -0.25, -0.5, -0.75, -1.0, -2.0]
    assert figure.alt.startswith("Score by distance, a panel for each scheme.")
    assert "The first curve of each: ALiBi 0.00 at distance 0, -2.00 at 8." in figure.alt
    assert len(figure.figure.axes[0].lines) == 4


def test_a_scheme_that_goes_no_further_ends() -> None:
    figure = longer_texts([8, 16], {"none": [3.0, 3.5], "learned": [2.0]}, trained=8)
    assert figure.table[1:] == [["none", "3.00", "3.50"], ["learned", "2.00", "-"]]
    assert "none: 3.00 to 3.50; learned: 2.00, nothing beyond 8." in figure.alt


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 words do not fit"):
        word_plus_position(["a", "b"], torch.zeros(3, 2), torch.zeros(3, 2))
    with pytest.raises(ValueError, match="columns must be from 1 to 2, got 6"):
        word_plus_position(["a"], torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"one length, got \[2, 3\]"):
        score_by_distance({"a": torch.zeros(1, 2), "b": torch.zeros(1, 3)})
    with pytest.raises(ValueError, match="trained=4 must be among"):
        longer_texts([8, 16], {"none": [3.0]}, trained=4)
    with pytest.raises(ValueError, match="must have 1 to 2 numbers, got 3"):
        longer_texts([8, 16], {"none": [3.0, 3.0, 3.0]}, trained=8)
