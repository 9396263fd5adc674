"""Figures of the prompt engineering chapter: what examples in a prompt do for a fixed model.

Chapter: 10_prompt_engineering
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.shapes import Float


@plain_numbers
def accuracy_by_examples(
    n_examples: Sequence[int],
    runs: Mapping[str, Float[Tensor, "R N"]],
    best: Sequence[float],
    *,
    chance: float,
) -> FigureWithText:
    """Draw accuracy against the number of examples, beside the best that anyone could reach.

    Args:
        n_examples: Examples in the prompt, rising.
        runs: By name, the accuracy of each run (rows) after so many examples (columns).
        best: The highest possible expected accuracy after so many examples.
        chance: Accuracy of guessing.

    Returns:
        The figure; its table has the best possible, and mean, lowest and highest of the runs.

    Raises:
        ValueError: If nothing was measured, lengths differ, or an accuracy is not from 0 to 1.
    """
    if not runs:
        raise ValueError("runs must hold at least one measured series, got none")
    n = len(n_examples)
    if list(n_examples) != sorted(set(n_examples)):
        raise ValueError(f"n_examples must rise, got {list(n_examples)}")
    if len(best) != n:
        raise ValueError(f"best must have {n} values, one for each of n_examples, got {len(best)}")
    for name, values in runs.items():
        if values.shape[1] != n or not len(values):
            raise ValueError(f"runs[{name!r}] must be (R, {n}), got {tuple(values.shape)}")
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise ValueError(f"runs[{name!r}] must be shares from 0 to 1")
    figure, axes = new_figure(width=6.4, height=3.9)
    axes.axhline(chance, color=palette.faint, lw=1, ls=":")
    axes.annotate(f"chance: {chance:.0%}", (n_examples[-1], chance), (0, 4), ha="right", **_NOTE)
    axes.plot(n_examples, best, color=palette.ink, lw=1.2, ls="--", label="best possible (Bayes)")
    rows: list[list[Any]] = [
        ["examples", "best possible"],
        *([str(k), b] for k, b in zip(n_examples, best, strict=True)),
    ]
    said = []
    for index, (name, values) in enumerate(runs.items()):
        mean, low, high = values.mean(0), values.amin(0), values.amax(0)
        colour = palette.series[index % len(palette.series)]
        axes.fill_between(n_examples, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(
            n_examples,
            mean,
            color=colour,
            lw=1.8,
            marker=palette.markers[index % len(palette.markers)],
            label=name,
        )
        rows[0] += [name, f"{name}: lowest", f"{name}: highest"]
        for row, *cells in zip(rows[1:], mean.tolist(), low.tolist(), high.tolist(), strict=True):
            row += cells
        said.append(
            f"{name}: {float(mean[0]):.0%} after {_count(n_examples[0])}, "
            f"{float(mean[-1]):.0%} after {_count(n_examples[-1])}"
        )
    axes.set_xlabel("examples in the prompt")
    axes.set_ylabel("right answers")
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xticks(list(n_examples))
    axes.legend(fontsize=8, frameon=False, loc="center right", bbox_to_anchor=(1, 0.55))
    n_runs = len(next(iter(runs.values())))
    alt = (
        f"Accuracy of one fixed model against the number of examples in its prompt, over {n_runs} "
        f"draws of prompts. {'; '.join(said)}. The best possible answer would be right in "
        f"{best[0]:.0%} to {best[-1]:.0%}; guessing is right in {chance:.0%}."
    )
    return FigureWithText(figure, alt, rows)


_NOTE = {"textcoords": "offset points", "fontsize": 8, "color": palette.ink}


def _count(n: int) -> str:
    return f"{n} example" if n == 1 else f"{n} examples"


@plain_numbers
def size_by_examples(
    n_examples: Sequence[int],
    sizes: Mapping[str, tuple[Float[Tensor, " R"], Float[Tensor, "R N"]]],
    *,
    chance: float,
) -> FigureWithText:
    """Draw what models of several sizes make of an instruction and of examples.

    Args:
        n_examples: Examples in the prompt, rising.
        sizes: By name, from small to large, the accuracy of each run (rows) with an instruction
            and no example, and without instruction after so many examples (columns).
        chance: Accuracy of the best answer to a prompt that says and shows nothing.

    Returns:
        The figure; its table has mean, lowest and highest of the runs.

    Raises:
        ValueError: If nothing was measured, lengths differ, or an accuracy is not from 0 to 1.
    """
    if not sizes:
        raise ValueError("sizes must hold at least one model, got none")
    if not n_examples or list(n_examples) != sorted(set(n_examples)):
        raise ValueError(f"n_examples must rise, got {list(n_examples)}")
    for name, (said, shown) in sizes.items():
        if shown.shape != (len(said), len(n_examples)) or not len(said):
            raise ValueError(
                f"sizes[{name!r}] must be (R,) and (R, {len(n_examples)}), got "
                f"{tuple(said.shape)} and {tuple(shown.shape)}"
            )
        if not all(bool(((values >= 0) & (values <= 1)).all()) for values in (said, shown)):
            raise ValueError(f"sizes[{name!r}] must be shares from 0 to 1")
    figure, axes = new_figure(width=6.4, height=3.9)
    places = list(range(1, len(n_examples) + 1))
    axes.axhline(chance, color=palette.faint, lw=1, ls=":")
    axes.annotate(
        f"nothing known: {chance:.0%}", (places[-1], chance), (0, -11), ha="right", **_NOTE
    )
    axes.axvline(0.5, color=palette.faint, lw=1)
    rows: list[list[Any]] = [
        ["prompt"],
        ["instruction only"],
        *([_count(k)] for k in n_examples),
    ]
    told = []
    for index, (name, (said, shown)) in enumerate(sizes.items()):
        colour = palette.series[index % len(palette.series)]
        marker = palette.markers[index % len(palette.markers)]
        mean = shown.mean(0)
        axes.fill_between(places, shown.amin(0), shown.amax(0), color=colour, alpha=0.2, lw=0)
        axes.plot(places, mean, color=colour, lw=1.8, marker=marker, label=name)
        left = 0.12 * (index - (len(sizes) - 1) / 2)
        axes.plot([left] * 2, [said.min(), said.max()], color=colour, lw=3, alpha=0.4)
        axes.plot([left], [said.mean()], color=colour, marker=marker, ls="none")
        every = torch.cat([said[:, None], shown], 1)
        rows[0] += [name, f"{name}: lowest", f"{name}: highest"]
        for row, values in zip(rows[1:], every.unbind(1), strict=True):
            row += [float(values.mean()), float(values.min()), float(values.max())]
        told.append(
            f"{name}: {float(said.mean()):.0%} with an instruction, {float(mean[0]):.0%} after "
            f"{_count(n_examples[0])}, {float(mean[-1]):.0%} after {_count(n_examples[-1])}"
        )
    axes.set_xticks([0, *places], ["instruction\nonly", *map(str, n_examples)])
    axes.set_xlabel("examples in the prompt, nothing said")
    axes.set_ylabel("right answers")
    axes.set_ylim(0, 1.06)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0.2, 0))
    n_runs = len(next(iter(sizes.values()))[0])
    alt = (
        f"Accuracy of models of {len(sizes)} sizes, over {n_runs} starts each, with an "
        f"instruction alone and without one after so many examples. {'; '.join(told)}."
    )
    return FigureWithText(figure, alt, rows)
