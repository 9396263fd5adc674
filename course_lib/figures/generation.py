"""Figures of the generation chapter: how one token is chosen from a distribution.

Chapter: 11_generative_configuration
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.phone import PHONE_INCHES
from course_lib.generation.chain import Processor, probabilities
from course_lib.generation.processors import temperature, top_k, top_p
from course_lib.shapes import Float, Int


@plain_numbers
def greedy_and_random(
    logits: Float[Tensor, " V"],
    words: Sequence[str],
    drawn: Int[Tensor, " N"],
    *,
    n_shown: int = 8,
) -> FigureWithText:
    """Draw one distribution twice: what greedy does with it, and what N random draws did.

    Args:
        logits: Scores of the next token.
        words: Text of each token of the vocabulary.
        drawn: Token ids drawn from the distribution.
        n_shown: Tokens shown, the most likely first; the rest share the last bar.

    Returns:
        The figure; its table has each shown token's probability and share of the draws.

    Raises:
        ValueError: If `words` does not name every token, or nothing was drawn.
    """
    _named(logits, words)
    if len(drawn) == 0:
        raise ValueError("drawn must hold at least one token, got none")
    chances = probabilities(logits[None])[0]
    order = chances.argsort(descending=True, stable=True)[:n_shown]
    share = drawn.bincount(minlength=len(chances)) / len(drawn)
    names = [*(_spell(words[i]) for i in order.tolist()), "all others"]
    model = [*chances[order].tolist(), float(1 - chances[order].sum())]
    random = [*share[order].tolist(), float(1 - share[order].sum())]
    figure, (left, right) = new_figure(
        1, 2, width=6.6, height=0.9 + 0.3 * len(names), sharey=True, sharex=True
    )
    colours = [palette.orange, *[palette.sky] * (len(names) - 1)]
    bars = _bars(left, model, names, colours)
    bars[0].set_hatch("//")
    left.annotate("greedy takes this one, always", (model[0], 0), (6, -11), **_NOTE)
    left.set_title("the distribution", fontsize=10)
    _bars(right, random, names, [palette.blue] * len(names))
    right.set_title(f"{len(drawn):,} random draws", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel("share")
    distinct = int((share > 0).sum())
    alt = (
        f"Bars of the next-token distribution beside {len(drawn):,} random draws from it. Greedy "
        f"always takes {names[0]}, which has probability {model[0]:.2f}; random sampling took it "
        f"in {random[0]:.0%} of the draws and took {distinct} different tokens in all."
    )
    table = [["token", "probability", "share of draws"]]
    return FigureWithText(figure, alt, [*table, *map(list, zip(names, model, random, strict=True))])


@plain_numbers
def top_k_and_top_p(
    prompts: Mapping[str, Float[Tensor, " V"]],
    words: Sequence[str],
    *,
    k: int,
    p: float,
    n_shown: int = 12,
) -> FigureWithText:
    """Draw what top-k and what top-p keep, for each prompt.

    Args:
        prompts: Logits of the next token, by prompt.
        words: Text of each token of the vocabulary.
        k: Tokens that top-k keeps.
        p: Probability that top-p keeps.
        n_shown: Tokens shown, the most likely first.

    Returns:
        The figure; its table counts the kept tokens and their mass.

    Raises:
        ValueError: If `words` does not name every token, or there is no prompt.
    """
    if not prompts:
        raise ValueError("prompts must hold at least one prompt, got none")
    steps: list[Processor] = [top_k(k), top_p(p)]
    height = len(prompts) * (0.8 + 0.19 * n_shown)
    figure, axes = new_figure(
        len(prompts), 2, width=6.6, height=height, squeeze=False, sharex="row", sharey="row"
    )
    rows, said = [], []
    for row, (prompt, logits) in zip(axes, prompts.items(), strict=True):
        _named(logits, words)
        chances = probabilities(logits[None])[0]
        order = chances.argsort(descending=True, stable=True)[:n_shown]
        names = [_spell(words[i]) for i in order.tolist()]
        counts = []
        for one, step in zip(row, steps, strict=True):
            kept = step(logits[None])[0] > -torch.inf
            colours = [palette.blue if keep else "#ffffff" for keep in kept[order].tolist()]
            bars = _bars(one, chances[order].tolist(), names, colours)
            for bar, keep in zip(bars, kept[order].tolist(), strict=True):
                bar.set(edgecolor=palette.faint, hatch=None if keep else "////")
            n_kept, mass = int(kept.sum()), float(chances[kept].sum())
            counts.append(n_kept)
            one.set_title(f"{step!r} keeps {n_kept}, mass {mass:.2f}", fontsize=9)
            one.set_xlabel("probability; hatched: dropped", fontsize=9)
            rows.append([prompt, repr(step), n_kept, mass])
        row[0].set_ylabel(f"{prompt} …", fontsize=9)
        said.append(
            f"After “{prompt}” top-k keeps {counts[0]} tokens and top-p {_count(counts[1])}."
        )
    alt = " ".join([f"What top-k with k = {k} and top-p with p = {p} keep.", *said])
    return FigureWithText(figure, alt, [["prompt", "step", "tokens kept", "mass kept"], *rows])


@plain_numbers
def temperatures(
    logits: Float[Tensor, " V"],
    words: Sequence[str],
    values: Sequence[float] = (0.5, 1.0, 2.0),
    *,
    n_shown: int = 10,
) -> FigureWithText:
    """Draw one distribution at several temperatures, the tokens in the same order each time.

    Args:
        logits: Scores of the next token.
        words: Text of each token of the vocabulary.
        values: Temperatures, one panel each.
        n_shown: Tokens shown, the most likely first.

    Returns:
        The figure; its table has a column for each temperature.

    Raises:
        ValueError: If `words` does not name every token, or there is no temperature.
    """
    _named(logits, words)
    if not values:
        raise ValueError("values must hold at least one temperature, got none")
    order = logits.argsort(descending=True, stable=True)[:n_shown]
    names = [_spell(words[i]) for i in order.tolist()]
    figure, axes = new_figure(
        1,
        len(values),
        width=2.3 * len(values),
        height=0.9 + 0.26 * n_shown,
        squeeze=False,
        sharey=True,
        sharex=True,
    )
    columns, openness = [], []
    for one, t in zip(axes[0], values, strict=True):
        chances = probabilities(logits[None], [temperature(t)])[0]
        openness.append(float(torch.special.entr(chances).sum().exp()))
        columns.append(chances[order].tolist())
        _bars(one, columns[-1], names, [palette.blue] * n_shown)
        one.set_title(f"T = {t:g}: open as {openness[-1]:.1f}", fontsize=9)
    axes[0][0].set_xlabel("probability")
    said = ", ".join(
        f"{column[0]:.2f} at T = {t:g}" for column, t in zip(columns, values, strict=True)
    )
    alt = (
        f"The same next-token distribution at {len(values)} temperatures. The order of the tokens "
        f"never changes; {names[0]} has probability {said}. The choice is as open as among "
        + ", ".join(f"{value:.1f}" for value in openness)
        + " equally likely tokens."
    )
    head = ["token", *(f"T = {t:g}" for t in values)]
    table = [[name, *row] for name, row in zip(names, zip(*columns, strict=True), strict=True)]
    return FigureWithText(figure, alt, [head, *table])


@plain_numbers
def repetition_and_surprise(
    results: Mapping[str, tuple[float, float]],
    *,
    real: str,
    curves: Mapping[str, Sequence[str]] | None = None,
) -> FigureWithText:
    """Place each setting by how likely its text is to the model and how much it repeats itself.

    Args:
        results: By name: mean log-probability a token in nats, and share of repeated 4-grams.
        real: The name that stands for real text.
        curves: By name of what is turned: names of results to join by a line, in order.

    Returns:
        The figure; its table holds the numbers.

    Raises:
        ValueError: If `real`, or a name on a curve, is not among the names.
    """
    curves = curves or {}
    for name in (real, *(name for names in curves.values() for name in names)):
        if name not in results:
            raise ValueError(f"real and curves must name some of {list(results)}, got {name!r}")
    figure = _draw_places(results, real, curves, width=6.4)
    phone = _draw_places(results, real, curves, width=PHONE_INCHES)
    likeliest = max(results, key=lambda name: results[name][0])
    near = min((n for n in results if n != real), key=lambda n: _gap(results[n], results[real]))
    alt = (
        f"Each way of choosing tokens, placed by log-probability and repetition. The likeliest "
        f"text is that of {likeliest}, which repeats {results[likeliest][1]:.0%} of its 4-grams; "
        f"{real} repeats {results[real][1]:.0%}, at {results[real][0]:.2f} nats. In "
        f"log-probability {near} comes closest to it."
    )
    table: list[list[Any]] = [["text", "log-probability", "repeated 4-grams"]]
    table += [[name, *pair] for name, pair in results.items()]
    return FigureWithText(figure, alt, table, phone=phone)


def _draw_places(
    results: Mapping[str, tuple[float, float]],
    real: str,
    curves: Mapping[str, Sequence[str]],
    *,
    width: float,
) -> Figure:
    """Draw the points, the curves through them, and a name beside each."""
    # The narrower, the more names stand below each other.
    figure, axes = new_figure(width=width, height=2.6 + 9 / width + 0.4 * bool(curves))
    for index, (turned, names) in enumerate(curves.items()):
        line, colour = palette.lines[index], palette.series[index + 1]
        x, y = zip(*(results[name] for name in names), strict=True)
        axes.plot(x, y, line, color=colour, lw=1.2, label=turned, zorder=0)
    for index, (name, (likelihood, repeated)) in enumerate(results.items()):
        is_real = name == real
        axes.plot(
            likelihood,
            repeated,
            marker="*" if is_real else palette.markers[index % len(palette.markers)],
            markersize=15 if is_real else 7,
            color=palette.vermilion if is_real else palette.blue,
            linestyle="none",
        )
    axes.axvline(results[real][0], color=palette.faint, lw=0.8, ls=":")
    axes.set_xlabel("mean log-probability of a token, nats")
    axes.set_ylabel("repeated 4-grams")
    axes.margins(x=0.16, y=0.2)
    if curves:  # above the panel, which is full of names
        figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    _name_apart(figure, axes, results)
    return figure


def _name_apart(figure: Figure, axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write a name beside each point, none over another or a point, and on a line only if it must.

    A name that stands off gets a thin line, which other names keep off, too. Each is placed again
    when all others have a place: the first ones knew of no other.
    """
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    unit = figure.dpi / 72
    low, high = axes.bbox.intervaly
    panel = Bbox.from_extents(axes.bbox.x0, low, figure.bbox.x1, high)
    middles = [tuple(map(float, axes.transData.transform(one))) for one in points.values()]
    marks = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in middles]
    drawn = (line for line in axes.lines if line.get_linestyle() != "None")
    lines = [line.get_transform().transform_path(line.get_path()) for line in drawn]
    heights = [4, -3, *range(-12, -53, -8), *range(12, 53, 8)]
    offsets = [(x, y) for y in heights for x in (7, -7, 24, -24, 42, -42)]
    offsets.sort(key=lambda offset: math.hypot(offset[0], offset[1] + 2))
    placed: dict[int, _Place] = {}
    for own, (name, point) in [*enumerate(points.items())] * 4:
        note = axes.annotate(name, point, (0, 0), **_NOTE)
        note.update_positions(renderer)
        size = Text.get_window_extent(note, renderer)
        note.remove()
        others = [one for index, one in placed.items() if index != own]
        names, near = [one.words for one in others], [*marks[:own], *marks[own + 1 :]]
        ways = [*lines, *(one.way for one in others if one.stands_off)]
        places = (_Place(x, y, size, middles[own], unit) for x, y in offsets)
        costs = [(one.cost(panel, names, near, [*marks, *names], ways), one) for one in places]
        placed[own] = min(costs, key=lambda pair: pair[0])[1]
    for (name, point), place in zip(points.items(), placed.values(), strict=True):
        style = {"arrowstyle": "-", "lw": 0.5, "color": palette.faint}
        note = axes.annotate(
            name,
            point,
            (place.x, place.y),
            ha="left" if place.x > 0 else "right",
            arrowprops=style if place.stands_off else None,
            **_NOTE,
        )
        note.set_in_layout(False)  # else the axes shrink for it, and all points move


class _Place:
    """Where a name may stand: so many points off its own, its words there, and the way to them."""

    def __init__(self, x: int, y: int, size: Bbox, middle: tuple[float, ...], unit: float) -> None:
        self.x, self.y = x, y
        self.stands_off = abs(y) > 8 or abs(x) > 7
        self.words = size.translated(unit * x - size.width * (x < 0), unit * y)
        near = self.words.x0 if x > 0 else self.words.x1
        self.way = Path([middle, (near, self.words.y0 + size.height / 2)])

    def cost(
        self,
        panel: Bbox,
        names: Sequence[Bbox],
        near: Sequence[Bbox],
        taken: Sequence[Bbox],
        ways: Sequence[Path],
    ) -> tuple[int, int]:
        """Count what it would cover, or whether it would leave the panel; then what it crosses.

        Args:
            panel: Where names may stand.
            names: Where the other names stand.
            near: The other points.
            taken: All points and the other names.
            ways: Lines.
        """
        words, room = self.words, self.words.padded(2)
        inside = all(panel.contains(x, y) for x, y in words.corners())
        crossed = sum(way.intersects_bbox(room, filled=False) for way in ways)
        crossed += sum(self.way.intersects_bbox(one.padded(2)) for one in [*names, *near])
        crossed += words.padded(5).count_overlaps(near)  # else it seems to name another
        return words.count_overlaps(taken) + len(taken) * (not inside), int(crossed)


_NOTE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8.5, "color": palette.ink}


def _bars(
    axes: Axes, values: Sequence[float], names: Sequence[str], colours: Sequence[str]
) -> Sequence[Rectangle]:
    places = range(len(names))
    drawn = axes.barh(places, list(values), color=colours, edgecolor=palette.ink, linewidth=0.6)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)  # the most likely on top
    return drawn.patches


def _spell(word: str) -> str:
    """Make spaces and line ends visible."""
    return "“" + word.replace("\n", "⏎").replace("\t", "⇥") + "”"


def _count(n: int) -> str:
    return f"{n} token" if n == 1 else f"{n} tokens"


def _gap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0])


def _named(logits: Tensor, words: Sequence[str]) -> None:
    if logits.ndim != 1 or len(words) != len(logits):
        raise ValueError(f"words must name {tuple(logits.shape)} tokens, got {len(words)}")
