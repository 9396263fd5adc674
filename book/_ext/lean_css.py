"""Leaves out of the theme's style sheets the rules that no page of the book can use.

The theme brings a whole framework, most of it for things that are not here. A rule goes when each
of its selectors names a class that stands in no page and in no script: then it can match nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.reading import written

SHEETS = ("styles/pydata-sphinx-theme.css", "styles/sphinx-book-theme.css", "sphinx-design.min.css")
CLASS_ATTRIBUTE = re.compile(r'\sclass="([^"]*)"')
# Data is no script, and the widgets' modules make no class of the theme.
INLINE = re.compile(
    r"<script(?![^>]*(?:type=\"application/|data-course))[^>]*>(.*?)</script>", re.DOTALL
)
WORD = re.compile(r"[A-Za-z_][\w-]*")
NAMED = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
# What stands inside these is not demanded of a page.
CHOICE = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
PIECE = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{};]", re.DOTALL)
NESTED = ("@media", "@supports", "@layer", "@container")


def words_of(page: str) -> set[str]:
    """Every class of a page, and every word of its scripts, which may make a class of it."""
    found: set[str] = set()
    for classes in set(CLASS_ATTRIBUTE.findall(page)):
        found.update(classes.split())
    for script in set(INLINE.findall(page)):
        found.update(WORD.findall(script))
    return found


def words_of_scripts(folder: Path) -> set[str]:
    """Every word of the scripts of a site."""
    found: set[str] = set()
    for path in (folder / "_static").rglob("*.js"):
        if "later" not in path.parts:  # data of widgets
            found.update(WORD.findall(path.read_text(encoding="utf-8")))
    return found


def lean(sheet: str, words: set[str]) -> str:
    """A style sheet without the rules that can match nothing where only these words are classes.

    A word that ends in a hyphen stands for every class that begins with it: scripts put such
    names together.
    """
    begins = tuple(word for word in words if word.endswith("-") and len(word) > 2)

    def possible(selector: str) -> bool:
        return all(
            name in words or name.startswith(begins)
            for name in NAMED.findall(CHOICE.sub("", selector))
        )

    kept = []
    for head, body in _blocks(sheet):
        if body is None or (head.startswith("@") and not head.startswith(NESTED)):
            kept.append(head if body is None else f"{head}{{{body}}}")
        elif head.startswith("@"):
            inner = lean(body, words)
            kept.append(f"{head}{{{inner}}}" if inner else "")
        else:
            selectors = [one for one in _split(head) if possible(one)]
            kept.append(f"{','.join(selectors)}{{{body}}}" if selectors else "")
    return "".join(kept)


def _blocks(sheet: str) -> Iterator[tuple[str, str | None]]:
    """The rules of a sheet: what stands before the braces, and what in them; None without any."""
    depth, begin, opened = 0, 0, 0
    for piece in PIECE.finditer(sheet):
        if piece[0] == "{":
            if depth == 0:
                opened = piece.start()
            depth += 1
        elif piece[0] == "}":
            depth -= 1
            if depth == 0:
                head = re.sub(r"/\*.*?\*/", "", sheet[begin:opened], flags=re.DOTALL).strip()
                yield head, sheet[opened + 1 : piece.start()]
                begin = piece.end()
        elif piece[0] == ";" and depth == 0:
            yield sheet[begin : piece.end()].strip(), None
            begin = piece.end()
    if depth:
        raise ValueError("a style sheet of the theme does not close its braces")


def _split(head: str) -> list[str]:
    """The selectors of a list, whose commas may also stand inside brackets."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(head):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(head[begin:place])
            begin = place + 1
    return [*parts, head[begin:]]


def lean_sheets(app: Sphinx, error: Exception | None) -> None:
    """Rewrite the theme's style sheets of a written site."""
    if error is not None or app.builder.name != "html":
        return
    out, store = Path(app.outdir), Path(app.doctreedir) / "classes.json"
    # Of a page that an earlier run has finished they are known: much was taken out of it since.
    known = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    for path in written(app):
        known[str(path.relative_to(out))] = sorted(words_of(path.read_text(encoding="utf-8")))
    store.write_text(json.dumps(known), encoding="utf-8")
    words = words_of_scripts(out).union(*known.values())
    for name in SHEETS:
        path = Path(app.outdir) / "_static" / name
        path.write_text(lean(path.read_text(encoding="utf-8"), words), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", lean_sheets, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
