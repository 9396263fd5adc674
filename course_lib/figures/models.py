"""Figures of the chapter on the families: who sees whom, and what seeing more is worth.

Chapter: 09_transformer_models
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.heat import heat_map
from course_lib.shapes import Float


class AttentionTable(NamedTuple):
    """One table of a model's attention, with the words at its edges.

    Attributes:
        weights: Shares (T, S), rows summing to 1; exactly 0 where a mask hides.
        rows: The T words that look.
        columns: The S words that are looked at.
    """

    weights: Tensor
    rows: Sequence[str]
    columns: Sequence[str]


@plain_numbers
def who_sees_whom(views: Mapping[str, AttentionTable]) -> FigureWithText:
    """Draw tables of attention side by side; what a mask hides is hatched.

    Nothing is drawn by hand: a cell counts as hidden if its weight is exactly 0, which softmax
    gives to no word that may be seen.

    Args:
        views: The tables by name.

    Returns:
        The figure; its table says for each word of each table how many words it sees.

    Raises:
        ValueError: If there is no table, words do not fit one, or a row does not sum to 1.
    """
    if not views:
        raise ValueError("views is empty: give at least one table to draw")
    for name, view in views.items():
        _check_view(name, view)
    n_columns = min(3, len(views))
    n_rows = -(-len(views) // n_columns)
    tallest = max(len(view.rows) for view in views.values())
    figure, axes = new_figure(
        n_rows, n_columns, width=2.9 * n_columns, height=n_rows * (1.3 + 0.3 * tallest),
        squeeze=False,
    )  # fmt: skip
    places = list(axes.flat)
    for place in places[len(views) :]:
        place.set_visible(False)
    table: list[list[Any]] = [["table", "word", "sees", "of"]]
    sentences = []
    for place, (name, view) in zip(places, views.items(), strict=False):
        hidden = view.weights == 0
        drawn = view.weights.masked_fill(hidden, float("-inf"))
        heat_map(place, drawn, view.rows, view.columns, low=0.0, high=1.0)
        place.set_title(name, fontsize=9, color=palette.ink)
        seen = (~hidden).sum(-1).tolist()
        table += [
            [name, word, n, len(view.columns)] for word, n in zip(view.rows, seen, strict=True)
        ]
        total = f"{sum(seen)} of {hidden.numel()} pairs are visible"
        sentences.append(f"{name}: {total}" + (" (all)" if not hidden.any() else ""))
    return FigureWithText(figure, f"{'; '.join(sentences)}.", table)


@plain_numbers
def probability_by_place(
    words: Sequence[str],
    models: Mapping[str, Float[Tensor, " T"]],
    best: Mapping[str, Float[Tensor, " T"]],
) -> FigureWithText:
    """Draw how probable each model finds the right word at each place of a text.

    Args:
        words: The T places, as they stand at the axis.
        models: For each model its probabilities, place by place.
        best: For each of them the highest that its view allows; drawn as a bar across.

    Returns:
        The figure; its table gives every value.

    Raises:
        ValueError: If the names of the two differ or a length does not fit.
    """
    if list(models) != list(best):
        raise ValueError(f"models has {', '.join(models)}, best has {', '.join(best)}")
    for name in models:
        for values in (models[name], best[name]):
            if values.shape != (len(words),):
                raise ValueError(f"{name} has {len(values)} values for {len(words)} words")
    figure, axes = new_figure(width=max(6.4, 0.52 * len(words)), height=3.2)
    for index, (name, values) in enumerate(models.items()):
        colour = palette.series[index % 6]
        places = [place + 0.4 * (index - (len(models) - 1) / 2) for place in range(len(words))]
        axes.plot(places, values.tolist(), palette.markers[index % 5], label=name, color=colour)
        axes.plot(places, best[name].tolist(), "_", ms=11, mew=1.6, color=palette.ink,
                  label="the most its view allows" if index == 0 else None)  # fmt: skip
    axes.set_xticks(range(len(words)), words, rotation=45, ha="right", fontsize=9)
    axes.set(ylabel="probability of the right word", ylim=(-0.03, 1.05))
    figure.legend(frameon=False, fontsize=8.5, loc="outside upper left")  # over no point
    names = list(models)
    table: list[list[Any]] = [["word", *names, *(f"best for {name}" for name in names)]]
    for place, word in enumerate(words):
        numbers = [series[name][place].item() for series in (models, best) for name in names]
        table.append([word, *numbers])
    alt = f"Probability of the right word at {len(words)} places. " + _widest_gap(words, models)
    return FigureWithText(figure, alt, table)


def _widest_gap(words: Sequence[str], models: Mapping[str, Tensor]) -> str:
    if len(models) < 2:
        return f"{next(iter(models))} is drawn alone."
    (one, left), (other, right), *_ = models.items()
    place = int((left - right).abs().argmax())
    return (
        f"The two differ most at place {place + 1}, “{words[place]}”: {one} "
        f"{left[place].item():.2f}, {other} {right[place].item():.2f}."
    )


def _check_view(name: str, view: AttentionTable) -> None:
    shape = tuple(view.weights.shape)
    if shape != (len(view.rows), len(view.columns)):
        raise ValueError(
            f"{name}: weights has shape {shape}, but there are {len(view.rows)} rows and "
            f"{len(view.columns)} columns of words"
        )
    sums = view.weights.sum(-1)
    if (sums - 1).abs().max() > 1e-4:
        raise ValueError(f"{name}: each row must sum to 1, got sums {sums.tolist()}")
