"""HTML and numbers for the static form of a widget, written as `kit/ui/text.js` writes them."""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal


def escape(text: object) -> str:
    """Makes a text safe inside HTML."""
    return html.escape(str(text))


def fixed(value: float, decimals: int = 2) -> str:
    """Writes fixed decimals: halves away from zero, a true minus sign, no minus zero."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = Decimal(abs(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"−{rounded}" if value < 0 and rounded else f"{rounded}"


def short(value: float, decimals: int = 2) -> str:
    """Writes like `fixed`, without the zeros at the end."""
    text = fixed(value, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Writes a share as percent: one decimal below 10 %, none above."""
    if share == 0:
        return "0 %"
    if share < 0.001:
        return "under 0.1 %"
    value = 100 * share
    return f"{short(value, 1) if value < 9.95 else fixed(value, 0)} %"


def seen(token: str) -> str:
    """Shows a token as a reader can see it: spaces at the ends and line breaks get a sign."""
    text = token.replace("\n", "↵").replace("\t", "⇥")
    return text.strip() or "␣" * max(1, len(text))


def seen_all(tokens: Sequence[str]) -> list[str]:
    """Shows tokens; where two differ only by a space in front, every such space gets a sign."""
    shown = [seen(token) for token in tokens]
    told_apart = len({*zip(tokens, shown, strict=True)}) > len(set(shown))
    return [
        f"␣{text}" if told_apart and token[:1] == " " and token.strip() else text
        for token, text in zip(tokens, shown, strict=True)
    ]


def listed(parts: Sequence[str]) -> str:
    """Joins as "a, b and c"."""
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def shade(value: float, low: float = 0.0, high: float = 1.0) -> int:
    """Returns the shade 0 to 10 of a value between `low` and `high`."""
    if not math.isfinite(value) or high <= low:
        return 0
    return min(10, max(0, math.floor(10 * (value - low) / (high - low) + 0.5)))


def shade_class(value: float, low: float = 0.0, high: float = 1.0) -> str:
    """Returns the class of a heat cell; values of both signs get one hue for each sign."""
    if not low < 0 < high:
        return f"sh{shade(value, low, high)}"
    level = shade(abs(value), 0.0, max(-low, high))
    return f"ng{level}" if value < 0 and level else f"sh{level}"


def card(title: str, badge: str, *body: str) -> str:
    """Frames the static form of a widget as the live form is framed."""
    side = f'<span class="cw-badge">{escape(badge)}</span>' if badge else ""
    return (
        f'<div class="cw mathjax_ignore" role="group" aria-label="{escape(title)}">'
        '<div class="cw-head">'
        f'<p class="cw-title" role="heading" aria-level="3">{escape(title)}</p>{side}</div>'
        f'<div class="cw-body">{"".join(body)}</div></div>'
    )


def scroll(label: str, inside: str) -> str:
    """Puts a wide table into a part that scrolls by itself."""
    name = escape(label)
    return f'<div class="cw-scroll" role="group" aria-label="{name}" tabindex="0">{inside}</div>'


def table(
    corner: str,
    columns: Iterable[str],
    rows: Iterable[tuple[str, Iterable[str]]],
    *,
    caption: str = "",
    kind: str = "",
) -> str:
    """Writes a table with column and row headers.

    Args:
        corner: Text of the corner header: what the rows are.
        columns: Column headers, plain text.
        rows: Pairs of row header (plain text) and finished `<td>` cells.
        caption: Text above the table.
        kind: CSS class of the table.

    Returns:
        HTML.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in [corner, *columns])
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>' for name, cells in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<table class="{kind}">{above}<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
    )


def legend(low: float, high: float, text: Callable[[float], str]) -> str:
    """Draws the scale of a heat map between two values, each written by `text`."""
    most, signed = max(-low, high), low < 0 < high
    names = [f"sh{level}" for level in range(11)]
    names = [f"ng{level}" for level in range(10, 0, -1)] + names if signed else names
    swatches = "".join(f'<i class="{name}"></i>' for name in names)
    ends = (-most, most) if signed else (low, high)
    return (
        f'<p class="cw-legend" aria-hidden="true"><span>{escape(text(ends[0]))}</span>{swatches}'
        f"<span>{escape(text(ends[1]))}</span></p>"
    )
