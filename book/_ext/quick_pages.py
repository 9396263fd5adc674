"""Lets a page live sooner: what the theme does late or slowly, done early or not at all.

The theme settles on light or dark when a page is read to its end, after much of it is drawn in
neither: then every element is styled anew. It loads its scripts in the head, where each holds up
the page, also those that the page has no use for. Every name and comma of a program is an element
of its own, which looks as the text around it looks. And all of a page is laid out before anything
in it answers; `first_view.js` lays out the rest when the first screens live.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.reading import written

AFTER_ALL = 950  # what else rewrites a written page looks for what is taken away here
LATE = """document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";"""
EARLY = (
    "((root) => { root.theme = /^(light|dark)$/.test(root.mode) ? root.mode : "
    'matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"; })'
    "(document.documentElement.dataset);"
)
# A page that is opened at a place of it, or once more, has to know at once where it is; also at
# one that is named by its words (#:~:text=). Of those only Chromium tells: elsewhere whoever comes
# from another site, as by a link of a search engine, gets all of the page.
FIRST_VIEW = (
    '<script>((visit)=>{if(!location.hash&&visit?.type==="navigate"&&!visit.name.includes(":~:")'
    "&&(navigator.userAgentData||!document.referrer"
    "||new URL(document.referrer).origin===location.origin))"
    'document.documentElement.dataset.view="first"})'
    '(performance.getEntriesByType("navigation")[0])</script>\n'
)
OPTIONS = "documentation_options.js"
HEAD = re.compile(r"(?<=<head>).*?(?=</head>)", re.DOTALL)
SCRIPT = re.compile(r"[ \t]*<script(?P<about>[^>]*)>(?P<text>.*?)</script>\n?", re.DOTALL)
SOURCE = re.compile(r'\ssrc="(?:[^"]*/)?([^"/?]+)[^"]*"')
FIRST_SHEET = re.compile(r'[ \t]*<link[^>]*rel="stylesheet"')
LOADER = "page_loader.js"
FIRST_VIEW_SCRIPT = "first_view.js"
DATA = re.compile(r"\s(?:type|data-course)=")
# What a page has that uses a file.
_TOGGLES = re.compile(
    r'class="(?:[^"]* )?(?:toggle|toggle-details)[ "]|class="[^"]*\badmonition\b[^"]*\bdropdown\b'
)
_PROGRAMS = re.compile("<pre")
USED_BY = {
    "design-tabs.js": re.compile(r'class="[^"]*\bsd-tab-'),
    "togglebutton.js": _TOGGLES,
    "togglebutton.css": _TOGGLES,
    "clipboard.min.js": _PROGRAMS,
    "copybutton.js": _PROGRAMS,
    "copybutton.css": _PROGRAMS,
}
FILE = re.compile(
    r'[ \t]*(?:<script[^>]*\ssrc="[^"]*?([^"/?]+\.js)[^"]*"[^>]*></script>'
    r'|<link[^>]*\shref="[^"]*?([^"/?]+\.css)[^"]*"[^>]*>)\n?'
)
BLOCK = re.compile(r"<pre\b.*?</pre>", re.DOTALL)
RULE = re.compile(
    r'html\[data-theme="(\w+)"\] \.highlight(?: \.(\w+))? \{ ([^}]*?);? ?\}(?: /\*.*?\*/)?'
)


def settled(page: str) -> str:
    """A page whose theme is known before anything is drawn.

    Raises:
        ValueError: if a page of the theme no longer says how it begins.
    """
    if "dataset.theme =" in page and LATE not in page:
        raise ValueError(f"the theme's pages have no {LATE!r}; see how they set data-theme now")
    return page.replace(LATE, EARLY)


def without_unused(page: str) -> str:
    """A page that asks for no file which only what it does not have would use."""
    unused = {name for name, use in USED_BY.items() if not use.search(page)}
    return FILE.sub(lambda file: "" if unused & {file[1], file[2]} else file[0], page)


def unblocked(page: str, options: str) -> str:
    """A page that is read on while its style sheets and scripts are on their way.

    A script in the text of the head waits for the style sheets above it, so it goes before them.
    One of a file waits for the end of the page, in the order in which they stand; the loader of the
    widgets is the first. What it needs, their state and their modules, goes to the end of the page.

    Args:
        page: The written page.
        options: The text of the script that the others ask for their options.
    """
    found = HEAD.search(page)
    if found is None or not FIRST_SHEET.search(found[0]):
        return page
    early: list[str] = []
    late: list[str] = []

    def placed(match: re.Match[str]) -> str:
        about, whole = match["about"], match[0].strip()
        source = SOURCE.search(about)
        if source is None:
            (late if DATA.search(about) else early).append(f"{whole}\n")
            return ""
        if source[1] == OPTIONS:
            early.append(f"<script>{options.strip()}</script>\n")
            return ""
        rest = re.sub(r'\s(?:defer|async)(?:="[^"]*")?(?=\s|$)', "", about)
        script = f"<script defer{rest}></script>\n"
        if source[1] == LOADER:
            early.append(script)
            return ""
        return script

    head = SCRIPT.sub(placed, found[0])
    if FIRST_VIEW_SCRIPT in head and FIRST_VIEW not in early:
        early.append(FIRST_VIEW)
    sheet = FIRST_SHEET.search(head)
    assert sheet is not None
    head = head[: sheet.start()] + "".join(early) + head[sheet.start() :]
    body, end, rest = page[found.end() :].rpartition("</body>")
    return f"{page[: found.start()]}{head}{body}{''.join(late)}{end}{rest}"


def plain_kinds(sheet: str) -> set[str]:
    """The classes of words in programs that look, in every theme, as the words around them."""
    rules = {(theme, kind): " ".join(look.split()) for theme, kind, look in RULE.findall(sheet)}
    around = {
        theme: re.findall(r"(?<![-\w])color: [^;]+", look)
        for (theme, kind), look in rules.items()
        if not kind
    }
    kinds = {kind for _, kind in rules if kind}
    return {
        kind
        for kind in kinds
        if around and all([rules.get((theme, kind))] == colour for theme, colour in around.items())
    }


def joined_words(page: str, kinds: set[str]) -> str:
    """A page whose programs have no element around words of these kinds."""
    if not kinds:
        return page
    word = re.compile(rf'<span class="(?:{"|".join(sorted(kinds))})">([^<]*)</span>')
    return BLOCK.sub(lambda block: word.sub(r"\1", block[0]), page)


def quicken(app: Sphinx, error: Exception | None) -> None:
    """Rewrite the pages of a written site."""
    if error is not None or app.builder.name != "html":
        return
    static = Path(app.outdir) / "_static"
    options = (static / OPTIONS).read_text(encoding="utf-8")
    kinds = plain_kinds((static / "pygments.css").read_text(encoding="utf-8"))
    if "n" not in kinds:
        raise ValueError("pygments.css has no rule for names, or one that differs from its text's")
    for path in written(app):
        page = path.read_text(encoding="utf-8")
        quick = joined_words(unblocked(without_unused(settled(page)), options), kinds)
        if quick != page:
            path.write_text(quick, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_js_file(FIRST_VIEW_SCRIPT, loading_method="defer")
    app.connect("build-finished", quicken, priority=AFTER_ALL)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
