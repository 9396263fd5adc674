"""Keeps a name and its number together in a cell of a table: ZeRO-1, GPT-2.

A browser ends a line after any hyphen. In a sentence that is read on; a cell of two lines that says
"ZeRO-" and "1" is not. What is drawn is said by theme.css; the text stays as it is.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

NAME = re.compile(r"((?<![-\w])[A-Za-z]{1,8}-\d{1,3}(?:\.\d{1,2})?\b(?![-.]\w))")
KEPT = (nodes.literal, nodes.raw, nodes.math)


def keep_whole(table: nodes.Node) -> None:
    """Put each name with a number in an element of its own."""
    for text in list(table.findall(nodes.Text)):
        pieces = NAME.split(text.astext())
        if len(pieces) == 1 or isinstance(text.parent, KEPT):
            continue
        made: list[nodes.Node] = [
            nodes.inline("", piece, classes=["whole"]) if index % 2 else nodes.Text(piece)
            for index, piece in enumerate(pieces)
            if piece
        ]
        text.parent.replace(text, made)


def keep_tables(app: Sphinx, document: nodes.document) -> None:
    """Do so in each table of a page."""
    for table in document.findall(nodes.table):
        keep_whole(table)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-read", keep_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
