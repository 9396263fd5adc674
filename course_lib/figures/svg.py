"""A matplotlib figure as SVG for a page: theme colours, words as text, a form for a phone."""

import hashlib
import html
import io
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.text import Text

PHONE_INCHES = 342 / 96  # what a phone of 390 pixels leaves to a figure
# No word is shown smaller: on a phone, whose frame takes a pixel or two, and elsewhere.
SMALLEST_PIXELS, SMALLEST_WIDE_PIXELS = 11.2, 9.5
_PIXELS = 96 / 72  # of a point
SMALLEST_POINTS = SMALLEST_PIXELS / _PIXELS
# Colours of the paper and the ink follow the page; the second is what shows outside it.
_THEME = {
    "#1f2328": "currentColor",
    "#000000": "currentColor",
    "#6e7781": "var(--figure-faint, #6e7781)",
    "#ffffff": "var(--figure-paper, #ffffff)",
    "#0a62a6": "var(--concept-query, #0a62a6)",
    "#a94400": "var(--concept-key, #a94400)",
    "#00705a": "var(--concept-value, #00705a)",
    "#6b5578": "var(--concept-mask, #6b5578)",
}
_FONTS = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def page_svg(figure: Figure, alt: str) -> str:
    """Write a figure for a page: one drawing, and a narrow one for phones where that is legible.

    The narrow one has the same words, small ones made larger, panels below each other, long titles
    on several lines. Where its words would meet or be cut, phones get the wide one, which then
    scrolls by itself instead of shrinking.

    Args:
        figure: The figure; it is left as it was.
        alt: What it shows, in words.
    """
    wide = _svg(figure, alt, "figure-wide")
    smallest = min((_points(text) for text in _words(figure)), default=10.0) * _PIXELS
    width = figure.get_figwidth() * 96
    narrow = ""
    if width > PHONE_INCHES * 96 or smallest < SMALLEST_PIXELS:
        allowed = _meetings(figure)
        with _narrow(figure):
            if _meetings(figure) <= allowed:
                narrow = _svg(figure, alt, "figure-narrow")
    least = width * (SMALLEST_WIDE_PIXELS if narrow else SMALLEST_PIXELS) / smallest
    width = max(width, least)
    style = f"width:{width:.0f}px;min-width:{least:.0f}px;height:auto"
    wide = wide.replace("<svg ", f'<svg style="{style}" ', 1)
    kind = "figure-box"
    if narrow:
        # The page's style sheet swaps the two; where there is none, one is enough.
        narrow = narrow.replace("<svg ", '<svg style="display:none" ', 1)
        kind += " both"
    label = html.escape(f"Picture: {alt}"[:80])
    return (
        f'<div class="{kind}" style="overflow-x:auto" role="group" aria-label="{label}" '
        f'tabindex="0">{wide}{narrow}</div>'
    )


def _svg(figure: Figure, alt: str, kind: str) -> str:
    """Draw as SVG; the same figure always gives the same text."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "course"}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    # This rule would reach every other drawing of the page.
    text = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r">\s+<", "><", text)
    # A tenth of a point is finer than a screen; six decimals would be most of the drawing.
    text = re.sub(r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), text)
    # Names must differ from those of every other figure of the page.
    mark = kind[7] + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{mark}-", text)
    for colour, themed in _THEME.items():
        text = text.replace(colour, themed)
    # matplotlib leaves black out where SVG takes it as given.
    text = re.sub(r"'DejaVu Sans'[^;\"]*", _FONTS, text)
    head = (
        f'<svg class="{kind}" role="img" aria-label="{html.escape(alt)}" fill="currentColor" '
        'stroke-linejoin="round" '
    )
    view = re.search(r'viewBox="[^"]*"', text)
    assert view is not None
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return re.sub(r"<svg[^>]*>", lambda _: f"{head}{view[0]} {names}>", text, count=1)


@contextmanager
def _narrow(figure: Figure) -> Iterator[None]:
    """Give a figure the width of a phone for a while: panels stacked, titles wrapped, words big."""
    inches_wide, inches_high = (float(one) for one in figure.get_size_inches())
    panels = figure.axes
    places = [place for axes in panels if (place := axes.get_subplotspec()) is not None]
    stacked = len(places) == len(panels) and _is_one_row(places)
    titles = [(text, text.get_text()) for text in _titles(figure)]
    small: list[tuple[Text, float]] = []
    labelled = [axes.yaxis.get_tick_params()["labelleft"] for axes in panels]
    try:
        if stacked:
            grid = figure.add_gridspec(len(panels), 1)
            for index, axes in enumerate(panels):
                axes.set_subplotspec(grid[index])
                axes.tick_params(labelleft=True)
        figure.set_size_inches(PHONE_INCHES, inches_high * (len(panels) if stacked else 1))
        # Only now: a panel that shared its neighbour's axis has got words of its own.
        small += [
            (text, size) for text in _words(figure) if (size := _points(text)) < SMALLEST_POINTS
        ]
        for text, _ in small:
            text.set_fontsize(SMALLEST_POINTS)
        for text, words in titles:
            letters = int(PHONE_INCHES * 72 / (0.55 * float(text.get_fontsize())))
            text.set_text(textwrap.fill(words, letters) if len(words) > letters else words)
        yield
    finally:
        for text, size in small:
            text.set_fontsize(size)
        for text, words in titles:
            text.set_text(words)
        if stacked:
            for axes, place, left in zip(panels, places, labelled, strict=True):
                axes.set_subplotspec(place)
                axes.tick_params(labelleft=left)
        figure.set_size_inches(inches_wide, inches_high)


def _is_one_row(places: list[SubplotSpec]) -> bool:
    """Whether several panels stand side by side in one row, each in a place of its own."""
    rows = {tuple(place.rowspan) for place in places}
    columns = {tuple(place.colspan) for place in places}
    return len(rows) == 1 and len(columns) == len(places) > 1


def _points(text: Text) -> float:
    return float(text.get_fontsize())


def _titles(figure: Figure) -> list[Text]:
    return [text for axes in figure.axes for text in (axes.title, axes.xaxis.label)]


def _words(figure: Figure) -> list[Text]:
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


def _meetings(figure: Figure) -> int:
    """How many pairs of words cover each other, and how many words leave the figure."""
    canvas = FigureCanvasAgg(figure)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            canvas.draw()
    except UserWarning:  # there is no room for the panels beside their words
        return sys.maxsize
    renderer = canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in _words(figure)]
    width, height = canvas.get_width_height()
    cut = sum(
        box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1 for box in boxes
    )
    pairs = combinations([box.padded(-1) for box in boxes], 2)
    return int(cut + sum(a.overlaps(b) for a, b in pairs))
