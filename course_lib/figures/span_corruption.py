"""Figures of the span corruption chapter: the two sides of an example, and what pairs buy.

Chapter: 16_span_corruption
"""

from collections.abc import Mapping, Sequence

from matplotlib.patches import Rectangle

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers

_NARROW = 0.105  # inches a character of the drawing takes


@plain_numbers
def two_sides(
    text: Sequence[str],
    cut: Sequence[bool],
    *,
    source: Sequence[str],
    inputs: Sequence[str],
    targets: Sequence[str],
    sentinels: Sequence[str],
) -> FigureWithText:
    """Draw a text, what the encoder reads of it, and what the decoder reads and says.

    Cut tokens and sentinels are shaded, so that one can follow them from row to row.

    Args:
        text: Tokens of the text.
        cut: Which of them are cut.
        source: What the encoder reads.
        inputs: What the decoder reads.
        targets: What the decoder says, one for each of ``inputs``.
        sentinels: Which tokens stand for a span.

    Returns:
        The figure; its table has one row for each strip.

    Raises:
        ValueError: If there is not one of ``cut`` for each token, or of ``inputs`` for each target.
    """
    if len(cut) != len(text):
        raise ValueError(f"cut must have one value a token: got {len(cut)} for {len(text)}")
    if len(inputs) != len(targets):
        raise ValueError(f"inputs has {len(inputs)} tokens, targets has {len(targets)}")
    gone = [word for word, one in zip(text, cut, strict=True) if one]
    strips = {
        "the text": [(word, one) for word, one in zip(text, cut, strict=True)],
        "the encoder reads": [(word, word in sentinels) for word in source],
        "the decoder reads": [(word, word in sentinels) for word in inputs],
        "the decoder says": [(word, word in sentinels) for word in targets],
    }
    # Input and target of the decoder stand above each other: the same widths in both rows.
    pair = [max(len(a), len(b)) for a, b in zip(inputs, targets, strict=True)]
    widths = {name: [len(word) for word, _ in strip] for name, strip in strips.items()}
    widths |= {"the decoder reads": pair, "the decoder says": pair}
    longest = max(sum(row) + 1.5 * len(row) for row in widths.values())
    figure, axes = new_figure(width=max(4.5, _NARROW * longest), height=3.3)
    axes.axis("off")
    axes.set(xlim=(-0.3, longest + 0.3), ylim=(len(strips) - 0.1, -0.2))
    for row, (name, strip) in enumerate(strips.items()):
        axes.text(0, row + 0.1, name, fontsize=9, color=palette.ink)
        at = 0.0
        for (word, shaded), width in zip(strip, widths[name], strict=True):
            face = "#cfe3f7" if shaded else "white"
            axes.add_patch(
                Rectangle(
                    (at, row + 0.22), width + 1.1, 0.5, facecolor=face, edgecolor=palette.blue
                )
            )
            axes.text(
                at + width / 2 + 0.55, row + 0.48, word, ha="center", va="center", fontsize=8,
                family="monospace", color=palette.on_light if shaded else palette.ink,
            )  # fmt: skip
            at += width + 1.5
    rows = [["strip", "tokens", "number"]]
    rows += [
        [name, " ".join(word for word, _ in strip), str(len(strip))]
        for name, strip in strips.items()
    ]
    alt = (
        f"Four strips of tokens. Of the text “{' '.join(text)}” the tokens {', '.join(gone)} are "
        f"cut. The encoder reads “{' '.join(source)}”. The decoder says “{' '.join(targets)}”, and "
        f"reads the same one place late: “{' '.join(inputs)}”."
    )
    return FigureWithText(figure, alt, rows)


@plain_numbers
def pairs_needed(
    sizes: Sequence[int], runs: Mapping[str, Sequence[Sequence[float]]]
) -> FigureWithText:
    """Draw how many new items are answered without a mistake against the number of labelled ones.

    Args:
        sizes: Numbers of labelled items, rising; drawn on a scale of factors.
        runs: Name of a start -> one series of shares for each run. A line joins the means, and a
            dot stands for each run.

    Returns:
        The figure; its table has a row for each size, with lowest and highest run.

    Raises:
        ValueError: If a series is not as long as ``sizes``, or there is no run.
    """
    if not runs or any(not each for each in runs.values()):
        raise ValueError("runs must hold at least one series for each name")
    for name, each in runs.items():
        if any(len(one) != len(sizes) for one in each):
            raise ValueError(f"runs[{name!r}] must have {len(sizes)} values a run, one a size")
    figure, axes = new_figure(width=5.6, height=3.2)
    names = list(runs)
    for number, name in enumerate(names):
        colour, line = palette.series[number], palette.lines[number]
        means = [sum(one[i] for one in runs[name]) / len(runs[name]) for i in range(len(sizes))]
        axes.plot(sizes, means, line, color=colour, label=name)
        for one in runs[name]:
            axes.plot(sizes, one, palette.markers[number], color=colour, ms=4, alpha=0.7)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel="labelled pairs", ylabel="share without a mistake", ylim=(-0.05, 1.05))
    axes.legend(frameon=False, fontsize=9)

    def spread(name: str, i: int) -> str:
        seen = [one[i] for one in runs[name]]
        return f"{min(seen):.2f} to {max(seen):.2f}"

    rows = [["labelled pairs", *names]]
    rows += [[str(size), *(spread(name, i) for name in names)] for i, size in enumerate(sizes)]
    said = "; ".join(f"{name}: {spread(name, -1)}" for name in names)
    alt = (
        f"Lines of the share of new items answered without a mistake, against {sizes[0]} to "
        f"{sizes[-1]} labelled pairs. With {sizes[-1]} pairs, {said}."
    )
    return FigureWithText(figure, alt, rows)
