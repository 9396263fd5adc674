"""The order of terms: where the book introduces each word of the glossary, and where it uses it.

A page introduces a term where it first stands in bold, in a sentence or at the head of a box. What
a reader meets before that would be a riddle, so this counts it: uses in the text of the pages, in
reading order, the words of the exercises included. Headings, the goals at the top of a page and
quoted sentences of the lecture announce what is to come, and are not counted.

`python -m book._tools.terms` prints the order and fails where a term is used too early.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from book._tools.paths import BOOK, CommandError, chapter_texts, command
from course_lib.exercises.author.spec import Choice, Match, Order, Part, Spec
from course_lib.exercises.catalog import all_specs

FIRST = ("intro.md", "how_to_use.md")  # read before the chapters; the notation page is a table
EXERCISE = re.compile(r"exercises\.load\(\s*[\"'](\d\d\.\w+)[\"']")
FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
IN_A_LINE = re.compile(r"\{cite(?::\w+)?\}`[^`]*`|`[^`\n]+`|(?<=\])\([^)\s]*\)")
GOALS = r"^## What you will be able to do\n(?:(?!```|##).*\n)*"
QUOTATION = re.compile(r"(?:^>.*\n)+", re.MULTILINE)
BOX = re.compile(r"> \*\*[A-Z][^*]*\.\*\* ")  # its head names what it explains
NOT_READ = tuple(
    re.compile(one, re.MULTILINE)
    for one in (r"\A---\n(?:(?!---).*\n)*---\n", GOALS, r"^#+ .*$", r"^%.*$")
)


@dataclass(frozen=True)
class Place:
    """Where a word stands."""

    page: str
    line: int
    said: str


@dataclass(frozen=True)
class Term:
    """One word of the glossary, and where the book first says it."""

    name: str
    introduced: Place | None
    first: Place | None
    boxed: bool

    @property
    def early(self) -> bool:
        """Whether it is used before it is introduced, or never introduced at all."""
        return self.introduced is None or self.first != self.introduced


def glossary(text: str | None = None) -> list[str]:
    """The words that the glossary explains, in its order."""
    text = (BOOK / "glossary.md").read_text(encoding="utf-8") if text is None else text
    return re.findall(r"^(\S.*)\n  \S", text.split("```{glossary}\n")[1], re.MULTILINE)


@dataclass(frozen=True)
class Spelling:
    """How a term looks in a text, and what only looks like it."""

    pattern: re.Pattern[str]
    others: re.Pattern[str] | None

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """Where the term stands; "the keys to the cabinet" are no keys of attention."""
        return self.pattern.finditer(self.others.sub(_blank, text) if self.others else text)


def spellings(names: list[str], known: dict | None = None) -> dict[str, Spelling]:
    """How each term looks: as it is written, its plural, and what `terms.yml` adds.

    Args:
        names: The words of the glossary.
        known: What `terms.yml` says of some of them; the file itself without it.

    Raises:
        CommandError: `terms.yml` names a word that the glossary does not have.
    """
    if known is None:
        known = yaml.safe_load((BOOK / "terms.yml").read_text(encoding="utf-8"))
    unknown = sorted(set(known) - set(names))
    if unknown:
        raise CommandError(f"terms.yml: {unknown} are not in the glossary")
    made = {}
    for name in names:
        entry = known.get(name, {})
        plain = re.escape(name).replace("\\ ", " ")
        plural = f"{plain[:-1]}ies"  # the queries, but the keys
        forms = entry.get("only") or [plural, f"{plain}(?:e?s)?", *entry.get("also", ())]
        case = 0 if re.search("[A-Z]", name) else re.IGNORECASE
        pattern, others = (
            "|".join(one).replace(" ", r"\s+") for one in (forms, entry.get("not", ()))
        )
        made[name] = Spelling(
            re.compile(rf"(?<![\w`])(?:{pattern})(?!\w)", case),
            re.compile(others, case) if others else None,
        )
    return made


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _spoken(part: Part) -> Iterator[str]:
    yield part.prompt
    if isinstance(part, Choice):
        yield from (option.text for option in part.options)
    elif isinstance(part, Match):
        yield from (row.text for row in part.rows)
        yield from part.options
    elif isinstance(part, Order):
        yield from (line.text for line in part.lines)


def exercise_text(spec: Spec) -> str:
    """What a reader sees of an exercise before answering it, in one line without code."""
    words = [spec.title, spec.prompt]
    for part in spec.parts:
        words += _spoken(part)
    return " ".join(re.sub(r"`[^`]*`", "", " ; ".join(words)).split())


def readable(page: str, exercises: dict[str, str] | None = None) -> str:
    """The sentences of a page at their lines: no code, no headings, no goals, no quotations.

    Args:
        page: The text of the page.
        exercises: What each exercise says, which stands where the page loads it.
    """
    known = exercises or {}

    def cell(found: re.Match[str]) -> str:
        runs = found[0].startswith("```{code-cell}")
        loaded = EXERCISE.findall(found[0]) if runs else []
        said = " ; ".join(known.get(name, "") for name in loaded)
        return said.replace("*", "") + re.sub(r"[^\n]", "", found[0])

    for pattern in NOT_READ:
        page = pattern.sub(_blank, page)
    page = QUOTATION.sub(lambda one: one[0] if BOX.match(one[0]) else _blank(one), page)
    return IN_A_LINE.sub(_blank, FENCE.sub(cell, page))


def texts() -> dict[str, str]:
    """The readable text of each page, in reading order."""
    said = {spec.id: exercise_text(spec) for spec in all_specs()}
    paths = [*(BOOK / name for name in FIRST), *chapter_texts()]
    return {path.stem: readable(path.read_text(encoding="utf-8"), said) for path in paths}


def order(pages: dict[str, str], known: dict[str, Spelling]) -> list[Term]:
    """Every term with its first use and its introduction, in the order of the introductions."""
    bold = {
        name: [(m.start(1), m.end(1)) for m in re.finditer(r"\*\*([^*]+)\*\*", page)]
        for name, page in pages.items()
    }
    found = []
    for term, spelling in known.items():
        first = introduced = None
        boxed = False
        for name, page in pages.items():
            for match in spelling.find(page):
                start = page.rfind("\n", 0, match.start()) + 1
                place = Place(
                    name,
                    page.count("\n", 0, match.start()) + 1,
                    " ".join(page[max(0, match.start() - 50) : match.end() + 30].split()),
                )
                first = first or place
                if any(a <= match.start() and match.end() <= b for a, b in bold[name]):
                    introduced, boxed = place, bool(BOX.match(page, start))
                    break
            if introduced:
                break
        found.append(Term(term, introduced, first, boxed))
    pages_in_order = list(pages)

    def key(term: Term) -> tuple[int, int]:
        if term.introduced is None:
            return (len(pages_in_order), 0)
        return (pages_in_order.index(term.introduced.page), term.introduced.line)

    return sorted(found, key=key)


def checked() -> list[Term]:
    """The order of the terms of this book."""
    return order(texts(), spellings(glossary()))


def main() -> int:
    """Command line entry."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    early = 0
    for term in checked():
        at = term.introduced
        where = f"{at.page}:{at.line}" if at else "nowhere"
        print(f"{term.name:34} {where}{'  (box)' if term.boxed else ''}")
        if term.early and term.first:
            print(f"    too early, {term.first.page}:{term.first.line}: {term.first.said}")
        early += term.early
    print(f"{early} terms are used before they are introduced, or never introduced")
    return min(early, 1)


if __name__ == "__main__":
    command(main)
