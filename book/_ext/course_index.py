"""The page of questions: exercises, recorded experiments, the lecture's sentences and its figures.

All of it is read from what the pages themselves use: the catalogue of exercises, the recorded runs,
the traceability file. Exercises get an anchor on their pages, so that each line leads to its place.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._ext.front import chapters, inline
from book._ext.lecture import cells_of, sentence_list, with_places
from book._ext.reading import written
from book._tools.results import RECORDED, by_chapter
from course_lib.exercises.author.text import inline_html
from course_lib.exercises.catalog import all_specs
from course_lib.figures.base import html_table
from course_lib.figures.recorded import recorded

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "choice": "choose",
    "number": "work out",
    "predict": "predict",
    "match": "match",
    "order": "put in order",
    "code": "program",
}
LOADED = re.compile(
    r'load</span><span class="p">\(</span>\s*<span class="s[12]">(?:"|\'|&quot;|&#39;)(\d\d\.\w+)'
)


def anchor(exercise: str) -> str:
    """The id of an exercise's place on its page."""
    return f"exercise-{exercise.replace('.', '-')}"


def with_anchors(page: str) -> str:
    """A written page in which each cell that loads an exercise has its id."""
    head, *cells = page.split('<div class="cell ')
    done = [head]
    for cell in cells:
        found = LOADED.search(cell, 0, cell.find("</pre>") + 1)
        done.append(f'<div id="{anchor(found[1])}" class="cell ' if found else '<div class="cell ')
        done.append(cell)
    return "".join(done)


def exercise_list(chapter: str, page: str) -> str:
    """The exercises of a chapter in the order of their names, each a link to its place."""
    lines = [
        f'<li><a class="reference internal" href="{page}#{anchor(spec.id)}">{spec.id}</a> '
        f'{inline_html(spec.title)} <span class="course-kind">{KINDS[spec.kind]}</span></li>'
        for spec in all_specs()
        if spec.id[:2] == chapter
    ]
    return f'<ul class="exercises">{"".join(lines)}</ul>'


def experiment_table(name: str) -> tuple[str, str]:
    """What a record measured, as a table, and a line of HTML that says how it was made.

    Args:
        name: The record without its ending: of a chapter's runs, or of another measurement, whose
            columns are shown from the lowest to the highest.
    """
    stored = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    if "runs" in stored:
        return recorded(name)._repr_html_(), how_made(stored)
    return html_table(ranges(stored["rows"]), f"The record {name}"), how_made(stored)


def how_made(stored: Mapping[str, Any]) -> str:
    """A line of HTML: command, day, processor and PyTorch of a record.

    A record from before the day was kept has the day that its file was last changed on.
    """
    when = f"on {stored['date']}" if "date" in stored else f"stored on {stored['stored']}"
    told = f"{when}; processor: {stored['processor']}; torch {stored['torch']}"
    return f"Made by <code>{html.escape(stored['command'])}</code>, {html.escape(told)}"


def ranges(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """For each measured column of a record its lowest and its highest value."""
    found = [["measured", "lowest", "highest", "runs"]]
    for column in rows[0]:
        values = [row[column] for row in rows if column in row]
        if column not in ("seed", "budget") and all(isinstance(x, int | float) for x in values):
            low, high = min(values), max(values)
            found.append([column, f"{low:,.4g}", f"{high:,.4g}", str(len(values))])
    return found


class CourseIndex(SphinxDirective):
    """`{course-index}` and one of exercises, experiments, sentences, figures."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build one of the lists."""
        parts = {
            "exercises": _exercises,
            "experiments": _experiments,
            "sentences": _sentences,
            "figures": _figures,
        }
        what = self.arguments[0]
        if what not in parts:
            raise self.error(f"course-index takes one of {', '.join(parts)}, got {what!r}")
        self.env.note_reread()  # it quotes what chapters print, and lists their figures
        for path in (*RECORDED.glob("*.json"), ROOT / "book" / "traceability.yml"):
            self.env.note_dependency(str(path))
        return [nodes.raw("", parts[what](), format="html")]


def _page(entry: Mapping[str, Any]) -> str:
    return f"../notebooks/{entry['chapter']}.html"


def _title(entry: Mapping[str, Any]) -> str:
    number = int(entry["chapter"][:2])
    title = html.escape(entry["title"])
    return f'<a class="reference internal" href="{_page(entry)}">{number} {title}</a>'


def _exercises() -> str:
    parts = []
    for entry in chapters():
        number = entry["chapter"][:2]
        question = inline(by_chapter()[number].question)
        listed = exercise_list(number, _page(entry))
        parts.append(f"<li><p><strong>{question}</strong> {_title(entry)}</p>{listed}</li>")
    return f'<ul class="questions">{"".join(parts)}</ul>'


def _experiments() -> str:
    parts = []
    names = sorted(path.stem for path in RECORDED.glob("*.json"))
    for entry in chapters():
        number = entry["chapter"][:2]
        result = by_chapter()[number]
        tables = []
        for name in (one for one in names if one[:2] == number):
            table, made = experiment_table(name)
            tables.append(
                f"<details><summary>All numbers of <code>{name}</code></summary>"
                f"<p>{made}</p>{table}</details>"
            )
        parts.append(f"<li><p>{_title(entry)}: {inline(result.text())}</p>{''.join(tables)}</li>")
    return f'<ul class="questions">{"".join(parts)}</ul>'


def _sentences() -> str:
    parts = [
        f"<li><p>{_title(entry)}</p>{sentence_list(entry)}</li>"
        for entry in chapters()
        if entry["lecture"]
    ]
    return f'<ul class="questions">{"".join(parts)}</ul>'


def _figures() -> str:
    parts = []
    for entry in chapters():
        lecture = "".join(
            f"<li>The lecture's figure <em>{html.escape(name)}</em>, drawn by "
            f"<code>{html.escape(module)}</code></li>"
            for name, module in entry["figures"].items()
        )
        # The numbered figures are known once the pages are written; see figure_numbers.
        parts.append(
            f'<li><p>{_title(entry)}</p><ul class="figures">{lecture}'
            f"<!--figures {entry['chapter']}--></ul></li>"
        )
    return f'<ul class="questions">{"".join(parts)}</ul>'


def anchor_pages(app: Sphinx, error: Exception | None) -> None:
    """Give the exercises of every written chapter, and what shows the lecture, their anchors."""
    if error is not None or app.builder.name != "html":
        return
    for path in written(app, "notebooks/*.html"):
        page = with_anchors(path.read_text(encoding="utf-8"))
        path.write_text(with_places(page, cells_of(path.stem, chapters())), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("course-index", CourseIndex)
    app.connect("build-finished", anchor_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
