"""Tells Sphinx which pages to read again where it has read all before, and that many may read.

It looks at the times of texts, and does not see new outputs, nor the records and chapters that a
page of the course's own reads. `book/_tools/sphinx_run.py` says which chapters changed.
"""

from __future__ import annotations

import os

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# Read each time only where it is named: a chapter, and what follows from the package.
KEPT = ("notebooks/", "book/api/")


def _outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    named = {f"notebooks/{name}" for name in os.environ.get("COURSE_CHANGED_CHAPTERS", "").split()}
    return [page for page in env.found_docs if page in named or not page.startswith(KEPT)]


def _many_may_read(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Say for two extensions that do not: one numbers read chapters, one is for LaTeX alone."""
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _many_may_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
