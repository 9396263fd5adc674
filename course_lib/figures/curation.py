"""Figures of the curation chapter: what is left of a crawl after each filter.

Chapter: 13_self_supervision_curation
"""

from collections.abc import Sequence

from course_lib.data.curation.pipeline import StepReport
from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers


@plain_numbers
def funnel(steps: Sequence[StepReport]) -> FigureWithText:
    """Draw a crawl becoming a training text: the words left after each filter, in order.

    Args:
        steps: The parts of a report, in the order in which the filters ran.

    Returns:
        The figure; its table has documents and words after each filter.

    Raises:
        ValueError: If there is no step, or no word came in.
    """
    if not steps or not steps[0].words:
        raise ValueError("steps must hold a filter that was given words")
    names = ["raw", *(step.name for step in steps)]
    words = [steps[0].words, *(step.words_kept for step in steps)]
    documents = [steps[0].documents, *(step.kept for step in steps)]
    figure, axes = new_figure(width=6.4, height=0.38 * len(names) + 0.6)
    places = range(len(names), 0, -1)
    axes.barh(places, [n / words[0] for n in words], color=palette.blue, height=0.7)
    for place, n in zip(places, words, strict=True):
        axes.annotate(f"{n / words[0]:.0%}", (n / words[0], place), (5, 0), va="center", **_NOTE)
    axes.set_yticks(list(places), names)
    axes.set_xlim(0, 1.12)
    axes.set_xticks([])
    axes.set_xlabel("words left, of the raw crawl")
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    rows = [["after", "documents", "words", "share of the words"]]
    rows += [
        [name, f"{d:,}", f"{w:,}", f"{w / words[0]:.1%}"]
        for name, d, w in zip(names, documents, words, strict=True)
    ]
    losses = {name: a - b for name, a, b in zip(names[1:], words, words[1:], strict=False)}
    most = max(losses, key=lambda name: losses[name])
    alt = (
        f"Bars that shrink from top to bottom. Of {words[0]:,} raw words "
        f"{words[-1] / words[0]:.0%} are left after {len(steps)} filters; {most} removes the most, "
        f"{losses[most] / words[0]:.0%} of the raw words."
    )
    return FigureWithText(figure, alt, rows)


_NOTE = {"textcoords": "offset points", "fontsize": 9, "color": palette.ink}
