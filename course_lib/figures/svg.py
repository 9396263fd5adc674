"""A matplotlib figure as SVG for a page: theme colours, words as text, a form for a phone."""

import base64
import hashlib
import html
import io
import re
from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from course_lib.figures.phone import (
    PHONE_INCHES,
    POINT_PIXELS,
    SMALLEST_PIXELS,
    SMALLEST_POINTS,
    SMALLEST_WIDE_PIXELS,
    font_points,
    lay_out_anew,
    layouts,
    meetings,
    names_below,
    narrowed,
    shown_words,
)

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
_NAMED = r'\b(id="|href="#|url\(#)'
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
    allowed = meetings(figure)
    with names_below(figure):
        wide = _svg(figure, alt, "figure-wide")
    smallest = min((font_points(text) for text in shown_words(figure)), default=10.0) * POINT_PIXELS
    width = figure.get_figwidth() * 96
    narrow = ""
    if phone is not None:
        _check_phone(phone)
        narrow = _svg(phone, alt, "figure-narrow")
    elif width > PHONE_INCHES * 96 or smallest < SMALLEST_PIXELS:
        for layout in layouts(figure):
            with narrowed(figure, *layout):
                if meetings(figure) <= allowed:
                    with names_below(figure):
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
    lay_out_anew(figure)
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
    # A picture in two panels has one name twice; a name that nothing refers to is not needed.
    text = re.sub(
        r'(<(?:image|g) (?:[^>]*?\b)?)id="([^"]*)" ?',
        lambda one: one[0] if f"#{one[2]}" in text else one[1],
        text,
    )
    # matplotlib makes names of all digits of a place: they get numbers.
    tags = re.findall("<[^>]*>", text)
    found = dict.fromkeys(name for tag in tags for name in re.findall(r'\bid="([^"]*)"', tag))
    short = {name: f"i{number}" for number, name in enumerate(found)}
    text = re.sub("<[^>]*>", lambda tag: _for_a_page(tag[0], short), text)
    # Names must differ from those of every other figure of the page.
    mark = kind[7] + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub("<[^>]*>", lambda tag: re.sub(_NAMED, rf"\g<1>{mark}-", tag[0]), text)
    # matplotlib leaves black out where SVG takes it as given.
    head = (
        f'<svg class="{kind}" role="img" aria-label="{html.escape(alt)}" fill="currentColor" '
        'stroke-linejoin="round" '
    )
    view = re.search(r'viewBox="[^"]*"', text)
    assert view is not None
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return re.sub(r"<svg[^>]*>", lambda _: f"{head}{view[0]} {names}>", text, count=1)


def _for_a_page(tag: str, names: Mapping[str, str]) -> str:
    """A tag with the colours and the typeface of the page, short numbers, and short names.

    The words of a figure stand between tags: they may look like any of these and stay.
    """
    tag = re.sub(r'(?<=\bd=")[^"]*', lambda path: _short_path(path[0]), tag)
    tag = re.sub(r"(?<=data:image/png;base64,)[^\"]*", lambda png: _with_palette(png[0]), tag)
    tag = re.sub(r'\b(x|y)="(-?\d+\.\d\d)\d+"', r'\1="\2"', tag)
    tag = re.sub(_NAMED + r'([^")]*)', lambda one: one[1] + names.get(one[2], one[2]), tag)
    for line, word in _WORDS.items() if tag.startswith("<text ") else ():
        tag = tag.replace(line, word)
    for colour, themed in _THEME.items():
        tag = tag.replace(colour, themed)
    return re.sub(r"'DejaVu Sans'[^;\"]*", _FONTS, tag)


def _short_path(path: str) -> str:
    """A path in steps of a tenth of a point from where the pen is, without needless letters.

    A tenth is finer than a screen, and the steps are between rounded places, so that no error adds
    up. Six decimals, or the places themselves, would be most of the drawing.
    """
    parts: list[str] = []
    pen = start = (0, 0)
    before = ""
    for letter, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        if letter not in "MLQCz":
            raise ValueError(f"a path may have the commands M, L, Q, C and z, got {letter!r}")
        places = [round(10 * float(number)) for number in numbers.split()]
        steps = [_tenths(place - pen[index % 2]) for index, place in enumerate(places)]
        follows = letter in "LQC" and (letter == before or letter + before == "LM")
        for index, step in enumerate(steps):
            first = index == 0 and not follows
            parts.append(letter.lower() if first else "" if step.startswith("-") else " ")
            parts.append(step)
        if letter == "z":
            parts.append("z")
            pen = start
        else:
            pen = (places[-2], places[-1])
            start = pen if letter == "M" else start
        before = letter
    return "".join(parts)


def _tenths(number: int) -> str:
    """A number of tenths as a decimal number, as short as SVG takes it."""
    whole, rest = divmod(abs(number), 10)
    text = f"{whole or ''}.{rest}" if rest else str(whole)
    return f"-{text}" if number < 0 else text


def _with_palette(png: str) -> str:
    """Write a picture of at most 256 colours with a byte for each point, not four."""
    points = np.asarray(PngImageFile(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
    # Four bytes as one number: numbers are sorted many times faster than rows of a table.
    found, which = np.unique(np.ascontiguousarray(points).view(">u4"), return_inverse=True)
    if len(found) > 256:
        return png
    colours = found[:, None].view(np.uint8)
    picture = Image.fromarray(which.reshape(points.shape[:2]).astype(np.uint8), "P")
    picture.putpalette(colours[:, :3].tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    return base64.b64encode(buffer.getvalue()).decode()


def _check_phone(phone: Figure) -> None:
    inches = phone.get_figwidth()
    if inches > PHONE_INCHES + 1e-6:
        raise ValueError(f"phone must be at most {PHONE_INCHES:.2f} inches wide, got {inches:.2f}")
    small = [
        text.get_text() for text in shown_words(phone) if font_points(text) < SMALLEST_POINTS - 1e-6
    ]
    if small:
        raise ValueError(f"phone has words under {SMALLEST_POINTS:.1f} points: {small[0]!r}")
