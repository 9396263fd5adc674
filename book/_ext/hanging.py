"""Sets the rest of a long line of code or output in, where a page goes on in the next line.

Such a rest would begin at the left edge, as a statement or a row does: what is nested, or where a
row begins, could no longer be seen. Each long line gets an element that knows how far in it begins;
what it looks like is said by course.css. The text stays as it is, its line ends too, so that it is
copied as ever.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.columns import plain
from book._ext.quick_pages import AFTER_ALL
from book._ext.reading import written

LINES = re.compile(
    r'(?P<head><div class="(?:highlight-|output )[^"]*"(?: style="[^"]*" data-step="\d+")?>'
    r'<div class="highlight"><pre>)(?P<text>.*?)(?=</pre>)',
    re.DOTALL,
)
EMPTY = re.compile(r"<span[^>]*></span>")
TAG = re.compile(r"<(/?)\w[^>]*>")
SENTENCE = 'class="sentence"'  # of columns.py: a block, which no line may be around
DEEPEST = 16  # blanks before a line; behind more of them there is too little room for it
FIT = 30  # letters of a line of code on a phone of 320 pixels


def with_hanging(page: str) -> str:
    """A written page whose long lines of code and output know how far in they begin."""

    def block(match: re.Match[str]) -> str:
        return match["head"] + "\n".join(map(hanging, match["text"].split("\n")))

    return LINES.sub(block, page)


def hanging(line: str) -> str:
    """A written line in an element of its own, if it is long.

    What begins in the line and goes on after it, or ends in it and began before, stays around it.
    """
    text = plain(line)
    room = len(text) - len(text.lstrip(" "))
    if len(text) <= FIT or room > DEEPEST or SENTENCE in line:
        return line
    before = after = ""
    while open_ := _open(line):
        first, last = re.match(r"</?\w[^>]*>", line), re.search(r"</\w+>$", line)
        if first and (open_ > 0) == (first[0][1] != "/"):
            before, line = before + first[0], line[first.end() :]
        elif last and open_ < 0:
            line, after = line[: last.start()], last[0] + after
        else:  # it begins or ends within the line
            return before + line + after
    # What it is set in by stays outside: else a long word would begin in the next line.
    code = _without(line, room)
    return f'{before}{" " * room}<span class="go-on" style="--in:{room}">{code}</span>{after}'


def _without(line: str, n: int) -> str:
    """A line without its first n letters, all blanks, which may stand in elements."""
    pieces = re.split(r"(<[^>]*>)", line)
    for index in range(0, len(pieces), 2):
        rest = pieces[index].removeprefix(" " * min(n, len(pieces[index])))
        n -= len(pieces[index]) - len(rest)
        pieces[index] = rest
    return EMPTY.sub("", "".join(pieces))


def _open(line: str) -> int:
    """How many elements a line leaves open; -1 where it ends one that it did not begin."""
    depth = 0
    for tag in TAG.finditer(line):
        depth += -1 if tag[1] else 1
        if depth < 0:
            break
    return depth


def hang_pages(app: Sphinx, error: Exception | None) -> None:
    """Mark the long lines of code and output of every written page."""
    if error is not None or app.builder.name != "html":
        return
    for path in written(app):
        page = path.read_text(encoding="utf-8")
        hung = with_hanging(page)
        if hung != page:
            path.write_text(hung, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", hang_pages, priority=AFTER_ALL + 10)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
