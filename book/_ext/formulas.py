"""Makes the formulas of the pages when the site is built: MathML, which a browser draws by itself.

A formula that cannot be read is a warning that names it, so the build fails. A formula of its own
is cut at each wide space of its TeX, the command "qquad": on a narrow page its parts stand below
each other. The notebooks keep their TeX, which Jupyter shows.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.tex import TexError, formula, parts

LOGGER = logging.getLogger(__name__)
FORMULAS = (nodes.math, nodes.math_block)


def inline(tex: str) -> str:
    """A formula in a line of text.

    Raises:
        TexError: It cannot be read.
    """
    if tex != tex.strip():  # as in "from $5 to $6", which Markdown takes for a formula
        raise TexError(r"a space at its dollar sign; a price is written \$5")
    return f'<span class="math notranslate nohighlight">{formula(tex)}</span>'


def block(tex: str) -> str:
    """A formula on lines of its own.

    Raises:
        TexError: It cannot be read.
    """
    made = "".join(formula(part, display=True) for part in parts(tex))
    return f'<div class="math notranslate nohighlight">{made}</div>\n'


def _visit(translator: Any, node: nodes.Element) -> None:
    made = block if isinstance(node, nodes.math_block) else inline
    try:
        if node.get("number"):
            raise TexError("formulas have no numbers here")
        translator.body.append(made(node.astext()))
    except TexError as error:
        LOGGER.warning("formula %r: %s", node.astext().strip(), error, location=node)
        translator.body.append(f"<code>{escape(node.astext())}</code>")
    raise nodes.SkipNode


def _page(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Load the looks of formulas, their typeface among them, where there is one."""
    if doctree is not None and any(doctree.findall(lambda node: isinstance(node, FORMULAS))):
        app.add_css_file("formulas.css")
        app.add_js_file("formulas.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _page)
    app.add_html_math_renderer("formulas", (_visit, None), (_visit, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
