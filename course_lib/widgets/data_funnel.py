"""What filters of a crawl leave, in whatever order they stand, and which good pages they drop.

Chapter: 13_self_supervision_curation
"""

from collections.abc import Sequence
from typing import Any

import traitlets

from course_lib.data.curation.job import Remembers
from course_lib.data.curation.page import Page
from course_lib.data.curation.pipeline import Step, run_step
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, percent, scroll
from course_lib.widgets.markup import table as html_table

_SHOWN = 220  # characters of a page that was dropped by mistake


class DataFunnel(CourseWidget):
    """Filters over pages whose truth is known: predict what is left, then turn them off and about.

    Every filter is asked about every page beforehand. One that looks for copies must name them by
    keys (``keys``, ``n_keys``, ``reason``): which copy goes depends on what came before it.

    Args:
        pages: Pages with ``about["keep"]`` and ``about["group"]``.
        steps: The filters, in the order to begin with.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        ValueError: If there are fewer than two pages or no filter, a name comes twice, a page does
            not say whether to keep it, or a filter changes pages or remembers them without keys.
    """

    _esm = bundle("data_funnel.js")
    order: Any = traitlets.List(help="names of the filters that are on").tag(sync=True)
    kept = traitlets.Float(1.0, help="share of the words left").tag(sync=True)
    predicted: Any = traitlets.Dict(help="what the reader predicted").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        pages: Sequence[Page],
        steps: Sequence[Step],
        *,
        title: str = "What is left of a crawl?",
        describe: str = "",
    ) -> None:
        """Asks every filter about every page and writes the static form: the funnel as a table."""
        names = [step.name for step in steps]
        if len(pages) < 2 or not names or len(set(names)) != len(names):
            raise ValueError(
                f"wanted two pages or more and filters with different names, got {len(pages)} "
                f"pages and {names}"
            )
        if any(not isinstance(page.about.get("keep"), bool) for page in pages):
            raise ValueError('pages must say about["keep"], true or false')
        filters = {}
        why: dict[str, dict[int, str]] = {}
        for step in steps:
            flagged, copies, reasons = _answers(step, pages)
            filters[step.name] = {"flagged": flagged, "copies": copies}
            why[step.name] = {i: text for i, text in reasons.items() if pages[i].about["keep"]}
        shown = sorted({i for reasons in why.values() for i in reasons})
        payload: dict[str, Any] = {
            "words": [len(page.words) for page in pages],
            "keep": [bool(page.about["keep"]) for page in pages],
            "filters": filters,
            "order": names,
            "why": why,
            "texts": {i: _excerpt(pages[i].text) for i in shown},
            "groups": {i: str(pages[i].about.get("group", "")) for i in shown},
            "title": title,
            "describe": describe,
            "badge": "computed from the pages",
        }
        sentence = describe_funnel(payload, names)
        stages = funnel_of(payload, names)
        total = max(1, sum(payload["words"]))
        rows = (
            (
                one["name"],
                [
                    f"<td>{one['pages']}</td>",
                    f"<td>{percent(one['words'] / total)}</td>",
                    f"<td>{one['dropped']}</td>",
                    f"<td>{len(one['wrong'])}</td>",
                ],
            )
            for one in stages
        )
        columns = ["pages left", "words left", "dropped", "good ones among them"]
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            scroll("The funnel", html_table("after the filter", columns, rows)),
            f"<p>{escape(sentence)}</p>",
        )
        kept = stages[-1]["words"] / total
        super().__init__(payload, static, f"{title} {sentence}", order=names, kept=kept)


def _answers(
    step: Step, pages: Sequence[Page]
) -> tuple[list[int], dict[int, list[int]], dict[int, str]]:
    """The pages that a filter drops for themselves, those for their copies, and why."""
    if hasattr(step.run, "keys") and hasattr(step.run, "reason"):
        owners: dict[tuple[int, int], list[int]] = {}
        copies: dict[int, list[int]] = {}
        reasons = {}
        for i, page in enumerate(pages):
            found: set[int] = set()
            for column, key in enumerate(step.run.keys(page).tolist()):
                found.update(owners.setdefault((column, key), []))
                owners[column, key].append(i)
            if found:
                copies[i] = sorted(found)
                reasons[i] = str(step.run.reason(min(found)))
        return [], copies, reasons
    if isinstance(step.run, Remembers):
        raise ValueError(f"step {step.name} remembers pages without keys")
    flagged, reasons = [], {}
    for i, page in enumerate(pages):
        changed, why = run_step(step, page)
        if changed is not page:
            raise ValueError(
                f"step {step.name} changes pages: what others say would no longer hold"
            )
        if why:
            flagged.append(i)
            reasons[i] = "; ".join(map(str, why))
    return flagged, {}, reasons


def _excerpt(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else words[:_SHOWN].rsplit(" ", 1)[0] + " …"


def funnel_of(payload: dict[str, Any], order: Sequence[str]) -> list[dict[str, Any]]:
    """Sends the pages through filters, by what each is known to say.

    Args:
        payload: The payload of a ``DataFunnel``.
        order: Names of filters.

    Returns:
        For each filter its name, the pages and words left after it, how many it dropped, and the
        good pages among those.
    """
    left = list(range(len(payload["words"])))
    stages = []
    for name in order:
        one = payload["filters"][name]
        reached, bad = set(left), set(one["flagged"])
        dropped = [i for i in left if i in bad or reached.intersection(one["copies"].get(i, ()))]
        gone = set(dropped)
        left = [i for i in left if i not in gone]
        stages.append(
            {
                "name": name,
                "pages": len(left),
                "words": sum(payload["words"][i] for i in left),
                "dropped": len(dropped),
                "wrong": [i for i in dropped if payload["keep"][i]],
            }
        )
    return stages


def describe_funnel(payload: dict[str, Any], order: Sequence[str]) -> str:
    """Says what is left after each filter and which good pages were dropped."""
    total = max(1, sum(payload["words"]))
    said = f"{len(payload['words']):,} pages with {total:,} words"
    stages = funnel_of(payload, order)
    if not stages:
        return f"No filter is on: all {said} are left."
    steps = "; ".join(
        f"after “{one['name']}” {one['pages']:,} pages and {percent(one['words'] / total)} of the "
        f"words, {len(one['wrong']):,} good pages dropped"
        for one in stages
    )
    return f"Of {said}: {steps}."
