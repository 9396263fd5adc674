"""Writes widgets into one HTML page that works without a kernel, a server or a network."""

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.widgets.base import CourseWidget


def state_of(widgets: Sequence[CourseWidget]) -> dict[str, Any]:
    """Returns the state of widgets as a notebook stores it."""
    entries = {}
    for widget in widgets:
        state = {
            name: value
            for name, value in widget.get_state().items()
            if name.startswith("_") or name in widget.class_trait_names(sync=True)
        }
        entries[widget.model_id] = {
            "model_name": "AnyModel",
            "model_module": "anywidget",
            "model_module_version": state["_model_module_version"],
            "state": state,
        }
    return {"version_major": 2, "version_minor": 0, "state": entries}


def safe_script(value: Any) -> str:
    """Writes JSON so that no text inside can end a script element."""
    return json.dumps(value).replace("<", "\\u003c")


def page(widgets: Sequence[CourseWidget], loader: Path, *, title: str = "Widgets") -> str:
    """Writes a page that shows widgets with the loader of the site.

    Args:
        widgets: The widgets, in the order to show.
        loader: Path of `page_loader.js`; its text goes into the page.
        title: Title and heading of the page.

    Returns:
        HTML.
    """
    views = "".join(
        f'<div class="cw-static">{widget.static_html}</div>'
        '<script type="application/vnd.jupyter.widget-view+json">'
        f"{safe_script({'version_major': 2, 'model_id': widget.model_id})}</script>"
        for widget in widgets
    )
    state = safe_script(state_of(widgets))
    css = "".join(dict.fromkeys(widget._css for widget in widgets))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{css}</style><style>"
        "body{font-family:system-ui,sans-serif;margin:0 auto;max-width:50rem;padding:1rem}"
        "html[data-theme=dark]{background:#14181e;color:#ced6dd}</style></head><body><main>"
        f"<h1>{html.escape(title)}</h1><h2>In this page</h2>{views}</main>"
        f'<script type="application/vnd.jupyter.widget-state+json">{state}</script>'
        f"<script>{loader.read_text(encoding='utf-8')}</script></body></html>"
    )
