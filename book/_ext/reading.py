"""Tells Sphinx which pages to read again where it has read all before, and that many may read.

It looks at the times of texts, and does not see new outputs, nor the records and chapters that a
page of the course's own reads. `book/_tools/sphinx_run.py` says which chapters changed.
"""

from __future__ import annotations

import os
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# Read each time only where it is named: a chapter, and what follows from the package.
KEPT = ("notebooks/", "book/api/")


def _outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    # Sphinx forgets modules whose names no page uses, with the first page that is read again.
    app.course_modules = dict(getattr(env, "_viewcode_modules", {}))  # type: ignore[attr-defined]
    named = {f"notebooks/{name}" for name in os.environ.get("COURSE_CHANGED_CHAPTERS", "").split()}
    return [page for page in env.found_docs if page in named or not page.startswith(KEPT)]


def _many_may_read(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Say for two extensions that do not: one numbers read chapters, one is for LaTeX alone."""
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def _all_modules(app: Sphinx) -> list[Any]:
    """Keep the sources of the package that were read before: it is the same."""
    for name, entry in app.course_modules.items():  # type: ignore[attr-defined]
        app.env._viewcode_modules.setdefault(name, entry)  # type: ignore[attr-defined]
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _many_may_read)
    app.connect("html-collect-pages", _all_modules, priority=90)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
