"""Keeps columns that a cell has printed below each other where a page is narrow.

Lines of text go on in the next line there. A printed table broken like that is hard to read, so it
is made smaller as far as it stays legible. One that is wider still goes on in the next line, too:
nothing is cut. Style sheets cannot compare a page with a number, so widths come in steps.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.reading import written

OUTPUT = re.compile(
    r'<div class="output (?P<kind>[^"]*)">(?P<head><div class="highlight">)<pre>'
    r"(?P<text>.*?)</pre>",
    re.DOTALL,
)
GAP = re.compile(r"\S {2,}\S")
# Beside those with a gap, a row may be empty but for its last column, or a rule made of signs.
ROW = re.compile(r"(?:^|\S) {2,}\S|^[\W_]+$")
FIT = 40  # letters in a line of an output on a phone of 390 pixels
STEP, MOST = 4, 108  # letters; more do not fit beside the contents at 1440 pixels
LEAST_PIXELS = 11  # height of a legible letter; it is 0.6 of that wide
AROUND_PIXELS = 38  # edges of an output


def plain(line: str) -> str:
    """A line as it is read."""
    return html.unescape(re.sub(r"<[^>]*>", "", line)).expandtabs().rstrip()


def width_of(line: str) -> int:
    """How many letters of a typewriter a line is wide: a Chinese one is as wide as two."""
    marks = sum(unicodedata.combining(letter) > 0 for letter in line)
    return len(line) - marks + sum(unicodedata.east_asian_width(one) in "WF" for one in line)


def columns_of(lines: list[str]) -> int:
    """How many letters wide a printed table is; 0 where most lines have no columns."""
    told = [line for line in lines if line]
    with_gaps = [line for line in told if GAP.search(line)]
    enough = len(with_gaps) >= 2 and len(with_gaps) >= 0.6 * len(told)
    return max(map(width_of, with_gaps)) if enough else 0


def with_columns(page: str) -> str:
    """A written page in which printed tables that a phone would break are marked as such.

    A sentence below a table goes on in the next line as ever.
    """

    def marked(match: re.Match[str]) -> str:
        lines = match["text"].split("\n")
        width = columns_of([plain(line) for line in lines])
        if not FIT < width <= MOST:
            return match[0]
        text = "".join(
            f'<span class="sentence">{line}</span>'
            if width_of(plain(line)) > FIT and not ROW.search(plain(line))
            else f"{line}\n"
            for line in lines
        ).removesuffix("\n")
        return (
            f'<div class="output {match["kind"]} columns" style="--columns:{width}" '
            f'data-step="{-(-width // STEP) * STEP}">{match["head"]}<pre>{text}</pre>'
        )

    return OUTPUT.sub(marked, page)


def rules() -> str:
    """The style of each step, for a place that is wide enough for it."""
    return "".join(
        f"@container printed (min-width:{round(step * LEAST_PIXELS * 0.6) + AROUND_PIXELS}px)"
        f'{{.bd-article div.output.columns[data-step="{step}"] pre{{white-space:pre;font-size:'
        f"clamp({LEAST_PIXELS}px,calc((100cqi - {AROUND_PIXELS}px)/{step}/0.6),"
        "var(--type-code-size))}}\n"
        for step in range(FIT + STEP, MOST + 1, STEP)
    )


def mark_pages(app: Sphinx, error: Exception | None) -> None:
    """Mark the printed tables of every written chapter."""
    if error is not None or app.builder.name != "html":
        return
    sheet = Path(app.outdir) / "_static" / "course.css"
    sheet.write_text(sheet.read_text(encoding="utf-8") + rules(), encoding="utf-8")
    for path in written(app, "notebooks/[0-9][0-9]_*.html"):
        path.write_text(with_columns(path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("build-finished", mark_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
