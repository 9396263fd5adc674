"""Figures of the tokenizer chapter: a text cut into tokens, and what a larger vocabulary buys.

Chapter: 03_tokenizer
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from matplotlib.patches import Rectangle

from course_lib.figures.base import FigureWithText, new_figure, palette
from course_lib.tokenizers import Tokenizer

_LONGEST_TEXT = 90


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
    height = 0.35 + 0.7 * len(tokenizers)
    edges = _edges(text, tokenizers.values())
    figure, axes = new_figure(width=max(4.0, 1.3 + 0.135 * edges[-1]), height=height)
    axes.axis("off")
    axes.set(xlim=(-0.3, edges[-1] + 0.3), ylim=(len(tokenizers) - 0.2, -0.75))
    for at, character in enumerate(text):
        middle = (edges[at] + edges[at + 1]) / 2
        axes.text(middle, -0.35, character, ha="center", va="center", **_MONO)
    rows: list[list[object]] = [["tokenizer", "token", "covers", "id"]]
    said = []
    for row, (name, tokenizer) in enumerate(tokenizers.items()):
        ids, spans = tokenizer.encode(text), tokenizer.offsets(text)
        axes.text(0, row + 0.12, f"{name}: {len(ids)} tokens", fontsize=9, color=palette.ink)
        boxes = _boxes(text, tokenizer)
        for number, (i, span) in enumerate(zip(ids, spans, strict=True), 1):
            rows.append([name, number, text[slice(*span)].replace(" ", "␣") or "nothing", i])
        for index, ((start, end), inside) in enumerate(boxes.items()):
            if start == end:
                continue
            face = "#e3eefb" if index % 2 else "white"
            left, right = edges[start], edges[end]
            axes.add_patch(
                Rectangle((left + 0.04, row + 0.2), right - left - 0.08, 0.5, facecolor=face,
                          edgecolor=palette.blue)
            )  # fmt: skip
            shown = "\n".join(map(str, inside))
            size, turn = (8, 0) if _fits(inside, start, end) else (7, 90)
            axes.text(
                (left + right) / 2, row + 0.45, shown, ha="center", va="center", fontsize=size,
                rotation=turn, color=palette.on_light if index % 2 else palette.ink,
            )  # fmt: skip
        pieces = " | ".join(text[start:end] for start, end in boxes if end > start)
        said.append(f"{name}, {len(ids)} tokens: {pieces}")
    alt = f"The text “{text}” with a box over the characters of each token. {'; '.join(said)}."
    return FigureWithText(figure, alt, rows)


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


_MONO = {"family": "monospace", "fontsize": 9, "color": palette.ink}


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
