import pytest
import torch

from course_lib.figures.relevance import (
    learning_curve,
    reach_curve,
    relevance_heads,
    relevance_map,
)
from course_lib.widgets import AttentionMap, HeadGallery

WORDS = ["the", "keys", "are"]
MAP = torch.tensor([[1.0, 0.0, 0.0], [0.3, 0.7, 0.0], [0.05, 0.8, 0.15]])


def test_the_map_says_and_lists_what_it_shows() -> None:
    figure = relevance_map(MAP, WORDS)
    assert "“are” takes most, 0.80, from “keys”" in figure.alt
    assert figure.table[0] == ["from \\ to", *WORDS]
    assert [round(x, 2) for x in figure.table[3][1:]] == [0.05, 0.8, 0.15]
    assert len(figure.figure.axes[0].texts) == 9


def test_every_head_has_a_panel_and_a_row() -> None:
    weights = torch.stack([torch.stack([MAP, torch.eye(3)])] * 2)  # (2, 2, 3, 3)
    figure = relevance_heads(weights, WORDS, query=-1)
    assert len(figure.figure.axes) == 4
    assert [row[:3] for row in figure.table[1:]] == [
        [1, 1, "keys 0.80"],
        [1, 2, "are 1.00"],
        [2, 1, "keys 0.80"],
        [2, 2, "are 1.00"],
    ]
    assert "head 2.1 at “keys”" in figure.alt


def test_curves_state_first_last_and_what_they_are_compared_with() -> None:
    curve = learning_curve([(0, 7.0), (10, 4.0)], {"bigram": 5.0})
    assert "from 7.00 to 4.00 nats a token in 10 updates; the bigram 5.00" in curve.alt
    assert curve.table[-1] == ["bigram", 5.0]
    reach = reach_curve({1: 6.0, 2: 5.0, 4: 4.5}, {"bigram": 4.9})
    assert "6.00 with 1, 4.50 with 4" in reach.alt
    assert len(reach.table) == 5


def test_a_loss_that_stays_has_a_curve_too() -> None:
    low, high = learning_curve([(0, 2.0), (10, 2.0)], {"bigram": 2.0}).figure.axes[0].get_ylim()
    assert low < 2 < high


def test_levels_that_leave_no_room_share_a_label() -> None:
    levels = {"bigram": 5.0, "three": 4.0, "four": 3.95, "five": 3.9}
    shown = learning_curve([(0, 7.0), (10, 4.1)], levels).figure.axes[0].texts
    labels = {text.get_text() for text in shown}
    assert labels == {"transformer 4.10", "bigram 5.00", "three 4.00, four 3.95, five 3.90"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: relevance_map(MAP, ["a"]), "weights 3 x 3 and 1 words"),
        (lambda: relevance_map(MAP * 2, WORDS), "row sums from 2.000 to 2.000"),
        (lambda: relevance_heads(MAP[None, None], WORDS, query=3), "from -3 to 2, got 3"),
        (lambda: learning_curve([], {}), "at least 1 pair, got 0"),
        (lambda: reach_curve({}, {}), "at least 1 length, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("gradient", [True, False])
def test_weights_are_drawn_as_a_fresh_model_gives_them(dtype, gradient):
    scores = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 3
    weights = scores.softmax(-1).to(dtype).requires_grad_(gradient)
    words = ["the", "keys", "are", "here"]
    assert relevance_map(weights[0, 0], words).table[1][0] == "the"
    assert len(relevance_heads(weights, words).table) == 5
    assert AttentionMap(weights, words).payload["packed"]
    HeadGallery(weights, words, [[0.5, 0.5]] * 2, 0.9)
