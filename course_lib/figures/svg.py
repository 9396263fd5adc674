"""A matplotlib figure as SVG for a page: theme colours, words as text, a form for a phone."""

import base64
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
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

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
# Lines may be paler than words: these are read on white and on dark paper, at 4.5 to 1 and better.
_WORDS = {"#0072b2": "#0a62a6", "#d55e00": "#a94400", "#009e73": "#00705a"}
_FONTS = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def page_svg(figure: Figure, alt: str, phone: Figure | None = None) -> str:
    """Write a figure for a page: one drawing, and a narrow one for phones where that is legible.

    The narrow one has the same words, small ones made larger, panels below each other, long titles
    on several lines, more height where words would meet. Where they would meet or be cut all the
    same, phones get the wide one, which then scrolls by itself instead of shrinking.

    Args:
        figure: The figure; it is left as it was.
        alt: What it shows, in words.
        phone: Another drawing of the same for phones, not wider than `PHONE_INCHES`.

    Raises:
        ValueError: If `phone` is too wide, or has words that a phone shows too small.
    """
    canvas = figure.canvas
    try:
        return _page_svg(figure, alt, phone)
    finally:
        figure.set_canvas(canvas)


def _page_svg(figure: Figure, alt: str, phone: Figure | None) -> str:
    allowed = _meetings(figure)
    with _names_below(figure):
        wide = _svg(figure, alt, "figure-wide")
    smallest = min((_points(text) for text in _words(figure)), default=10.0) * _PIXELS
    width = figure.get_figwidth() * 96
    narrow = ""
    if phone is not None:
        _check_phone(phone)
        narrow = _svg(phone, alt, "figure-narrow")
    elif width > PHONE_INCHES * 96 or smallest < SMALLEST_PIXELS:
        for layout in _layouts(figure):
            with _narrow(figure, *layout):
                if _meetings(figure) <= allowed:
                    with _names_below(figure):
                        narrow = _svg(figure, alt, "figure-narrow")
                    break
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
    # The same picture in two panels has one name twice; where nothing refers to it, it needs none.
    text = re.sub(
        r'(<image [^>]*?)\bid="([^"]*)" ?',
        lambda one: one[0] if f'"#{one[2]}"' in text else one[1],
        text,
    )
    # Names must differ from those of every other figure of the page.
    mark = kind[7] + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub("<[^>]*>", lambda tag: _for_a_page(tag[0], mark), text)
    # matplotlib leaves black out where SVG takes it as given.
    head = (
        f'<svg class="{kind}" role="img" aria-label="{html.escape(alt)}" fill="currentColor" '
        'stroke-linejoin="round" '
    )
    view = re.search(r'viewBox="[^"]*"', text)
    assert view is not None
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return re.sub(r"<svg[^>]*>", lambda _: f"{head}{view[0]} {names}>", text, count=1)


def _for_a_page(tag: str, mark: str) -> str:
    """A tag with the colours and the typeface of the page, short numbers, and names of its own.

    The words of a figure stand between tags: they may look like any of these and stay.
    """
    # A tenth of a point is finer than a screen; six decimals would be most of the drawing.
    tag = re.sub(r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), tag)
    tag = re.sub(r"(?<=data:image/png;base64,)[^\"]*", lambda png: _with_palette(png[0]), tag)
    tag = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{mark}-", tag)
    for line, word in _WORDS.items() if tag.startswith("<text ") else ():
        tag = tag.replace(line, word)
    for colour, themed in _THEME.items():
        tag = tag.replace(colour, themed)
    return re.sub(r"'DejaVu Sans'[^;\"]*", _FONTS, tag)


def _with_palette(png: str) -> str:
    """Write a picture of at most 256 colours with a byte for each point, not four."""
    points = np.asarray(PngImageFile(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
    colours, which = np.unique(points.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return png
    picture = Image.fromarray(which.reshape(points.shape[:2]).astype(np.uint8), "P")
    picture.putpalette(colours[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    return base64.b64encode(buffer.getvalue()).decode()


def _check_phone(phone: Figure) -> None:
    inches = phone.get_figwidth()
    if inches > PHONE_INCHES + 1e-6:
        raise ValueError(f"phone must be at most {PHONE_INCHES:.2f} inches wide, got {inches:.2f}")
    small = [text.get_text() for text in _words(phone) if _points(text) < SMALLEST_POINTS - 1e-6]
    if small:
        raise ValueError(f"phone has words under {SMALLEST_POINTS:.1f} points: {small[0]!r}")


def _layouts(figure: Figure) -> list[tuple[int, float, bool]]:
    """Ways to give a figure the width of a phone, best first, as arguments of `_narrow`."""
    places = [axes.get_subplotspec() for axes in figure.axes if axes.get_visible()]
    n_columns = len({tuple(place.colspan) for place in places if place is not None})
    one_row = len({tuple(place.rowspan) for place in places if place is not None}) == 1
    if None in places or n_columns <= 1 or len(set(places)) < len(places):
        return [(0, stretch, turned) for turned in (False, True) for stretch in (1.0, 1.3, 1.7)]
    # Panels that stand in a grid are compared: they stay beside each other as long as they can.
    counts = [1] if one_row else [*range(n_columns, 0, -1)]
    return [(count, stretch, False) for count in counts for stretch in (1.0, 1.3)]


@contextmanager
def _narrow(figure: Figure, columns: int, stretch: float, turned: bool) -> Iterator[None]:
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
            (text, size) for text in _words(figure) if (size := _points(text)) < SMALLEST_POINTS
        ]
        for text, _ in small:
            text.set_fontsize(SMALLEST_POINTS)
        for text in ticks:
            text.set(rotation=90, horizontalalignment="center")
        room = PHONE_INCHES / max(columns, 1)
        for text, words in titles:
            letters = int(room * 72 / (0.75 * float(text.get_fontsize())))
            text.set_text(textwrap.fill(words, letters) if len(words) > letters else words)
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
def _names_below(figure: Figure) -> Iterator[None]:
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
            warnings.simplefilter("ignore", UserWarning)  # such as a sign the typeface lacks
            warnings.filterwarnings("error", message="constrained_layout not applied")
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
