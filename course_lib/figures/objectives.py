"""Figures of pre-training objectives: what is read, what is asked, what carries loss.

Chapter: 14_masked_language_modeling
"""

from collections.abc import Sequence

from matplotlib.patches import Rectangle

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers


@plain_numbers
def question_and_answer(reads: Sequence[str], asked: Sequence[str | None]) -> FigureWithText:
    """Draw place by place what a model reads and what it is asked for; places with loss stand out.

    Args:
        reads: Tokens as the model reads them.
        asked: The token wanted at each place, None where there is no loss.

    Returns:
        The figure; its table has a row for each place.

    Raises:
        ValueError: If the two differ in length, or are empty.
    """
    if not reads or len(reads) != len(asked):
        raise ValueError(
            f"reads and asked must be of one length and not empty, got {len(reads)}, {len(asked)}"
        )
    n = len(reads)
    figure, axes = new_figure(width=4.4, height=0.3 * n + 0.5)
    for place, (read, wanted) in enumerate(zip(reads, asked, strict=True)):
        y = n - place
        changed = wanted is not None and read != wanted
        axes.text(0.0, y, str(place + 1), ha="center", va="center", color=palette.ink, fontsize=9)
        for left, text, strong in ((0.4, read, changed), (2.6, wanted, wanted is not None)):
            face = palette.sky if strong else "none"
            axes.add_patch(
                Rectangle((left, y - 0.42), 1.9, 0.84, facecolor=face, edgecolor=palette.faint)
            )
            color = palette.on_light if strong else palette.ink
            axes.text(
                left + 0.95, y, text or "–", ha="center", va="center", color=color, fontsize=9
            )
        if wanted is not None:
            axes.text(4.65, y, "loss", va="center", color=palette.ink, fontsize=9)
    for x, name in ((1.35, "reads"), (3.55, "asked for")):
        axes.text(x, n + 0.85, name, ha="center", va="center", color=palette.ink, fontsize=10)
    axes.set_xlim(-0.3, 5.3)
    axes.set_ylim(0.4, n + 1.3)
    axes.set_axis_off()
    counted = [place + 1 for place, wanted in enumerate(asked) if wanted is not None]
    rows = [["position", "reads", "asked for", "loss"]]
    rows += [
        [str(place + 1), read, wanted or "–", "counts" if wanted else "none"]
        for place, (read, wanted) in enumerate(zip(reads, asked, strict=True))
    ]
    named = ", ".join(map(str, counted)) or "none"
    alt = (
        f"Two columns of {n} tokens, what the model reads and what it is asked for. Loss comes "
        f"from {len(counted)} of {n} positions: {named}."
    )
    return FigureWithText(figure, alt, rows)
