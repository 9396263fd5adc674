import pytest
import torch

from course_lib.figures.prompting import accuracy_by_examples

RUNS = {"model": torch.tensor([[0.24, 0.5, 0.96], [0.26, 0.48, 0.94]])}
BEST = [0.25, 0.5, 0.994]


def test_table_and_words_hold_the_measured_numbers() -> None:
    figure = accuracy_by_examples([0, 1, 8], RUNS, BEST, chance=0.25)
    assert figure.table[0] == [
        "examples",
        "best possible",
        "model",
        "model: lowest",
        "model: highest",
    ]
    assert figure.table[3][0] == "8"
    assert figure.table[3][1:] == pytest.approx([0.994, 0.95, 0.94, 0.96])
    assert "model: 25% after 0 examples, 95% after 8 examples" in figure.alt
    assert "over 2 draws of prompts" in figure.alt
    assert "25% to 99%" in figure.alt


def test_each_series_has_its_own_line() -> None:
    both = RUNS | {"other": RUNS["model"] / 2}
    figure = accuracy_by_examples([0, 1, 8], both, BEST, chance=0.25)
    (axes,) = figure.figure.axes
    labelled = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    assert len({(line.get_marker(), line.get_color()) for line in labelled}) == 3
    assert len(figure.table[0]) == 8
    assert list(labelled[2].get_ydata()) == pytest.approx([0.125, 0.245, 0.475])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one measured series"):
        accuracy_by_examples([0], {}, [0.5], chance=0.5)
    with pytest.raises(ValueError, match=r"n_examples must rise, got \[1, 0, 8\]"):
        accuracy_by_examples([1, 0, 8], RUNS, BEST, chance=0.25)
    with pytest.raises(ValueError, match="best must have 3 values"):
        accuracy_by_examples([0, 1, 8], RUNS, BEST[:2], chance=0.25)
    with pytest.raises(ValueError, match=r"runs\['model'\] must be \(R, 2\), got \(2, 3\)"):
        accuracy_by_examples([0, 1], RUNS, BEST[:2], chance=0.25)
    with pytest.raises(ValueError, match="must be shares from 0 to 1"):
        accuracy_by_examples([0, 1, 8], {"model": RUNS["model"] * 2}, BEST, chance=0.25)
