"""Figures of the tokenizer chapter: a text cut into tokens, and what a larger vocabulary buys.

Chapter: 03_tokenizer
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.phone import PHONE_INCHES
from course_lib.tokenizers import Tokenizer

_LONGEST_TEXT = 90
_INCHES, _WIDEST = 0.135, 8.4  # of a character, and what a page leaves to a figure


@plain_numbers
def token_strips(text: str, tokenizers: Mapping[str, Tokenizer]) -> FigureWithText:
    """Draw a text as the tokens of one tokenizer or several, each box over its characters.

    The boxes come from ``Tokenizer.offsets``; under each stands the id. Tokens that share a
    character are drawn as one box with all their ids.

    Args:
        text: One line, at most 90 characters.
        tokenizers: Name -> tokenizer, one row each.

    Returns:
        The figure; its table has one row for each token.

    Raises:
        ValueError: If the text is empty, has line breaks or is too long, or there is no tokenizer.
    """
    if not text or "\n" in text or len(text) > _LONGEST_TEXT:
        raise ValueError(f"text must be one line of 1 to {_LONGEST_TEXT} characters, got {text!r}")
    if not tokenizers:
        raise ValueError("tokenizers must name at least one tokenizer")
    edges = _edges(text, tokenizers.values())
    figure = _in_lines(text, tokenizers, edges, max(4.0, min(0.3 + _INCHES * edges[-1], _WIDEST)))
    phone = _in_lines(text, tokenizers, edges, PHONE_INCHES)
    rows: list[list[object]] = [["tokenizer", "token", "covers", "id"]]
    said = []
    for name, tokenizer in tokenizers.items():
        ids, spans = tokenizer.encode(text), tokenizer.offsets(text)
        for number, (i, span) in enumerate(zip(ids, spans, strict=True), 1):
            rows.append([name, number, text[slice(*span)].replace(" ", "␣") or "nothing", i])
        pieces = " | ".join(
            text[start:end] for start, end in _boxes(text, tokenizer) if end > start
        )
        said.append(f"{name}, {len(ids)} tokens: {pieces}")
    alt = f"The text “{text}” with a box over the characters of each token. {'; '.join(said)}."
    return FigureWithText(figure, alt, rows, phone=phone)


def _in_lines(
    text: str, tokenizers: Mapping[str, Tokenizer], edges: Sequence[float], inches: float
) -> Figure:
    """Draw the text in lines of a width, cut between tokens, and between words where that fits.

    Args:
        text: All of it.
        tokenizers: By name.
        edges: Where each character of the text begins.
        inches: Width of the figure.
    """
    room = inches / _INCHES - 1
    lines = _lines(text, tokenizers, edges, room)
    high = 0.3 + 0.7 * len(tokenizers)
    figure, panels = new_figure(
        len(lines), 1, width=inches, height=high * len(lines), squeeze=False
    )
    for index, (axes, line) in enumerate(zip(panels[:, 0], lines, strict=True)):
        _draw_line(axes, text, tokenizers, edges, line, named=index == 0)
        axes.set_xlim(edges[line[0]] - 0.2, max(edges[line[0]] + room, edges[line[1]] + 0.2))
    return figure


def _lines(
    text: str, tokenizers: Mapping[str, Tokenizer], edges: Sequence[float], room: float
) -> list[tuple[int, int]]:
    """Cut between tokens of all tokenizers; a token wider than the room has a line of its own."""
    borders = set(range(1, len(text) + 1))
    for tokenizer in tokenizers.values():
        for start, end in _boxes(text, tokenizer):
            borders -= set(range(start + 1, end))
    lines, begin = [], 0
    while begin < len(text):
        later = sorted(at for at in borders if at > begin)
        fits = [at for at in later if edges[at] - edges[begin] <= room] or later[:1]
        words = [at for at in fits if " " in text[at - 1 : at + 1]]
        end = fits[-1]
        if end < len(text) and words and edges[words[-1]] - edges[begin] > room / 2:
            end = words[-1]
        lines.append((begin, end))
        begin = end
    return lines


def _draw_line(
    axes: Axes,
    text: str,
    tokenizers: Mapping[str, Tokenizer],
    edges: Sequence[float],
    line: tuple[int, int],
    *,
    named: bool,
) -> None:
    """Draw the characters of a line and, below, a row of boxes for each tokenizer.

    Args:
        axes: Where to draw.
        text: All of it.
        tokenizers: By name.
        edges: Where each character of the text begins.
        line: First character, and the one after the last.
        named: Whether to say how many tokens the text has.
    """
    first, last = line
    axes.axis("off")
    axes.set(xlim=(edges[first] - 0.3, edges[last] + 0.3), ylim=(len(tokenizers) - 0.2, -0.75))
    for at in range(first, last):
        middle = (edges[at] + edges[at + 1]) / 2
        axes.text(middle, -0.35, text[at], ha="center", va="center", **_MONO)
    for row, (name, tokenizer) in enumerate(tokenizers.items()):
        said = f"{name}: {len(tokenizer.encode(text))} tokens" if named else name
        axes.text(edges[first], row + 0.12, said, fontsize=9, color=palette.ink)
        for index, ((start, end), inside) in enumerate(_boxes(text, tokenizer).items()):
            if start == end or not first <= start < last:
                continue
            face = "#e3eefb" if index % 2 else "white"
            left, right = edges[start], edges[end]
            axes.add_patch(
                Rectangle((left + 0.04, row + 0.2), right - left - 0.08, 0.5, facecolor=face,
                          edgecolor=palette.blue)
            )  # fmt: skip
            shown = "\n".join(map(str, inside))
            axes.text(
                (left + right) / 2, row + 0.45, shown, ha="center", va="center", fontsize=8.5,
                rotation=0 if _fits(inside, start, end) else 90,
                color=palette.on_light if index % 2 else palette.ink,
            )  # fmt: skip


def _boxes(text: str, tokenizer: Tokenizer) -> dict[tuple[int, int], list[int]]:
    """Give the ids over each stretch of characters; tokens within one character share it."""
    boxes: dict[tuple[int, int], list[int]] = {}
    for i, span in zip(tokenizer.encode(text), tokenizer.offsets(text), strict=True):
        boxes.setdefault(span, []).append(i)
    return boxes


def _fits(inside: Sequence[int], start: int, end: int) -> bool:
    return len(inside) == 1 and len(str(inside[0])) <= 1.6 * (end - start)


def _edges(text: str, tokenizers: Iterable[Tokenizer]) -> list[float]:
    """Say where each character begins; one whose ids stand side by side, turned, is given room."""
    widths = [1.0] * len(text)
    for tokenizer in tokenizers:
        for (start, end), inside in _boxes(text, tokenizer).items():
            if end > start and not _fits(inside, start, end):
                needed = 1.1 * len(inside) / (end - start)
                widths[start:end] = [max(width, needed) for width in widths[start:end]]
    return list(accumulate(widths, initial=0.0))


_MONO: dict[str, Any] = {"family": "monospace", "fontsize": 9, "color": palette.ink}


@plain_numbers
def bytes_per_token(
    sizes: Sequence[int], measured: Mapping[str, Sequence[float]]
) -> FigureWithText:
    """Draw how much text a token holds against the size of the vocabulary.

    Args:
        sizes: Vocabulary sizes, drawn on a scale of doublings.
        measured: Name of a text -> bytes per token, one for each size.

    Returns:
        The figure; its table has one row for each size.

    Raises:
        ValueError: If a series is not as long as `sizes`.
    """
    for name, values in measured.items():
        if len(values) != len(sizes):
            raise ValueError(f"measured[{name!r}] has {len(values)} values for {len(sizes)} sizes")
    figure, axes = new_figure(width=6.0, height=3.4)
    for index, (name, values) in enumerate(measured.items()):
        style = dict(
            color=palette.series[index % len(palette.series)],
            linestyle=palette.lines[index % len(palette.lines)],
            marker=palette.markers[index % len(palette.markers)],
        )
        axes.plot(sizes, values, label=name, **style)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel="vocabulary", ylabel="bytes per token", ylim=(0, None))
    axes.legend(frameon=False)
    parts = [
        f"{name}: {values[0]:.1f} at {sizes[0]:,} tokens, {values[-1]:.1f} at {sizes[-1]:,}"
        for name, values in measured.items()
    ]
    alt = f"Bytes per token against the size of the vocabulary. {'; '.join(parts)}."
    table: list[list[object]] = [["vocabulary", *measured]]
    table += [[size, *column] for size, *column in zip(sizes, *measured.values(), strict=True)]
    return FigureWithText(figure, alt, table)
