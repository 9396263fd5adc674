import pytest
import torch

from course_lib.figures.prompting import accuracy_by_examples, size_by_examples

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


SIZES = {
    "small": (torch.tensor([0.2, 0.4]), torch.tensor([[0.1, 0.2], [0.3, 0.2]])),
    "large": (torch.tensor([1.0, 1.0]), torch.tensor([[0.2, 0.9], [0.2, 0.7]])),
}


def test_sizes_are_told_with_their_range_and_by_their_own_marks() -> None:
    figure = size_by_examples([0, 4], SIZES, chance=0.25)
    assert [row[0] for row in figure.table] == [
        "prompt",
        "instruction only",
        "0 examples",
        "4 examples",
    ]
    assert figure.table[1][1:] == pytest.approx([0.3, 0.2, 0.4, 1, 1, 1])
    assert figure.table[3][1:] == pytest.approx([0.2, 0.2, 0.2, 0.8, 0.7, 0.9])
    assert (
        "large: 100% with an instruction, 20% after 0 examples, 80% after 4 examples" in figure.alt
    )
    (axes,) = figure.figure.axes
    named = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    assert len({(line.get_marker(), line.get_color()) for line in named}) == 2


def test_sizes_that_do_not_fit_are_refused() -> None:
    said, shown = SIZES["small"]
    with pytest.raises(ValueError, match="at least one model"):
        size_by_examples([0], {}, chance=0.5)
    with pytest.raises(ValueError, match=r"n_examples must rise, got \[4, 0\]"):
        size_by_examples([4, 0], SIZES, chance=0.5)
    with pytest.raises(ValueError, match=r"n_examples must rise, got \[\]"):
        size_by_examples([], {"a": (said, shown[:, :0])}, chance=0.5)
    with pytest.raises(ValueError, match=r"must be \(R,\) and \(R, 1\), got \(2,\) and \(2, 2\)"):
        size_by_examples([0], SIZES, chance=0.5)
    with pytest.raises(ValueError, match="shares from 0 to 1"):
        size_by_examples([0, 4], {"a": (said * 4, shown)}, chance=0.5)
