"""The lifecycle's figures draw the steps and runs they are given, and refuse what is none."""

from contextlib import nullcontext

import pytest
import torch
from matplotlib.path import Path
from matplotlib.text import Text

from course_lib.figures.lifecycle import LifecycleStep, collapse, lifecycle
from course_lib.figures.phone import narrowed

STEPS = [
    LifecycleStep("define", "whole answers", None, "24 questions"),
    LifecycleStep("adapt", "prompt", 0.0, "no update"),
    LifecycleStep("adapt", "LoRA", 0.25, "150 updates"),
    LifecycleStep("evaluate", "held out", 0.5, ""),
]
LOOP = ("evaluate", "adapt")


def test_stages_steps_and_scores_are_drawn_and_told() -> None:
    drawn = lifecycle(STEPS, target=0.9041, loop=LOOP, measured="score")
    assert drawn.table == [
        ["stage", "step", "score", "note"],
        ["define", "whole answers", "–", "24 questions"],
        ["adapt", "prompt", "0.00", "no update"],
        ["adapt", "LoRA", "0.25", "150 updates"],
        ["evaluate", "held out", "0.50", ""],
    ]
    axes = drawn.figure.axes[0]
    assert [bar.get_width() for bar in axes.patches if hasattr(bar, "get_width")] == [0, 0.25, 0.5]
    texts = [text.get_text() for text in axes.texts]
    for words in ("define", "adapt", "evaluate", "0.25"):
        assert words in texts
    for words in ("3 stages", "back from evaluate to adapt", "LoRA 0.25", "target is 0.9."):
        assert words in drawn.alt
    assert "figure-narrow" in drawn._repr_mimebundle_()[0]["text/html"]


@pytest.mark.parametrize("score", [0.0, 0.66, 0.8, 0.86, 0.9, 1.0])
def test_no_word_lies_on_the_line_of_the_target(score: float) -> None:
    long = LifecycleStep("choose a model, or train one, or ask for one", "as it is", score, "")
    drawn = lifecycle([long, *STEPS], target=0.9, loop=LOOP, measured="score").figure
    for columns in (None, 0):  # on a wide page, and on a phone
        with nullcontext() if columns is None else narrowed(drawn, columns, 1.0, turned=False):
            drawn.draw_without_rendering()
            (axes,) = drawn.axes
            (line,) = axes.collections
            for text in axes.texts:
                for start, end in line.get_segments():
                    path = Path(axes.transData.transform([start, end]))
                    words = Text.get_window_extent(text)
                    assert not text.get_text() or not path.intersects_bbox(words), text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": []}, "at least 1 step"),
        ({"steps": [STEPS[1], STEPS[0], STEPS[2]]}, "'adapt' must stand together"),
        ({"steps": [STEPS[0]._replace(score=1.2)]}, "score from 0 to 1, got 1.2"),
        ({"target": 2.0}, "target must be from 0 to 1"),
        ({"loop": LOOP[::-1]}, "back to an earlier one"),
        ({"loop": ("evaluate", "nowhere")}, "back to an earlier one"),
    ],
)
def test_a_project_that_cannot_be_drawn_is_refused(change, message) -> None:
    given = {"steps": STEPS, "target": 0.9, "loop": LOOP, "measured": "score"} | change
    with pytest.raises(ValueError, match=message):
        lifecycle(given.pop("steps"), **given)


RATES = (1e-4, 1e-3)
RUNS = torch.tensor([[1.0, -4.0], [3.0, -8.0]])
PANELS = {
    "preferred": {"without": RUNS, "with": RUNS + 5},
    "margin": {"without": -RUNS, "with": RUNS},
    "whole": {"without": RUNS, "with": RUNS},
}


def test_means_and_ranges_of_the_runs_are_drawn() -> None:
    drawn = collapse(RATES, PANELS)
    assert drawn.table[1:4] == [
        ["preferred", "without", "0.0001", "2.00", "1.00", "3.00"],
        ["preferred", "without", "0.001", "-6.00", "-8.00", "-4.00"],
        ["preferred", "with", "0.0001", "7.00", "6.00", "8.00"],
    ]
    shown = [axes for axes in drawn.figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(PANELS)
    assert shown[0].lines[0].get_ydata().tolist() == [2, -6]
    assert "preferred, without: 2.00 to -6.00" in drawn.alt


@pytest.mark.parametrize(
    ("rates", "panels", "message"),
    [
        (RATES, {}, "panels must not be empty"),
        (RATES[::-1], PANELS, "rates rise"),
        ((0.0, 1.0), PANELS, "rates rise"),
        (RATES, PANELS | {"more": {"with": RUNS}}, r"panels\['more'\] must have the ways"),
        (RATES, {"a": {"b": RUNS[:, :1]}}, r"must be \(R, 2\), got \(2, 1\)"),
        (RATES, {"a": {"b": RUNS[:0]}}, r"must be \(R, 2\), got \(0, 2\)"),
    ],
)
def test_runs_that_do_not_fit_are_refused(rates, panels, message) -> None:
    with pytest.raises(ValueError, match=message):
        collapse(rates, panels)
