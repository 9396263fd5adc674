"""The first page of the book: a piece that answers, a card for each chapter, what was measured."""

from __future__ import annotations

import html
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.course_theme import reader_minutes
from book._ext.pictures import picture
from book._tools.landing import RECORD
from book._tools.results import by_chapter

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("book/intro", "book/questions")


def chapters() -> list[dict[str, Any]]:
    """What the traceability file says of each chapter."""
    text = (ROOT / "book" / "traceability.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["chapters"]


def inline(text: str) -> str:
    """A sentence with *emphasis* as HTML."""
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", html.escape(text, quote=False))


def percent(share: float) -> str:
    """A share as the piece writes it; halves go up, as they do in the browser."""
    return f"{math.floor(100 * share + 0.5)} %"


def piece(record: dict[str, Any]) -> str:
    """The first reading of the record, complete without JavaScript, and the record beside it."""
    reading = record["readings"][2]  # "The keys of the object"
    heads = [head for layer in reading["looks"] for head in layer]
    looks = [sum(shares) / len(heads) for shares in zip(*heads, strict=True)]
    verbs = reading["verbs"][0] / sum(reading["verbs"])

    def row(name: str, kind: str, shares: Sequence[float]) -> str:
        cells = "".join(
            f'<td><i class="{kind}" style="--share:{share:.3f}"></i><b>{percent(share)}</b></td>'
            for share in shares
        )
        return f'<tr class="{kind}"><th scope="row">{name}</th>{cells}</tr>'

    words = "".join(f'<th scope="col">{html.escape(word)}</th>' for word in reading["words"])
    data = json.dumps(record["readings"]).replace("<", r"\u003c")
    return (
        '<div class="look" role="group" aria-label="A model decides between is and are">'
        '<p class="look-ask">Which word decides between <em>is</em> and <em>are</em>?</p>'
        f'<table><thead><tr><th scope="col" class="look-corner">word</th>{words}</tr></thead>'
        f"<tbody>{row('looked at', 'looks', looks)}{row('matters', 'moved', reading['moved'])}"
        "</tbody></table>"
        '<p class="look-next"><span>next:</span>'
        f'<span class="is" style="--share:{verbs:.3f}"><em>is</em> <b>{percent(verbs)}</b></span>'
        f'<span class="are" style="--share:{1 - verbs:.3f}"><em>are</em> '
        f"<b>{percent(1 - verbs)}</b></span></p>"
        '<p class="look-note"><b>Looked at</b>: the share of its attention that a word gets. '
        "<b>Matters</b>: how much of the probability of the next word moves when the word is left "
        "out. <b>Next</b>: <em>is</em> and <em>are</em> against each other, other words left out. "
        f"All measured on the model that chapter 1 trains, {record['parameters']:,} "
        "parameters.</p>"
        f'<script type="application/json" class="look-record">{data}</script></div>'
    )


class Landing(SphinxDirective):
    """One sentence, one button, and a piece that answers."""

    def run(self) -> list[nodes.Node]:
        """Build the first screen from its record."""
        self.env.note_dependency(str(RECORD))
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        page = (
            '<div class="hero"><div class="hero-say"><p>A course on Transformers and the '
            "pre-training of language models in which every claim is a program that runs.</p>"
            '<p><a class="hero-button" href="../notebooks/01_relevance.html">Begin with chapter '
            f"1</a></p></div>{piece(record)}</div>"
        )
        return [nodes.raw("", page, format="html")]


class CourseMap(SphinxDirective):
    """A card for each chapter: number, picture, title, question, minutes, what is solved."""

    def run(self) -> list[nodes.Node]:
        """Build the cards from the traceability file."""
        self.env.note_reread()  # it says how long the chapters are
        results, cards = by_chapter(), []
        for entry in chapters():
            docname = f"notebooks/{entry['chapter']}"
            if docname not in self.env.found_docs:
                continue
            number = entry["chapter"][:2]
            text = (ROOT / "book" / f"{entry['chapter']}.md").read_text(encoding="utf-8")
            cards.append(
                f'<li>{picture(number)}<span class="course-number">{int(number)}</span>'
                f'<a class="reference internal" href="../{docname}.html">'
                f"{html.escape(entry['title'])}</a>"
                f'<p class="course-question">{inline(results[number].question)}</p>'
                f'<span class="course-minutes">{reader_minutes(text)} min</span>'
                f'<span class="course-solved" data-chapter="{number}"></span></li>'
            )
        page = (
            f'<ol class="course-map">{"".join(cards)}</ol>'
            '<p class="course-total" role="status"></p>'
        )
        return [nodes.raw("", page, format="html")]


class Measured(SphinxDirective):
    """One measured result for each chapter, with its numbers."""

    def run(self) -> list[nodes.Node]:
        """Build the list; a result that does not hold fails the build."""
        self.env.note_reread()  # it quotes what chapters print
        titles = {entry["chapter"][:2]: entry["chapter"] for entry in chapters()}
        lines = [
            f'<li><a class="reference internal" href="../notebooks/{titles[number]}.html">'
            f"Chapter {int(number)}</a> {inline(result.text())}</li>"
            for number, result in by_chapter().items()
        ]
        return [nodes.raw("", f'<ul class="measured">{"".join(lines)}</ul>', format="html")]


def _files(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """The first page and the page of questions have a style sheet of their own."""
    if pagename in PAGES:
        app.add_css_file("front.css", priority=900)
    if pagename == PAGES[0]:
        app.add_js_file("landing.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("landing", Landing)
    app.add_directive("course-map", CourseMap)
    app.add_directive("measured", Measured)
    app.connect("html-page-context", _files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
