"""Pages to judge before the filters' verdict is shown, and how far reader and filters agree.

Chapter: 13_self_supervision_curation
"""

from collections.abc import Sequence
from typing import Any

import traitlets

from course_lib.data.curation.page import Page
from course_lib.widgets.base import CourseWidget, labels
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, scroll, short
from course_lib.widgets.markup import table as html_table


class Audit(CourseWidget):
    """A reader judges pages, then sees what the filters said, why, and what the pages really are.

    Args:
        pages: Two pages or more, in the order to judge, with ``about["keep"]`` and
            ``about["kind"]``.
        reasons: Why each was dropped, one text a page; empty for a page that was kept.
        title: The heading.
        describe: One sentence to read first.
        characters: How much of each page is shown.

    Raises:
        ValueError: If there are fewer than two pages, not one reason a page, or a page does not say
            whether to keep it.
    """

    _esm = bundle("audit.js")
    judged: Any = traitlets.List(help="keep (true) or drop (false), by page").tag(sync=True)
    agreed = traitlets.Int(0, help="pages on which reader and filters agree").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        pages: Sequence[Page],
        reasons: Sequence[str],
        *,
        title: str = "Keep or drop?",
        describe: str = "",
        characters: int = 400,
    ) -> None:
        """Cuts the texts and writes the static form: the pages, and the verdicts behind a fold."""
        if len(pages) < 2:
            raise ValueError(f"pages must be 2 or more, got {len(pages)}")
        why = labels("reasons", reasons, len(pages), "page")
        if any(not isinstance(page.about.get("keep"), bool) for page in pages):
            raise ValueError('pages must say about["keep"], true or false')
        payload: dict[str, Any] = {
            "texts": [_excerpt(page.text, characters) for page in pages],
            "kept": [not one for one in why],
            "why": why,
            "good": [bool(page.about["keep"]) for page in pages],
            "kinds": [str(page.about.get("kind", "")).replace("_", " ") for page in pages],
            "title": title,
            "describe": describe,
            "badge": "from the crawl",
        }
        listed = "".join(f"<li>{escape(text)}</li>" for text in payload["texts"])
        rows = (
            (
                str(i + 1),
                [
                    f"<td>{'keep' if kept else 'drop'}</td>",
                    f"<td>{'good' if good else 'bad'} ({escape(kind)})</td>",
                    f"<td>{escape(one or '–')}</td>",
                ],
            )
            for i, (kept, good, kind, one) in enumerate(
                zip(payload["kept"], payload["good"], payload["kinds"], why, strict=True)
            )
        )
        table = html_table("page", ["the filters", "made as", "why"], rows)
        sentence = describe_filters(payload)
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<ol>{listed}</ol>",
            f"<details><summary>What the filters said</summary>{scroll('Verdicts', table)}"
            f"<p>{escape(sentence)}</p></details>",
        )
        super().__init__(payload, static, f"{title} {len(pages)} pages. {sentence}")


def _excerpt(text: str, characters: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= characters else words[:characters].rsplit(" ", 1)[0] + " …"


def agreement(mine: Sequence[bool], theirs: Sequence[bool]) -> dict[str, Any]:
    """Compares two judges.

    Kappa is the share of the agreement that chance does not explain: 0 for judges who toss coins
    of their own leaning, 1 for judges who always agree.

    Args:
        mine: One verdict a page.
        theirs: Those of the other judge.

    Returns:
        How many pages (``n``), on how many both agree (``same``), on how many two judges of the
        same leanings would by chance (``byChance``), and ``kappa``.

    Source: Cohen 1960, "A Coefficient of Agreement for Nominal Scales".
    """
    n = len(mine)
    same = sum(a == b for a, b in zip(mine, theirs, strict=True))
    yes = [sum(mine), sum(theirs)]
    by_chance = (yes[0] * yes[1] + (n - yes[0]) * (n - yes[1])) / n
    kappa = 1.0 if by_chance == n else (same - by_chance) / (n - by_chance)
    return {"n": n, "same": same, "byChance": by_chance, "kappa": kappa}


def describe_filters(payload: dict[str, Any]) -> str:
    """Says how far the filters agree with what the pages were made as."""
    found = agreement(payload["kept"], payload["good"])
    return f"The filters are right on {found['same']} of {found['n']} pages."


def describe_audit(payload: dict[str, Any], mine: Sequence[bool]) -> str:
    """Says how far the reader agrees with the filters, and who is right how often."""
    found, right = agreement(mine, payload["kept"]), agreement(mine, payload["good"])
    return (
        f"You and the filters agree on {found['same']} of {found['n']} pages; by chance it would "
        f"be {short(found['byChance'], 1)}, so kappa is {fixed(found['kappa'])} (0 is chance, 1 "
        f"full agreement). You are right on {right['same']}. {describe_filters(payload)}"
    )
