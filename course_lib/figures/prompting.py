"""Figures of the prompt engineering chapter: what examples in a prompt do for a fixed model.

Chapter: 10_prompt_engineering
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
