import pytest
import torch

from course_lib.figures.feed_forward import activation_curves, logits_to_probabilities


def test_the_bars_are_softmax_over_the_whole_vocabulary() -> None:
    logits = torch.tensor([0.0, 3.0, -1.0, 1.0, 0.5])
    figure = logits_to_probabilities(logits, list("abcde"), top=3)
    p = logits.softmax(-1)
    assert [row[0] for row in figure.table[1:]] == ["b", "d", "e", "the other 2"]
    assert figure.table[1][2] == f"{p[1]:.4f}"
    assert float(figure.table[-1][2]) == pytest.approx((p[0] + p[2]).item(), abs=1e-4)
    assert f"“b” gets {p[1]:.3f}" in figure.alt


def test_shifting_the_logits_moves_one_side_only() -> None:
    logits = torch.tensor([0.0, 3.0, -1.0, 1.0])
    one, other = (logits_to_probabilities(logits + c, list("abcd"), top=2) for c in (0.0, 5.0))
    assert [row[2] for row in one.table] == [row[2] for row in other.table]
    assert one.table[1][1] == "3.00" and other.table[1][1] == "8.00"


def test_activation_curves_come_from_the_package() -> None:
    figure = activation_curves(["relu", "gelu", "gelu_tanh", "silu"])
    values = {row[0]: row[1:] for row in figure.table[1:]}
    assert values["relu"] == [0.0, 0.0, 0.0, 1.0, 3.0]
    assert values["gelu"][3] == pytest.approx(0.841344746)
    assert values["gelu_tanh"][0] == pytest.approx(-0.003637392, rel=1e-4)
    assert "relu never goes below 0.00" in figure.alt


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="logits has 3 scores, words has 2"):
        logits_to_probabilities(torch.zeros(3), ["a", "b"])
    with pytest.raises(ValueError, match="top must be from 1 to 2, got 3"):
        logits_to_probabilities(torch.zeros(3), ["a", "b", "c"], top=3)
    with pytest.raises(ValueError, match="got 'tanh'"):
        activation_curves(["relu", "tanh"])
