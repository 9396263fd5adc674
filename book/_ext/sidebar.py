"""Makes the list of all pages at the side from titles alone.

That is all that stands in it. Sphinx copies the headings of every page, and every name of the
reference, each time it makes the list, and then throws them away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def titles_only(contents: nodes.bullet_list) -> nodes.bullet_list:
    """The contents of a page as Sphinx cuts them for such a list: its title, and lists of pages."""
    cut = contents.deepcopy()
    for entry in cut.children:
        if isinstance(entry, nodes.Element) and len(entry) > 1:
            lists = list(entry.findall(addnodes.toctree))
            if lists:
                entry[1][:] = lists
            else:
                entry.pop(1)
    return cut


def with_cut_contents(app: Sphinx, toctree: Callable[..., str]) -> Callable[..., str]:
    """The template's function `toctree`, for which contents are cut before they are copied."""
    env = app.env

    def made(**options: Any) -> str:
        if not options.get("titles_only"):
            return toctree(**options)
        cut = getattr(app, "course_titles", None)
        if cut is None:
            cut = {page: titles_only(contents) for page, contents in env.tocs.items()}
            app.course_titles = cut  # type: ignore[attr-defined]
        whole, env.tocs = env.tocs, cut
        try:
            return toctree(**options)
        finally:
            env.tocs = whole

    return made


def _page(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "toctree" in context:
        context["toctree"] = with_cut_contents(app, context["toctree"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _page, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
