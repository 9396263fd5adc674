"""The sentences of the lecture: a list of links to the cells that show them, and the links' ends.

Both come from the traceability file. A cell is named there by the beginning of one of its lines,
and its place on the page by that beginning too, so the ends on a page do not depend on other pages.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

TAG = re.compile(r"<[^>]+>")


def has_line(code: str, beginning: str) -> bool:
    """Whether a line of a cell begins like that, its indent left out."""
    return any(line.strip().startswith(beginning) for line in code.split("\n"))


def page_of(entry: Mapping[str, Any], sentence: Mapping[str, str]) -> str:
    """The chapter whose cell shows a sentence: that which quotes it, or the one it names."""
    return str(sentence.get("page", entry["chapter"]))


def shown_at(cell: str) -> str:
    """The id of a cell's place on its page."""
    return f"shown-{hashlib.sha256(cell.encode()).hexdigest()[:8]}"


def cells_of(chapter: str, entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """The cells of a chapter that show a sentence, each once."""
    named = (
        sentence["cell"]
        for entry in entries
        for sentence in entry["lecture"]
        if page_of(entry, sentence) == chapter
    )
    return list(dict.fromkeys(named))


def with_places(page: str, cells: Iterable[str]) -> str:
    """A written page in which each of these cells begins with an empty element that has its id."""
    head, *parts = page.split('<div class="cell_input ')
    done, wanted = [head], list(cells)
    for part in parts:
        code = html.unescape(TAG.sub("", '<div class="' + part[: part.find("</pre>") + 1]))
        ids = [shown_at(cell) for cell in wanted if has_line(code, cell)]
        new = [name for name in ids if f'id="{name}"' not in page]
        done.append("".join(f'<span id="{name}"></span>' for name in new))
        done.append('<div class="cell_input ' + part)
    return "".join(done)


def sentence_list(entry: Mapping[str, Any]) -> str:
    """The sentences of a chapter: each a link to its cell, with its figure and its exercise."""
    lines = []
    for sentence in entry["lecture"]:
        page = page_of(entry, sentence)
        link = f"../notebooks/{page}.html#{shown_at(sentence['cell'])}"
        also = [f"on page {int(page[:2])}"] if page != entry["chapter"] else []
        if "figure" in sentence:
            also.append(f"drawn by <code>{sentence['figure']}</code>")
        if "exercise" in sentence:
            also.append(f"exercise {sentence['exercise']}")
        says = html.escape(sentence["says"], quote=False)
        lines.append(
            f'<li><a class="reference internal" href="{link}">{says}</a> '
            f'<span class="course-kind">{", ".join(also)}</span></li>'
        )
    return f'<ul class="figures">{"".join(lines)}</ul>'
