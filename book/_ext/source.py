"""Shows the code that a page explains: the definition as it stands in the package today.

In a text without cells, and in a chapter::

    ```{source} course_lib.model.attention.attention
    ```

A notebook holds the same as a cell, `show_source("course_lib.model.attention.attention")`, which a
reader can run; on the page the cell is replaced by what the directive prints. The docstring is
folded, one link leads to the reference, one to the file. A name that is not there is a warning, so
the build fails; a page is read again when the file of a definition changes.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from course_lib.source import Definition, show_source

ROOT = Path(__file__).resolve().parents[2]
LOGGER = logging.getLogger(__name__)
CALL = re.compile(r"""^show_source\(["']([\w.]+)["']\)$""", re.MULTILINE)


def shown(env: BuildEnvironment, name: str, location: Any) -> list[nodes.Node]:
    """What stands on the page for one name; a warning and nothing for a wrong one."""
    try:
        found = show_source(name)
    except ValueError as error:
        LOGGER.warning("source: %s", error, location=location)
        return []
    env.note_dependency(str(found.path))
    box = nodes.container(classes=["source"])
    box += nodes.paragraph("", "", *_links(env, found))
    box += nodes.literal_block(found.code, found.code, language="python")
    if found.docstring:
        text = f"<pre>{escape(found.docstring)}</pre>"
        folded = f"<details><summary>docstring</summary>{text}</details>"
        box += nodes.raw("", folded, format="html")
    return [box]


def _links(env: BuildEnvironment, found: Definition) -> list[nodes.Node]:
    """The name, which leads to its entry in the reference, and the lines of the file."""
    whole = found.kind in ("constant", "module")  # the reference has no entry for a constant
    entry = addnodes.pending_xref(
        "",
        nodes.literal(found.name, found.name, classes=["xref", "py"]),
        refdomain="py",
        reftype="mod" if whole else "obj",
        reftarget=found.module if whole else found.name,
        refdoc=env.docname,
        refexplicit=True,
        refwarn=True,
    )
    options = env.config.html_theme_options
    path = found.path.resolve().relative_to(ROOT).as_posix()
    lines = f"L{found.first_line}-L{found.last_line}"
    address = f"{options.get('repository_url', '')}/blob/{options.get('repository_branch', 'main')}"
    file = nodes.reference("", path, refuri=f"{address}/{path}#{lines}")
    return [entry, nodes.Text(" in "), file]


class Source(SphinxDirective):
    """`{source} a.dotted.name`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The definition of the name."""
        return shown(self.env, self.arguments[0], self.get_location())


def replace_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Put the definition where a notebook's cell shows one."""
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") == "cell_code" and "tag_source" in cell["classes"]:
            names = CALL.findall(cell.astext())
            found = [shown(app.env, name, cell) for name in names]
            cell.parent.replace(cell, [node for group in found for node in group])


def only_modules_with_a_page(app: Sphinx) -> list[Any]:
    """Keep viewcode from listing a module whose source it could not read."""
    found = getattr(app.env, "_viewcode_modules", {})
    for name in [name for name, entry in found.items() if not entry]:
        del found[name]
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("source", Source)
    app.connect("doctree-read", replace_cells)
    app.connect("html-collect-pages", only_modules_with_a_page, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
