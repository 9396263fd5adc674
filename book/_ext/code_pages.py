"""Puts an editor where a notebook shows a code exercise, and beside the pages what judges programs.

A notebook prints the task of a code exercise, and a cell checks the answer. In the page the task is
a widget, `CodeExercise`: while a page is read, the output of the notebook is replaced by it. The
files that it loads are `book/assets/code/`, Pyodide below `book/assets/vendor/`, and the judge
itself, packed from the package when the site is written.

It stands after `static_widgets` in the list of extensions and reads a page before it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.packed import packed
from book._ext.static_widgets import STATE_KEY

ASSETS = Path(__file__).resolve().parents[1] / "assets" / "code"
ARCHIVE = "course_lib.zip"
TASK = re.compile(r"^Exercise (\d\d\.\w+): ")
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
STATE_TYPE = "application/vnd.jupyter.widget-state+json"
FIRST = 100  # before the extensions that read the widgets of a page


@functools.cache
def archive() -> bytes:
    """The judge and the exercises, packed once a build."""
    return packed()


@functools.cache
def version() -> str:
    """One word for the files that judge, so that a browser never mixes two versions of them."""
    state = hashlib.sha256(archive())
    for path in sorted(ASSETS.glob("*.js")):
        state.update(path.read_bytes())
    return state.hexdigest()[:12]


def exercise_of(output: nodes.Node) -> str | None:
    """The id of the exercise whose task is the output of a cell; None for any other output."""
    for bold in output.findall(nodes.strong):
        found = TASK.match(bold.astext())
        return found[1] if found else None
    return None


def on_doctree_read(app: Sphinx, doctree: nodes.document) -> None:
    """Replace the printed tasks of code exercises by widgets."""
    from course_lib.exercises.catalog import find
    from course_lib.exercises.process.page import page_payload
    from course_lib.widgets import CodeExercise
    from course_lib.widgets.page import state_of

    entries: dict[str, Any] = {}
    for output in doctree.findall(nodes.container):
        if output.get("nb_element") != "cell_code_output":
            continue
        name = exercise_of(output)
        spec = find(name) if name else None
        if spec is None or spec.code is None:
            continue
        widget = CodeExercise(page_payload(spec), version())
        (entry,) = state_of([widget])["state"].values()
        key = f"code-{name}"
        entries[key] = entry
        view = json.dumps({"version_major": 2, "version_minor": 0, "model_id": key})
        text = f'<script type="{VIEW_TYPE}">{view}</script>'
        output.clear()
        output += nodes.raw(text, text, format="html")
    if entries:
        _add(app, entries)


def _add(app: Sphinx, entries: dict[str, Any]) -> None:
    """Put models beside those of the page's other widgets, or first, with the loader."""
    metadata = app.env.nb_metadata.setdefault(app.env.docname, {})
    js_files = metadata.setdefault("js_files", {})
    if STATE_KEY not in js_files:
        state = {"version_major": 2, "version_minor": 0, "state": {}}
        js_files[STATE_KEY] = (None, {"type": STATE_TYPE, "body": json.dumps(state)})
        for index, (path, options) in enumerate(app.config.nb_ipywidgets_js.items()):
            js_files.setdefault(f"ipywidgets_{index}", (path, options))
    path, options = js_files[STATE_KEY]
    page_state = json.loads(options["body"])
    page_state["state"] |= entries
    body = json.dumps(page_state).replace("<", r"\u003c")
    js_files[STATE_KEY] = (path, {**options, "body": body})


def write_archive(app: Sphinx, error: Exception | None) -> None:
    """Write the packed judge beside the other static files."""
    if error is None and app.builder.name == "html":
        target = Path(app.outdir) / "_static" / "code" / ARCHIVE
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", on_doctree_read, priority=FIRST)
    app.connect("build-finished", write_archive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
