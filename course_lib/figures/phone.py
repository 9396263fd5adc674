"""A figure at the width of a phone: panels stacked, words larger, names where they cover nothing.

Each way of it is a context: the figure is given back as it was.
"""

import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

PHONE_INCHES = 342 / 96  # what a phone of 390 pixels leaves to a figure
# No word is shown smaller: on a phone, whose frame takes a pixel or two, and elsewhere.
SMALLEST_PIXELS, SMALLEST_WIDE_PIXELS = 11.2, 9.5
POINT_PIXELS = 96 / 72
SMALLEST_POINTS = SMALLEST_PIXELS / POINT_PIXELS
TALLEST_INCHES = 13.0  # about two screens of a phone


def layouts(figure: Figure) -> list[tuple[int, float, bool]]:
    """Ways to give a figure the width of a phone, best first, as arguments of `narrowed`."""
    places = [axes.get_subplotspec() for axes in figure.axes if axes.get_visible()]
    n_columns = len({tuple(place.colspan) for place in places if place is not None})
    one_row = len({tuple(place.rowspan) for place in places if place is not None}) == 1
    if None in places or n_columns <= 1 or len(set(places)) < len(places):
        return [(0, stretch, turned) for turned in (False, True) for stretch in (1.0, 1.3, 1.7)]
    n_rows = len({tuple(place.rowspan) for place in places if place is not None})
    row_inches = float(figure.get_size_inches()[1]) / n_rows

    def tall(count: int) -> bool:
        return row_inches * -(-len(places) // count) > TALLEST_INCHES

    # Panels that stand in a grid are compared: they stay beside each other as long as they can, an
    # even number in halves. Those of one row are better large, unless that is too high.
    if one_row:
        counts = [2, 1] if tall(1) and len(places) > 2 else [1]
    else:
        counts = [n for n in range(n_columns, 0, -1) if n_columns % 2 or n_columns % n == 0]
    return [
        (count, stretch, turned)
        for count in counts
        for turned in ((False, True) if count == 2 and not one_row else (False,))
        for stretch in ((0.75, 1.0, 1.3) if tall(count) else (1.0, 1.3))
    ]


@contextmanager
def narrowed(figure: Figure, columns: int, stretch: float, turned: bool) -> Iterator[None]:
    """Give a figure the width of a phone for a while: panels stacked, titles wrapped, words big.

    Args:
        figure: The figure.
        columns: How many panels stand side by side; 0 leaves all panels where they are.
        stretch: How much higher each row becomes.
        turned: Whether the words below an axis stand upright.
    """
    inches_wide, inches_high = (float(one) for one in figure.get_size_inches())
    panels = [axes for axes in figure.axes if axes.get_visible()]
    places = [axes.get_subplotspec() for axes in panels]
    n_before = len({tuple(place.rowspan) for place in places if place is not None})
    titles = [(text, text.get_text()) for text in _titles(figure)]
    small: list[tuple[Text, float]] = []
    labelled = [axes.yaxis.get_tick_params().get("labelleft", True) for axes in panels]
    below = [axes.xaxis.get_tick_params().get("labelbottom", True) for axes in panels]
    n_rows = -(-len(panels) // columns) if columns else 1
    ticks = [text for axes in panels if turned for text in axes.get_xticklabels()]
    stood = [(text, text.get_rotation(), text.get_horizontalalignment()) for text in ticks]
    try:
        if columns:
            grid = figure.add_gridspec(n_rows, columns)
            for index, axes in enumerate(panels):
                axes.set_subplotspec(grid[index // columns, index % columns])
                first, last = index % columns == 0, index + columns >= len(panels)
                axes.tick_params(labelleft=first or labelled[index])
                axes.tick_params(labelbottom=last or below[index])
        high = inches_high * stretch * (n_rows / n_before if columns else 1)
        figure.set_size_inches(PHONE_INCHES, high)
        # Only now: a panel that shared its neighbour's axis has got words of its own.
        small += [
            (text, size)
            for text in shown_words(figure)
            if (size := font_points(text)) < SMALLEST_POINTS
        ]
        for text, _ in small:
            text.set_fontsize(SMALLEST_POINTS)
        for text in ticks:
            text.set(rotation=90, horizontalalignment="center")
        room = PHONE_INCHES / max(columns, 1)
        for text, words in titles:
            letters = int(room * 72 / (0.75 * float(text.get_fontsize())))
            lines = words.split("\n")
            text.set_text("\n".join(textwrap.fill(line, letters) or line for line in lines))
        yield
    finally:
        for text, size in small:
            text.set_fontsize(size)
        for text, words in titles:
            text.set_text(words)
        for text, angle, side in stood:
            text.set(rotation=angle, horizontalalignment=side)
        for axes, place, left, low in zip(panels, places, labelled, below, strict=True):
            if columns and place is not None:
                axes.set_subplotspec(place)
                axes.tick_params(labelleft=left, labelbottom=low)
        figure.set_size_inches(inches_wide, inches_high)


@contextmanager
def names_below(figure: Figure) -> Iterator[None]:
    """Put the names of a panel's lines below it for a while, where they would cover a line.

    The figure was drawn, so that it is known where its names lie.
    """
    covering = [axes for axes in figure.axes if _covers_a_line(axes)]
    legend = covering[0].get_legend() if len(covering) == 1 else None
    texts = legend.get_texts() if legend else []
    handles = [one for one in legend.legend_handles if one is not None] if legend else []
    if legend is None or not texts or len(handles) < len(texts):
        yield
        return
    # What it says, which need not be what the lines of its panel are called.
    labels = [text.get_text() for text in texts]
    title = legend.get_title().get_text() or None
    size = float(texts[0].get_fontsize())
    wide, high = (float(one) for one in figure.get_size_inches())
    legend.set_visible(False)
    figure.set_size_inches(wide, high + (len(labels) + bool(title)) * 1.6 * size / 72)
    below = figure.legend(
        handles,
        labels,
        title=title,
        fontsize=size,
        loc="outside lower center",
        frameon=False,
    )
    try:
        yield
    finally:
        below.remove()
        legend.set_visible(True)
        figure.set_size_inches(wide, high)


def _covers_a_line(axes: Axes) -> bool:
    """Whether the names of the lines of a panel, as it was drawn last, lie on one of them."""
    legend = axes.get_legend()
    if legend is None or not legend.get_visible():
        return False
    box = legend.get_window_extent()
    paths = (line.get_path().transformed(line.get_transform()) for line in axes.lines)
    return any(path.intersects_bbox(box, filled=False) for path in paths)


def font_points(text: Text) -> float:
    """The size of a text, in points."""
    return float(text.get_fontsize())


def _titles(figure: Figure) -> list[Text]:
    return [text for axes in figure.axes for text in (axes.title, axes.xaxis.label)]


def shown_words(figure: Figure) -> list[Text]:
    """The texts that are drawn; matplotlib also keeps labels of ticks outside the view."""
    ticks: set[int] = set()
    shown: set[int] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                ticks |= {id(tick.label1), id(tick.label2)}
                if low - 1e-9 <= tick.get_loc() <= high + 1e-9 and axes.axison:
                    shown |= {id(tick.label1), id(tick.label2)}
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible()
        and text.get_text().strip()
        and (id(text) not in ticks or id(text) in shown)
    ]


def lay_out_anew(figure: Figure) -> None:
    """Put each panel where its grid alone would have it, before the figure is drawn again.

    The layout makes room for words beginning with where the panels are. Left where they were drawn
    last, they would end a millionth of a point from there, and the drawing be another text.
    """
    for axes in figure.axes:
        place = axes.get_subplotspec()
        if place is not None:
            axes.set_subplotspec(place)


def meetings(figure: Figure) -> int:
    """How many pairs of words cover each other, and how many words leave the figure."""
    canvas = FigureCanvasAgg(figure)
    lay_out_anew(figure)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # such as a sign the typeface lacks
            warnings.filterwarnings("error", message="constrained_layout not applied")
            figure.draw_without_rendering()  # its points are not needed, only where words are
    except UserWarning:  # there is no room for the panels beside their words
        return sys.maxsize
    renderer = canvas.get_renderer()
    words = [text.get_window_extent(renderer).extents for text in shown_words(figure)]
    boxes = np.array(words).reshape(-1, 2, 2)  # of each its lower and its upper corner
    low, high = boxes[:, 0] + 1, boxes[:, 1] - 1  # words may touch by a pixel on each side
    low, high = np.minimum(low, high), np.maximum(low, high)
    covered = ((low[:, None] <= high) & (low <= high[:, None])).all(2)
    size = np.array(canvas.get_width_height())
    cut = ((boxes < -1) | (boxes > size + 1)).any((1, 2))
    return int(cut.sum() + (covered.sum() - len(boxes)) // 2)  # each pair is there twice
