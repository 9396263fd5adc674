"""Numbers the figures of a chapter and gives each a caption: what its own description says first.

A figure describes itself from the numbers it is drawn from (`FigureWithText.alt`), so a caption
cannot differ from its picture. The whole description stays the text of the drawing.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.reading import written

FIGURE = re.compile(
    r'<figure class="course-figure"(?P<head>[^>]*)>(?P<drawing>.*?)'
    r"(?P<end><details><summary>The same as a table|</figure>)",
    re.DOTALL,
)
TEXT = re.compile(r'<svg[^>]*aria-label="([^"]*)"')
LONGEST = 180
CAPTION = re.compile(r"<figcaption><b>Figure \d+\.\d+</b> (.*?)</figcaption>", re.DOTALL)
SENTENCE = re.compile(r"(?<=[\w%)”][.!?])\s+")


def caption_of(alt: str) -> str:
    """The first sentences of a description, as many as a reader takes in beside a picture."""
    first, *more = SENTENCE.split(alt.strip())
    for sentence in more:
        if len(first) + 1 + len(sentence) > LONGEST:
            break
        first = f"{first} {sentence}"
    if len(first) > 1.5 * LONGEST:
        cut = first[: LONGEST + 1].rpartition(" ")[0] or first[:LONGEST]
        first = re.split(r"[;,] (?=[^;,]*$)", cut)[0] + " …"
    return first[0].upper() + first[1:]


def number_figures(page: str, chapter: int, captions: list[str] | None = None) -> str:
    """A written page whose figures have a number, a caption and an anchor.

    Args:
        page: The page.
        chapter: Its number.
        captions: Gets the caption of each figure, as HTML.

    Raises:
        ValueError: If a figure has no description to make a caption from.
    """
    count = 0

    def captioned(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        text = TEXT.search(match["drawing"])
        if text is None or not text[1].strip():
            raise ValueError(f"figure {count} of chapter {chapter} has no description")
        caption = html.escape(caption_of(html.unescape(text[1])), quote=False)
        if captions is not None:
            captions.append(caption)
        return (
            f'<figure class="course-figure" id="figure-{chapter}-{count}"{match["head"]}>'
            f"{match['drawing']}<figcaption><b>Figure {chapter}.{count}</b> {caption}</figcaption>"
            f"{match['end']}"
        )

    return FIGURE.sub(captioned, page)


def number_pages(app: Sphinx, error: Exception | None) -> None:
    """Number the figures of every written chapter, and list them on the page of questions."""
    if error is not None or app.builder.name != "html":
        return
    listed = Path(app.outdir) / "book" / "questions.html"
    lists, new = listed.read_text(encoding="utf-8"), set(written(app))
    for path in sorted((Path(app.outdir) / "notebooks").glob("[0-9][0-9]_*.html")):
        chapter, captions, page = int(path.name[:2]), list[str](), path.read_text(encoding="utf-8")
        if path in new:
            path.write_text(number_figures(page, chapter, captions), encoding="utf-8")
        else:
            captions = CAPTION.findall(page)
        lines = [
            f'<li><a class="reference internal" href="../notebooks/{path.name}'
            f'#figure-{chapter}-{number}">Figure {chapter}.{number}</a> {caption}</li>'
            for number, caption in enumerate(captions, start=1)
        ]
        lists = lists.replace(f"<!--figures {path.stem}-->", "".join(lines))
    listed.write_text(lists, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", number_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
