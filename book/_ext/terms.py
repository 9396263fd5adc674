"""Leads from a page to the glossary: each of its words, once on a page, where it first stands.

The pages stay plain text. What looks like a term is known to `book/_tools/terms.py`, which holds
the order of their introductions, too. A quotation that begins in bold is drawn as a box.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._tools import terms

# Words there are no sentences of the page, or lead somewhere already.
SKIPPED = (
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.reference,
    nodes.raw,
    nodes.math,
    nodes.table,
    addnodes.pending_xref,
    addnodes.download_reference,
)


@functools.cache
def known() -> dict[str, terms.Spelling]:
    """The words of the glossary; longer ones first, so that "beam search" is not taken apart."""
    names = sorted(terms.glossary(), key=len, reverse=True)
    return terms.spellings(names)


def _is_text(node: nodes.Text) -> bool:
    above = node.parent
    if above is None:  # the form of a widget, which stands in the tree as a whole
        return False
    while above is not None:
        outputs = "cell_output" in above.get("classes", ()) or "source" in above.get("classes", ())
        if isinstance(above, SKIPPED) or outputs:
            return False
        above = above.parent
    return True


def _link(name: str, shown: str) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        nodes.inline("", shown, classes=["xref", "std", "std-term"]),
        refdomain="std",
        reftype="term",
        reftarget=name,
        refexplicit=True,
        refwarn=True,
    )


def link_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Link the first place of each term, outside code, tables, headings and other links."""
    page = app.env.docname
    if not page.startswith("notebooks/"):
        return
    for quotation in list(doctree.findall(nodes.block_quote)):
        first = next((part for part in quotation.findall(nodes.paragraph)), nodes.paragraph())
        head = next((part for part in first.children if part.astext()), None)
        if isinstance(head, nodes.strong):
            box = nodes.container("", *quotation.children, classes=["term-box"])
            quotation.parent.replace(quotation, box)
    left = dict(known())
    for node in [text for text in doctree.findall(nodes.Text) if _is_text(text)]:
        said, pieces = str(node), []
        while left:
            found = [(next(one.find(said), None), name) for name, one in left.items()]
            places = [(m.start(), -m.end(), name) for m, name in found if m]
            if not places:
                break
            start, end, name = min(places)
            link = _link(name, said[start:-end])
            link["refdoc"] = page
            pieces += [nodes.Text(said[:start]), link]
            said = said[-end:]
            del left[name]
        if pieces:
            node.parent.replace(node, [*pieces, nodes.Text(said)])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
