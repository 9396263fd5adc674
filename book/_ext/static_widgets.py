"""Puts the static form of each widget into its page, and makes the embedded widget state small.

A widget of the course carries its static HTML in its state. While a page is read, this extension
writes that HTML in front of the widget's view, so that a page without JavaScript, a printed page
and a failed import still show a complete first state; the page loader hides it when the live
widget stands. It also keeps in the page's state only what the loader needs: models that are shown,
each foreign module text once, no second copy of the static HTML. The modules of the course's own
widgets come as one script.

Lines needed in `_config.yml` (under `sphinx`)::

    local_extensions:
      static_widgets: book/_ext
    config:
      extensions: [..., static_widgets]        # where the list is written out
      nb_ipywidgets_js:
        page_loader.js: {}         # the loader, under html_static_path
      html_static_path: [book/assets]

The widgets' stylesheet is linked from every page as `_static/course-widgets.css`.
"""

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">(?P<view>.*?)</script>', re.DOTALL
)
LATER = re.compile(r'"later": "([0-9a-f]{12})"')
STATE_KEY = "ipywidgets_state"
MODULES_KEY = "course_widgets"
CSS_NAME = "course-widgets.css"


def css_text() -> str:
    """Reads the stylesheet of the widgets from the package, without importing them."""
    spec = find_spec("course_lib.widgets")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("course_lib.widgets is not installed; run pip install -e . first")
    styles = Path(spec.submodule_search_locations[0]) / "kit" / "ui" / "styles"
    return "".join(path.read_text("utf-8") for path in sorted(styles.glob("*.css")))


def slim(
    page_state: dict[str, Any], shown: set[str], css: str, later: dict[str, str] | None = None
) -> dict[str, Any]:
    """Keeps what the page loader needs.

    Args:
        page_state: The widget state as the notebook holds it.
        shown: Ids of the models that have a view in the page.
        css: The stylesheet that the page links, which no model has to repeat.
        later: Gets the parts of a payload that the widget asks for when it is opened (those its
            payload lists under "later"), as JSON by name; None leaves them in the page.

    Returns:
        The same structure with shared texts under "texts"; unknown widgets are kept whole, and the
        modules of the course's own are named as parts of the page's script of modules.
    """
    from course_lib.widgets.bundle import entry_of

    entries = entry_of(
        entry["state"]["_esm"]
        for name, entry in page_state.get("state", {}).items()
        if name in shown and entry.get("model_module") == "anywidget"
    )
    texts: dict[str, str] = {}
    models: dict[str, Any] = {}

    def shared(text: str) -> dict[str, str]:
        key = hashlib.sha256(text.encode()).hexdigest()[:12]
        texts[key] = text
        return {"text": key}

    for name, entry in page_state.get("state", {}).items():
        if name not in shown:
            continue
        if entry.get("model_module") != "anywidget":
            models[name] = entry
            continue
        state = entry["state"]
        own = "static_html" in state
        drop = {"static_html", "layout", "tabbable", "tooltip"} if own else set()
        kept = {key: value for key, value in state.items() if key[0] != "_" and key not in drop}
        part = entries.get(state["_esm"])
        kept["_esm"] = shared(state["_esm"]) if part is None else {"part": part}
        if later is not None and "later" in kept.get("payload", {}):
            kept["payload"] = dict(kept["payload"])
            for part in kept["payload"]["later"]:
                text = json.dumps(kept["payload"][part])
                key = hashlib.sha256(text.encode()).hexdigest()[:12]
                later[key] = text
                kept["payload"][part] = {"later": key}
        if state.get("_css") and not (own and state["_css"] == css):
            kept["_css"] = shared(state["_css"])
        of_class = state.get("_anywidget_id", "").rpartition(".")[2]
        models[name] = {**entry, "widget": of_class, "state": kept}
    return {**page_state, "state": models, "texts": texts}


def modules_of(slimmed: dict[str, Any]) -> str | None:
    """The script with the modules of a page's widgets; None where none is of the course."""
    from course_lib.widgets.bundle import shared_bundle

    states = [entry["state"] for entry in slimmed["state"].values()]
    modules = [state["_esm"] for state in states if isinstance(state.get("_esm"), dict)]
    parts = frozenset(module["part"] for module in modules if "part" in module)
    return shared_bundle(parts) if parts else None


def script_text(value: Any) -> str:
    """JSON for a script element: no text in it can end the script, or hide its end."""
    return json.dumps(value, ensure_ascii=False).replace("<", r"\u003c")


def on_doctree_read(app: Sphinx, doctree: nodes.document) -> None:
    """Writes static forms in front of views, and replaces the page's state by a slim one."""
    metadata = getattr(app.env, "nb_metadata", {}).get(app.env.docname, {})
    js_files = metadata.get("js_files", {})
    if STATE_KEY not in js_files:
        return
    path, options = js_files[STATE_KEY]
    page_state = json.loads(options["body"])
    shown: set[str] = set()

    def with_static(match: re.Match[str]) -> str:
        model_id = json.loads(match["view"])["model_id"]
        shown.add(model_id)
        state = page_state["state"].get(model_id, {}).get("state", {})
        static = state.get("static_html")
        return f'<div class="cw-static">{static}</div>\n{match[0]}' if static else match[0]

    for raw in doctree.findall(nodes.raw):
        if raw.get("format") == "html" and "widget-view+json" in raw.astext():
            text = VIEW.sub(with_static, raw.astext())
            raw.rawsource = text
            raw.children = [nodes.Text(text)]
    later: dict[str, str] = {}
    slimmed = slim(page_state, shown, css_text(), later)
    modules = modules_of(slimmed)
    if modules is not None:
        js_files[MODULES_KEY] = (None, {"data-course": "widgets", "body": modules})
    for key, text in later.items():
        target = Path(app.outdir) / "_static" / "later" / f"{key}.js"
        target.parent.mkdir(parents=True, exist_ok=True)
        # A script and no JSON: a page opened as a file may load the one and not the other.
        target.write_text(f'(window.courseLater ??= {{}})["{key}"] = {text};\n', encoding="utf-8")
    js_files[STATE_KEY] = (path, {**options, "body": script_text(slimmed)})


def write_css(app: Sphinx, error: Exception | None) -> None:
    """Writes the widgets' stylesheet beside the other static files."""
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / CSS_NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(css_text(), encoding="utf-8")
        states = [
            page.get("js_files", {}).get(STATE_KEY, (None, {}))[1].get("body", "")
            for page in getattr(app.env, "nb_metadata", {}).values()
        ]
        named = {key for state in states for key in LATER.findall(state)}
        for path in (target.parent / "later").glob("*.js"):
            if path.stem not in named:  # of a page that was read anew and asks for another
                path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the extension."""
    app.add_css_file(CSS_NAME)
    app.connect("doctree-read", on_doctree_read)
    app.connect("build-finished", write_css)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
