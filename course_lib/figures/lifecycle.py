"""Figures of the lifecycle chapter: what each step of a project brought; how alignment collapses.

Chapter: 12_generative_ai_lifecycle
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.shapes import Float


class LifecycleStep(NamedTuple):
    """A step of a project, as it was measured.

    Attributes:
        stage: The stage it belongs to; steps of a stage stand together.
        name: Of the step.
        score: What the model then reaches, from 0 to 1; None where nothing is measured.
        note: What it cost, or what was decided.
    """

    stage: str
    name: str
    score: float | None
    note: str


@plain_numbers
def lifecycle(
    steps: Sequence[LifecycleStep], *, target: float, loop: tuple[str, str], measured: str
) -> FigureWithText:
    """Draw a project from top to bottom: its stages, their steps, and the score after each.

    Args:
        steps: In order.
        target: The score from which on the model is good enough.
        loop: The stage from which the project goes back, and the one it goes back to.
        measured: What the score is.

    Returns:
        The figure; its table has stage, step, score and note.

    Raises:
        ValueError: If there is no step, a stage comes apart, a score or the target is not from 0
            to 1, or the loop does not lead back.
    """
    if not steps:
        raise ValueError("steps must hold at least 1 step, got 0")
    stages: list[str] = []
    for step in steps:
        if step.stage in stages[:-1]:
            raise ValueError(f"steps of the stage {step.stage!r} must stand together")
        if not stages or stages[-1] != step.stage:
            stages.append(step.stage)
        if step.score is not None and not 0 <= step.score <= 1:
            raise ValueError(f"step {step.name!r} must have a score from 0 to 1, got {step.score}")
    if not 0 <= target <= 1:
        raise ValueError(f"target must be from 0 to 1, got {target}")
    if not (set(loop) <= set(stages) and stages.index(loop[0]) > stages.index(loop[1])):
        raise ValueError(f"loop must lead from a stage back to an earlier one, got {loop}")
    places, place, heads = [], 0.0, {}
    for index, step in enumerate(steps):
        if not index or steps[index - 1].stage != step.stage:
            place += 1.1
            heads[step.stage] = place
        place += 1.0
        places.append(place)
    figure, axes = new_figure(width=6.4, height=0.27 * place + 0.7)
    for y, step in zip(places, steps, strict=True):
        if step.score is not None:
            axes.barh(y, step.score, height=0.62, color=palette.blue)
            # A number with no room before the line of the target stands behind it.
            beside = target if 0 <= target - step.score < _NUMBER else step.score
            axes.annotate(f"{step.score:.2f}", (beside, y), (4, 0), va="center", **_NOTE)
    for stage, y in heads.items():
        axes.annotate(stage, (0, y), (2, -2), va="center", weight="bold", **_NOTE)
    # The line of the target leaves out the names of the stages, which are as long as they are.
    gaps = [edge for y in heads.values() for edge in (y - 0.35, y + 0.55)]
    ends = [0.3, *gaps, place + 0.8]
    axes.vlines([target] * (len(heads) + 1), ends[::2], ends[1::2], palette.ink, "--", lw=1)
    first, last = heads[loop[1]], heads[loop[0]]
    arrow = {"arrowstyle": "->", "color": palette.vermilion, "lw": 1.4}
    axes.plot([1.17, 1.17], [first, last], color=palette.vermilion, lw=1.4)
    axes.plot([1.12, 1.17], [last, last], color=palette.vermilion, lw=1.4)
    axes.annotate("", (1.1, first), (1.17, first), arrowprops=arrow)
    axes.set_yticks(places, [step.name for step in steps], fontsize=8)
    axes.set(xlim=(0, 1.2), ylim=(place + 0.8, 0.3), xlabel=measured)
    written = f"{round(target, 2):g}"
    half = "0.5" if abs(target - 0.5) > 0.25 else ""  # beside the target there is no room
    axes.set_xticks([0, 0.5, target, 1.0], ["0", half, f"target {written}", ""], fontsize=8)
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False)
    rows: list[list[Any]] = [["stage", "step", measured, "note"]]
    rows += [
        [step.stage, step.name, "–" if step.score is None else f"{step.score:.2f}", step.note]
        for step in steps
    ]
    said = [f"{step.name} {step.score:.2f}" for step in steps if step.score is not None]
    alt = (
        f"A project in {len(stages)} stages from top to bottom: {', '.join(stages)}. An arrow "
        f"leads back from {loop[0]} to {loop[1]}. Bars give {measured} after each step: "
        f"{', '.join(said)}; the target is {written}."
    )
    return FigureWithText(figure, alt, rows)


@plain_numbers
def collapse(
    rates: Sequence[float],
    panels: Mapping[str, Mapping[str, Float[Tensor, "R N"]]],
) -> FigureWithText:
    """Draw what alignment does to a model against its learning rate, a panel for each measure.

    Args:
        rates: Learning rates, rising.
        panels: By measure and by way of training, the value of each run (rows) at each rate.

    Returns:
        The figure; its table has the mean, the lowest and the highest run for each rate.

    Raises:
        ValueError: If nothing was measured, the rates do not rise, the ways differ between panels,
            or a series has another number of columns.
    """
    n = len(rates)
    if not panels or list(rates) != sorted(set(rates)) or not n or rates[0] <= 0:
        raise ValueError(f"panels must not be empty and rates rise from above 0, got {list(rates)}")
    ways = list(next(iter(panels.values())))
    for name, series in panels.items():
        if list(series) != ways or not ways:
            raise ValueError(f"panels[{name!r}] must have the ways {ways}, got {list(series)}")
        for way, values in series.items():
            if values.ndim != 2 or values.shape[1] != n or not len(values):
                raise ValueError(
                    f"panels[{name!r}][{way!r}] must be (R, {n}), got {tuple(values.shape)}"
                )
    n_rows = math.ceil(len(panels) / 2)
    figure, axes = new_figure(
        n_rows, min(2, len(panels)), width=6.4, height=2.2 * n_rows + 0.5, squeeze=False
    )
    spare = list(axes.flat)[len(panels) :]
    for one in spare:
        one.set_visible(False)
    rows: list[list[Any]] = [["measure", "way", "rate", "mean", "lowest", "highest"]]
    said = []
    for one, (name, series) in zip(axes.flat, panels.items(), strict=False):
        for index, (way, values) in enumerate(series.items()):
            mean, low, high = values.mean(0), values.amin(0), values.amax(0)
            colour = palette.series[2 * index % len(palette.series)]
            one.fill_between(rates, low, high, color=colour, alpha=0.2, lw=0)
            one.plot(
                rates,
                mean,
                palette.lines[index % len(palette.lines)],
                marker=palette.markers[index % len(palette.markers)],
                color=colour,
                label=way,
                markersize=4,
            )
            for rate, *cells in zip(rates, mean.tolist(), low.tolist(), high.tolist(), strict=True):
                rows.append([name, way, f"{rate:g}", *(f"{cell:.2f}" for cell in cells)])
            said.append(f"{name}, {way}: {float(mean[0]):.2f} to {float(mean[-1]):.2f}")
        one.set_title(name, fontsize=9)
        one.set_xscale("log")
        one.set_xticks(list(rates), [f"{rate:g}" for rate in rates], fontsize=8)
        one.minorticks_off()
        one.axhline(0, color=palette.faint, lw=0.8)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    alt = (
        f"{len(panels)} measures of a model after alignment, a panel each, against the learning "
        f"rate, {rates[0]:g} to {rates[-1]:g}; lines are means of the runs. From the lowest rate "
        f"to the highest: {'; '.join(said)}."
    )
    return FigureWithText(figure, alt, rows)


_NUMBER = 0.24  # what a number takes of the axis on a phone
_NOTE = {"textcoords": "offset points", "fontsize": 8, "color": palette.ink}
