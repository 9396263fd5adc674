"""What a page says of itself, above its text and to those who link to it.

Above: its minutes and its neighbours. To others: a description, an address and a picture, which a
messenger or a search engine shows. And one page more, for an address that leads nowhere.
"""

from __future__ import annotations

import html
import io
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.course_theme import reader_minutes

ROOT = Path(__file__).resolve().parents[2]
SHORTEST, LONGEST = 60, 200  # characters of a description
CARD_PIXELS = (1200, 630)
INK, BAR = "#1f2328", "#0072b2"


def site_address(repository: str) -> str:
    """Where GitHub publishes the site of a repository.

    Raises:
        ValueError: If it is no address of a repository there.
    """
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)/?", repository)
    if found is None:
        raise ValueError(f"repository url {repository!r} in _config.yml is none of github.com")
    owner, name = found[1].lower(), found[2]
    home = f"https://{owner}.github.io/"
    return home if name.lower() == f"{owner}.github.io" else f"{home}{name}/"


def description(document: nodes.document) -> str:
    """The first sentences of a page, what it will make you able to do for a chapter."""
    said = ""
    for paragraph in document.findall(nodes.paragraph):
        text = re.sub(r"\s+", " ", paragraph.astext()).strip()
        if isinstance(paragraph.parent, nodes.entry) or not text:
            continue
        said = f"{said} {text}".strip()
        if len(said) >= SHORTEST:
            break
    return textwrap.shorten(said, LONGEST, placeholder=" …")


def minutes(docname: str) -> int | None:
    """Estimate of a chapter's minutes; None for a page that is no chapter."""
    path = ROOT / "book" / f"{docname.rsplit('/', 1)[-1]}.md"
    if not docname.startswith("notebooks/"):
        return None
    return reader_minutes(path.read_text(encoding="utf-8"))


def above(context: dict[str, Any], estimate: int | None) -> str:
    """A line with the page before, the minutes, and the page after."""
    parts = []
    for key, arrow in (("prev", "← {}"), ("next", "{} →")):
        page = context.get(key)
        title = "" if not page else re.sub(r"<[^>]+>", "", page["title"])
        parts.append(
            f'<a rel="{key}" href="{html.escape(page["link"])}">{arrow.format(title)}</a>'
            if page
            else "<span></span>"
        )
    about = f"<span>About {estimate} minutes</span>" if estimate else ""
    return (
        '<nav class="page-top" aria-label="Page before and page after">'
        f"{parts[0]}{about}{parts[1]}</nav>"
    )


def tags(title: str, said: str, address: str, picture: str) -> str:
    """What a preview reads: tags of the Open Graph protocol, and the description.

    Source: The Open Graph protocol, https://ogp.me.
    """
    named = {
        "og:type": "article",
        "og:site_name": "Transformers, line by line",
        "og:title": title,
        "og:description": said,
        "og:url": address,
        "og:image": picture,
        "og:image:width": str(CARD_PIXELS[0]),
        "og:image:height": str(CARD_PIXELS[1]),
        "og:image:alt": f"The title of the page: {title}",
    }
    lines = [f'<meta name="description" content="{html.escape(said)}" />']
    lines += [f'<meta property="{k}" content="{html.escape(v)}" />' for k, v in named.items()]
    lines.append('<meta name="twitter:card" content="summary_large_image" />')
    return "\n".join(["", *lines, ""])


def card(title: str, course: str, about: str) -> bytes:
    """Draw the picture of a preview: the title, large, and whose it is."""
    width, height = CARD_PIXELS
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    bar = Rectangle((0, 0), 0.03, 1, transform=figure.transFigure, color=BAR, linewidth=0)
    figure.add_artist(bar)
    lines = "\n".join(textwrap.wrap(title, 24)[:4])
    figure.text(0.09, 0.55, lines, size=54, color=INK, weight="bold", va="center", linespacing=1.25)
    figure.text(0.09, 0.09, course, size=24, color=INK)
    figure.text(0.95, 0.09, about, size=24, color=INK, ha="right")
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def not_found(address: str, course: str, chapters: dict[str, str]) -> str:
    """The page for an address that leads nowhere: search, and every chapter.

    It is shown at any depth of the site, so its links begin at the root, which a script finds: a
    published site has one folder above it unless its address has none; a served one has none.
    """
    has_folder = urlsplit(address).path != "/"
    folder = '`/${location.pathname.split("/")[1]}/`' if has_folder else '"/"'
    links = "".join(
        f'<li><a href="{html.escape(docname)}.html">{html.escape(title)}</a></li>'
        for docname, title in chapters.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>No such page - {html.escape(course)}</title>
<script>
if (location.protocol !== "file:") {{
  const root = document.createElement("base");
  const published = location.hostname.endsWith(".github.io");
  root.href = published ? {folder} : "/";
  document.head.append(root);
}}
</script>
<style>
:root {{ color-scheme: light dark; font: 1.06rem/1.6 system-ui, sans-serif; }}
body {{ max-width: 40rem; margin: 12vh auto 4rem; padding: 0 1.2rem; }}
input, button {{ font: inherit; padding: 0.3rem 0.6rem; }}
a {{ color: LinkText; }}
</style></head><body><main>
<h1>There is no page at this address</h1>
<p>It may have been moved, or mistyped.</p>
<form role="search" action="search.html"><label for="q">Search the course</label>
<input id="q" name="q" type="search"> <button type="submit">Search</button></form>
<h2>Pages</h2><ul>{links}</ul>
<noscript><p><a href="{html.escape(address)}">The first page</a></p></noscript>
</main></body></html>
"""


def _address(app: Sphinx, config: Any) -> None:
    config.html_baseurl = site_address(config.html_theme_options["repository_url"])


def _has_card(app: Sphinx, docname: str) -> bool:
    return docname in app.env.titles and not docname.startswith("book/api/")


def _card_name(docname: str) -> str:
    return f"_static/cards/{docname.replace('/', '-')}.png"


def _page(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if pagename == "search":
        app.add_js_file("file_notice.js")
    if doctree is None or "body" not in context:
        return
    home = app.config.html_baseurl
    shown = pagename if _has_card(app, pagename) else app.config.root_doc
    said = description(doctree) or app.config.html_title
    title = app.env.titles[pagename].astext()
    context["metatags"] = context.get("metatags", "") + tags(
        title, said, f"{home}{pagename}.html", f"{home}{_card_name(shown)}"
    )
    if pagename != app.config.root_doc:
        line = above(context, minutes(pagename))
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    out, course = Path(app.outdir), app.config.html_title
    titles = {name: app.env.titles[name].astext() for name in sorted(app.env.titles)}
    (out / "_static" / "cards").mkdir(parents=True, exist_ok=True)
    store = Path(app.doctreedir) / "cards.json"
    drawn = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    for docname, title in titles.items():
        if _has_card(app, docname):
            estimate, path = minutes(docname), out / _card_name(docname)
            shown = [title, course, f"{estimate} minutes" if estimate else ""]
            if drawn.get(docname) != shown or not path.exists():
                path.write_bytes(card(*shown))
            drawn[docname] = shown
    store.write_text(json.dumps(drawn), encoding="utf-8")
    first = app.config.root_doc
    chapters = {name: titles[name] for name in titles if name.startswith("notebooks/")}
    page = not_found(app.config.html_baseurl, course, {first: titles[first], **chapters})
    (out / "404.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", _address, priority=900)
    app.connect("html-page-context", _page)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
