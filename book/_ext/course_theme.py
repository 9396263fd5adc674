"""What this book adds to the theme: the cost of each page, what of it is solved, and repairs.

The repairs are for faults of the theme that every page would otherwise carry: a second, empty top
bar; two search buttons whose label differs from their visible text; a logo outside any landmark.
"""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.icons import draw_all
from book._ext.reading import written

ROOT = Path(__file__).resolve().parents[2]
WORDS_PER_MINUTE = 200
MINUTES_PER_EXERCISE = 2
MINUTES_PER_CODE_EXERCISE = 8


def _costs() -> dict[str, Any]:
    path = ROOT / "_build" / "costs.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def reader_minutes(text: str) -> int:
    """Estimate of the minutes a page takes: its words, and the exercises it loads."""
    prose = re.sub(r"```\{code-cell\}.*?```", "", text, flags=re.DOTALL)
    exercises = re.findall(r"exercises\.load\(\s*[\"']\d\d\.([a-z]\d?)", text)
    minutes = len(prose.split()) / WORDS_PER_MINUTE
    for letter in exercises:
        code = letter[0] in "cg"
        minutes += MINUTES_PER_CODE_EXERCISE if code else MINUTES_PER_EXERCISE
    return max(1, round(minutes))


def _cost_sentence(docname: str) -> str:
    name = docname.rsplit("/", 1)[-1]
    minutes = reader_minutes((ROOT / "book" / f"{name}.md").read_text(encoding="utf-8"))
    cost = _costs().get(name)
    if cost is None:
        return f"About {minutes} minutes to read and work through."
    return (
        f"About {minutes} minutes to read and work through (an estimate). Running the notebook "
        f"took {cost['seconds']:.0f} s and {cost['peak_memory_bytes'] / 1e9:.2f} GB at its peak, "
        "measured when this page was built, with one thread a process."
    )


# What search makes its excerpts from: the text of the article, with single blanks between words.
_NOT_TEXT = (
    ".headerlink, script, style, annotation, nav, footer, aside, button, svg, "
    ".bd-header-article, #jb-print-docs-body, .prev-next-area, .cell_input, .cw-static, .page-cost"
)
_EXCERPTS = {
    '[".headerlink", "script", "style"]': json.dumps([_NOT_TEXT]),
    "return docContent.textContent;": 'return docContent.textContent.replace(/\\s+/g, " ");',
}


def exercises_by_chapter() -> dict[str, list[list[Any]]]:
    """Chapter number to its exercises: id and version."""
    from course_lib.exercises.catalog import all_specs

    found: dict[str, list[list[Any]]] = {}
    for spec in all_specs():
        found.setdefault(spec.id[:2], []).append([spec.id, spec.version])
    return found


def _attribute(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Keep an attribute's comment whole: napoleon would take what stands before a colon for a type.

    With a colon in front, the type is empty and the whole comment is the description.
    """
    if what in ("attribute", "data") and lines and ":" in " ".join(lines):
        lines[0] = f": {lines[0]}"


def _options(app: Sphinx, config: Any) -> None:
    config.html_theme_options.setdefault("navbar_persistent", [])
    config.html_context.setdefault("default_mode", "auto")


def _page(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the measured cost under each chapter."""
    if pagename.startswith("notebooks/") and "body" in context:
        context["body"] += (
            '<aside class="page-cost" aria-label="What this page costs"><p>'
            f"{html.escape(_cost_sentence(pagename))}</p></aside>"
        )


def _docstring(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text: one backtick is code, and a lone star is a star."""
    for index, line in enumerate(lines):
        line = re.sub(r"(?<![`:\w])`([^`]+)`(?![`_])", r"``\1``", line)
        if line.count("*") % 2 and "``" not in line:
            line = line.replace("*", "\\*")
        lines[index] = line
    lines[:] = _fields(lines, app.env.found_docs)


def _fields(lines: list[str], pages: set[str]) -> list[str]:
    """Turn the closing `Source:` and `Chapter:` lines into fields, the chapter into a link."""
    out: list[str] = []
    inside = False  # a field goes on until an empty line or the next field
    for line in lines:
        found = re.match(r"(Source|Chapter): (.*)", line)
        if found is None:
            inside = inside and bool(line.strip())
            out.append(f"    {line.strip()}" if inside else line)
            continue
        name, text = found.groups()
        if name == "Chapter" and f"notebooks/{text}" in pages:
            text = f":doc:`/notebooks/{text}`"
        out += [*([] if inside else [""]), f":{name}: {text}"]
        inside = True
    return out


def _repair(app: Sphinx, error: Exception | None) -> None:
    """Mend what the theme's templates get wrong, in the written pages."""
    if error is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for path in written(app):
        page = path.read_text(encoding="utf-8")
        mended = lighten(repair_html(page), searching=path.name == "search.html")
        if mended != page:
            path.write_text(mended, encoding="utf-8")
    tools = out / "_static" / "searchtools.js"
    tools.write_text(without_menus(tools.read_text(encoding="utf-8")), encoding="utf-8")
    known = json.dumps(exercises_by_chapter())
    (out / "_static" / "exercises.js").write_text(
        f"window.courseExercises = {known};\n", encoding="utf-8"
    )
    draw_all(out, written(app))


def lighten(page: str, *, searching: bool) -> str:
    """A page without the search index, where it is not used.

    Args:
        page: The written page.
        searching: Whether it is the page of search results, the one that reads the index.
    """
    if not searching:
        page = re.sub(
            r'\s*<script[^>]*src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"[^>]*>'
            r"</script>",
            "",
            page,
        )
    return page


def without_menus(script: str) -> str:
    """Sphinx's search with excerpts of the text alone, not of the buttons and menus around it.

    Raises:
        ValueError: if the script no longer says what it leaves out of a page.
    """
    for known, wanted in _EXCERPTS.items():
        if known not in script:
            raise ValueError(f"searchtools.js has no {known!r}; see how it makes excerpts now")
        script = script.replace(known, wanted)
    return script


def repair_html(page: str) -> str:
    """One page with the theme's faults mended; a page without them comes back unchanged."""
    # The field shows "Search Ctrl+K" and is labelled "Search": its own text is the better label.
    page = re.sub(
        r'(<button class="btn search-button-field[^>]*?) aria-label="Search"', r"\1", page
    )
    # The site's name stands outside every landmark.
    page = re.sub(
        r'<div class="sidebar-primary-item">(\s*<a class="navbar-brand logo")',
        r'<div class="sidebar-primary-item" role="navigation" aria-label="Home">\1',
        page,
    )
    # An entry of a list is a list item; the role that docutils writes belongs to no list.
    page = page.replace('role="doc-biblioentry"', 'role="listitem"')
    # The arrow that unfolds a section of the sidebar has no name.
    page = page.replace(
        '<summary><span class="toctree-toggle"',
        '<summary aria-label="Pages of this section"><span class="toctree-toggle"',
    )
    # Jupyter Book's redirect has neither a doctype nor a title.
    if page.startswith('<meta http-equiv="Refresh"'):
        target = re.search(r'url=([^"]+)"', page)
        assert target is not None
        page = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="refresh" content="0; url={target[1]}">'
            f'<title>Transformers, line by line</title></head><body><main><a href="{target[1]}">'
            "Transformers, line by line</a></main></body></html>\n"
        )
    return page


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", _options, priority=100)
    app.connect("html-page-context", _page)
    app.connect("autodoc-process-docstring", _attribute, priority=100)
    app.connect("autodoc-process-docstring", _docstring)
    app.add_js_file("exercises.js", loading_method="defer")
    app.add_js_file("course_progress.js", loading_method="defer")
    app.connect("build-finished", _repair)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
