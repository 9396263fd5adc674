"""Folds away the code that runs a page without explaining anything: one switch shows all of it.

Five kinds of lines are machinery: imports, what loads an exercise, checks (assertions), the
comments that say why an output is not compared, and the settings of a page's runs where a cell
shows nothing else. They stay in the page, marked, so that a page without JavaScript, and a copied
cell, has all of them; `course_code.js` folds them and remembers what the reader wants. A cell of
nothing else is folded whole.
"""

from __future__ import annotations

import ast
import html
import re
import sys
from itertools import groupby
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.reading import written

CELL = re.compile(
    r'(?P<open><div class="cell_input[^"]*)(?P<rest>">\s*<div class="highlight-[^"]*">'
    r'<div class="highlight"><pre>(?:<span></span>)?)(?P<code>.*?)(?P<close></pre>)',
    re.DOTALL,
)
TAG = re.compile(r"<[^>]+>")
LOADER = re.compile(r"^exercises\.(load|progress_panel)\(")
# The start and the amount of training, which `book/_tools/repeat.py` sets.
SETTINGS = re.compile(r"^SEED, BUDGET = \d+, \d+$")
LINTER = re.compile(r'(\s*<span class="c1"># noqa[^<]*</span>)')
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
CHECK = re.compile(r"^(torch|np|numpy)\.testing\.assert_\w+\(")
# What the head of each page does before anything is drawn, so that nothing moves afterwards.
EARLY = (
    '<script>try{document.documentElement.dataset.code=localStorage.getItem("course:code")'
    '==="all"?"all":"less"}catch{document.documentElement.dataset.code="less"}</script>'
)


def kinds(code: str) -> list[str]:
    """For each line of a cell what kind of machinery it is.

    One of import, loader, check, comment, settings, or "" for what explains.
    A cell that is not Python alone, such as one with a shell command, has comments at most.
    """
    lines = code.split("\n")
    found = [""] * len(lines)
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        tree = ast.Module([], [])
    _mark(tree.body, found, set())
    quoted = _quoted(tree)
    inside = False
    for number, line in enumerate(lines):
        inside = line.startswith("# Not compared") or (inside and line.startswith("#"))
        if inside and number not in quoted:
            found[number] = "comment"
    shown = [number for number, line in enumerate(lines) if line.strip() and not found[number]]
    if shown and all(SETTINGS.match(lines[number]) for number in shown):
        for number in shown:
            found[number] = "settings"
    # A line inside a text has no say in where gaps are, and stays with its neighbours.
    _join(["text" if number in quoted else line for number, line in enumerate(lines)], found)
    return found


def _quoted(tree: ast.Module) -> set[int]:
    """The lines that begin inside a text of several lines."""
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr))
    return {line for node in texts for line in range(node.lineno, node.end_lineno or node.lineno)}


def _mark(body: list[ast.stmt], found: list[str], loaded: set[str]) -> None:
    """Mark the statements of a block; one whose whole block is machinery is marked with it.

    A line that also holds something else stays, and so does a block of nothing else: its head alone
    would read as a mistake.
    """
    shown: set[int] = set()
    for node in body:
        kind = _kind(node, loaded)
        inner = [] if kind else getattr(node, "body", [])
        if inner and not isinstance(node, DEFINITIONS):
            _mark(inner, found, loaded)
            if all(found[one.lineno - 1] for one in inner):
                shown |= {number for one in inner for number in _lines(one)}
        if kind:
            for number in _lines(node):
                found[number] = kind
        else:
            shown |= {node.lineno - 1} if inner else set(_lines(node))
    for number in shown:
        found[number] = ""


def _lines(node: ast.stmt) -> range:
    assert node.end_lineno is not None
    return range(node.lineno - 1, node.end_lineno)


def _kind(node: ast.stmt, loaded: set[str]) -> str:
    """What a single statement is for, or a block that holds nothing but checks."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "import"
    if isinstance(node, ast.Assert):
        return "check"
    if isinstance(node, ast.For | ast.With | ast.If):
        inside = [*node.body, *getattr(node, "orelse", [])]
        return "check" if {_kind(one, set(loaded)) for one in inside} == {"check"} else ""
    if isinstance(node, ast.Assign) and LOADER.match(ast.unparse(node.value)):
        loaded |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return "loader"
    if isinstance(node, ast.Expr):
        text = ast.unparse(node.value)
        if LOADER.match(text) or text in loaded:
            return "loader"
        if CHECK.match(text):
            return "check"
    return ""


def _join(lines: list[str], found: list[str]) -> None:
    """Give empty lines to the machinery where they would begin, end or double a gap."""
    before_gap = True  # nothing is shown yet
    for number, line in enumerate(lines):
        if line.strip():
            before_gap = before_gap if found[number] else False
        elif before_gap:
            found[number] = found[number] or found[number - 1] if number else "comment"
        else:
            before_gap = True
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].strip() and not found[number]:
            break
        if not found[number]:
            found[number] = found[number + 1] if number + 1 < len(lines) else "comment"


def fold(page: str) -> str:
    """A written page with the machinery of its cells marked."""
    return CELL.sub(_marked, page)


def _marked(match: re.Match[str]) -> str:
    drawn = match["code"].removesuffix("\n").split("\n")
    plain = html.unescape(TAG.sub("", "\n".join(drawn)))
    found = kinds(plain)
    drawn = [LINTER.sub(r'<span class="machinery">\1</span>', line) for line in drawn]
    shown = [kind for kind, line in zip(found, plain.split("\n"), strict=True) if line.strip()]
    whole = " machinery-cell" if all(shown) and "check" not in shown else ""
    parts = []
    for kind, group in groupby(zip(found, drawn, strict=True), key=lambda pair: pair[0]):
        text = "".join(f"{line}\n" for _, line in group)
        if not kind:
            parts.append(text)
            continue
        count = _count(html.unescape(TAG.sub("", text))) if kind == "check" else 0
        checks = f' data-checks="{count}"' if count else ""
        parts.append(f'<span class="machinery"{checks}>{text}</span>')
    return f"{match['open']}{whole}{match['rest']}{''.join(parts)}{match['close']}"


def _count(text: str) -> int:
    """How many checks some lines hold."""
    return len(re.findall(r"^\s*assert\b|\.testing\.assert_", text, re.MULTILINE))


def fold_pages(app: Sphinx, error: Exception | None) -> None:
    """Mark the machinery of every written chapter."""
    if error is not None or app.builder.name != "html":
        return
    for path in written(app, "notebooks/*.html"):
        path.write_text(fold(path.read_text(encoding="utf-8")), encoding="utf-8")


def _head(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    if pagename.startswith("notebooks/"):
        context["metatags"] = context.get("metatags", "") + EARLY


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_js_file("course_code.js", loading_method="defer")
    app.connect("html-page-context", _head)
    app.connect("build-finished", fold_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
