"""Gives the words query, key, value and mask their colour where a page brings them in.

They are written in bold there. Widgets and figures of the page show them in the same colour, which
stands in `course.css`.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

# Elsewhere the words mean other things: a prompt has a query, a dictionary has keys.
PAGES = ("notebooks/01_relevance", "notebooks/06_attention", "book/notation")
CONCEPT = re.compile(r"(query|key|value|mask)(?:s|es)?|(quer)ies")


def concept_of(word: str) -> str:
    """The concept that a word in bold names, or nothing."""
    found = CONCEPT.fullmatch(word.lower())
    return "" if found is None else found[1] or "query"


def colour(app: Sphinx, doctree: nodes.document) -> None:
    """Mark the concepts of a page that explains them."""
    if app.env.docname in PAGES:
        for strong in doctree.findall(nodes.strong):
            name = concept_of(strong.astext())
            if name:
                strong["classes"].append(f"concept-{name}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", colour)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
