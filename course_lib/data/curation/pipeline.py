"""Filters in a row, and a report of what each one kept, dropped, and why."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course_lib.checks import check_text
from course_lib.data.curation.page import Page, Reason, check_page

Filter = Callable[[Page], "list[Reason] | Page"]


@dataclass(frozen=True)
class Step:
    """One filter with its name.

    Attributes:
        name: How the report calls it.
        run: From a page to the reasons for dropping it (none: keep), or to a changed page.

    Raises:
        TypeError: If the name is no text, or the filter cannot be called.
    """

    name: str
    run: Filter

    def __post_init__(self) -> None:
        check_text(name=self.name)
        if not callable(self.run):
            raise TypeError(f"run must be a function of a page, got {type(self.run).__name__}")


@dataclass
class StepReport:
    """What one step did.

    Where pages carry the truth (``about["keep"]`` and ``about["group"]``), the right and wrong
    decisions are counted too, for every group of authors apart.

    Attributes:
        name: The step.
        documents: Pages that came in.
        kept: Pages that went on.
        words: Words that came in.
        words_kept: Words that went on.
        seconds: Time in the filter.
        reasons: How often each rule was broken; a page may break several.
        dropped_rightly: Unwanted pages that were dropped.
        wanted: Wanted pages that came in, by group.
        wanted_dropped: Wanted pages that were dropped, by group.
        kept_examples: A random few of the pages kept.
        dropped_examples: A random few of the pages dropped, with the reasons.
    """

    name: str
    documents: int = 0
    kept: int = 0
    words: int = 0
    words_kept: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    dropped_rightly: int = 0
    wanted: Counter[str] = field(default_factory=Counter)
    wanted_dropped: Counter[str] = field(default_factory=Counter)
    kept_examples: list[dict[str, Any]] = field(default_factory=list)
    dropped_examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        """Pages that were dropped."""
        return self.documents - self.kept

    def precision(self) -> float | None:
        """Share of the dropped pages that were rightly dropped; None if none was dropped."""
        return self.dropped_rightly / self.dropped if self.dropped and self.wanted else None

    def recall(self) -> float | None:
        """Share of the unwanted pages that came in and were dropped here; None if none came in."""
        unwanted = self.documents - sum(self.wanted.values())
        return self.dropped_rightly / unwanted if unwanted and self.wanted else None

    def worst_group(self) -> tuple[str, float] | None:
        """The group of authors of whose wanted pages the greatest share was dropped."""
        shares = {g: self.wanted_dropped[g] / n for g, n in self.wanted.items()}
        if not shares:
            return None
        worst = max(shares, key=lambda group: (shares[group], group))
        return worst, shares[worst]


@dataclass
class Funnel:
    """What a run of curation did: every step, and what could not be read."""

    steps: list[StepReport]
    skipped: Counter[str] = field(default_factory=Counter)
    examples: int = 5

    def table(self) -> str:
        """A Markdown table: one row a step."""
        truth = any(step.wanted for step in self.steps)
        head = ["step", "documents", "kept", "words kept", "docs/s", "most common reason"]
        head += ["precision", "recall", "worst group"] if truth else []
        rows = [head, ["---"] * len(head)]
        first = max(1, self.steps[0].words) if self.steps else 1
        for step in self.steps:
            reason = step.reasons.most_common(1)
            row = [
                step.name,
                f"{step.documents:,}",
                f"{step.kept / max(1, step.documents):.1%}",
                f"{step.words_kept / first:.1%}",
                f"{step.documents / step.seconds:,.0f}" if step.seconds else "-",
                f"{reason[0][0]} ({reason[0][1]:,})" if reason else "-",
            ]
            if truth:
                worst = step.worst_group()
                row += [
                    _share(step.precision()),
                    _share(step.recall()),
                    f"{worst[0]} {worst[1]:.0%}" if worst and worst[1] else "-",
                ]
            rows.append(row)
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {
            "steps": [vars(step) for step in self.steps],
            "skipped": dict(self.skipped),
            "examples": self.examples,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Funnel":
        """Read what ``to_dict`` wrote."""
        steps = []
        for one in content["steps"]:
            counters = ("reasons", "wanted", "wanted_dropped")
            steps.append(StepReport(**one | {name: Counter(one[name]) for name in counters}))
        return cls(steps, Counter(content["skipped"]), content["examples"])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def curate(
    pages: Iterable[Page], steps: Iterable[Step], report: Funnel, rng: np.random.Generator
) -> Iterator[Page]:
    """Send pages through filters, one page at a time, and write down what happens to them.

    A page that is dropped meets no later filter, so the order decides what a filter has to do. A
    filter that remembers (duplicates) sees only what earlier ones kept.

    Args:
        pages: The pages.
        steps: The filters, in order; as many as ``report`` has steps.
        report: Filled in as pages pass.
        rng: Draws the examples of the report.

    Yields:
        The pages that every filter kept.

    Raises:
        ValueError: If steps and report do not go together.
    """
    pairs = list(zip(steps, report.steps, strict=True))
    if any(step.name != part.name for step, part in pairs):
        raise ValueError("report was made for other steps")
    for page in pages:
        kept: Page | None = page
        for step, part in pairs:
            kept = _take_step(page, step, part, report.examples, rng)
            if kept is None:
                break
            page = kept
        if kept is not None:
            yield kept


def different_names(steps: Iterable[Step]) -> list[Step]:
    """Return steps as a list; what one of them remembers is kept under its name.

    Raises:
        TypeError: If one is no step.
        ValueError: If a name comes twice.
    """
    if isinstance(steps, str | bytes) or not isinstance(steps, Iterable):
        raise TypeError(f"steps must be a list of Steps, got {steps!r:.60}")
    listed = list(steps)
    for place, step in enumerate(listed):
        if not isinstance(step, Step):
            raise TypeError(f"steps[{place}] must be a Step, got {step!r:.60}")
    twice = [name for name, n in Counter(step.name for step in listed).items() if n > 1]
    if twice:
        raise ValueError(f"steps must have different names, got {twice[0]!r} twice")
    return listed


def run_step(step: Step, page: Page) -> tuple[Page, list[Reason]]:
    """Ask one filter about one page.

    Args:
        step: The filter.
        page: The page.

    Returns:
        The page, changed where the filter changes it, and the reasons for dropping it; a page
        without text left is dropped whatever the filter says.

    Raises:
        TypeError: If the page is none, or the filter answers with something else: one that forgets
            to return would keep every page.
    """
    check_page(page)
    result = step.run(page)
    reasoned = isinstance(result, list) and all(isinstance(one, Reason) for one in result)
    if not isinstance(result, Page) and not reasoned:
        raise TypeError(
            f"the filter of step {step.name} must return a Page or a list of Reasons, "
            f"got {result!r:.60}"
        )
    changed, reasons = (result, []) if isinstance(result, Page) else (page, result)
    if not changed.text.strip():
        reasons = [Reason(f"{step.name}: text left", 0, "some")]
    return changed, reasons


def _take_step(
    page: Page, step: Step, part: StepReport, n_examples: int, rng: np.random.Generator
) -> Page | None:
    """Send one page through one filter; None if it is dropped."""
    check_page(page)
    n_words = len(page.words)
    start = time.perf_counter()
    changed, reasons = run_step(step, page)
    part.seconds += time.perf_counter() - start
    wanted, group = page.about.get("keep"), str(page.about.get("group", ""))
    part.documents += 1
    part.words += n_words
    if wanted is True:
        part.wanted[group] += 1
    if reasons:
        part.reasons.update(reason.rule for reason in reasons)
        part.dropped_rightly += wanted is False
        if wanted is True:
            part.wanted_dropped[group] += 1
        _remember(part.dropped_examples, part.dropped, page, reasons, n_examples, rng)
        return None
    part.kept += 1
    part.words_kept += len(changed.words)
    _remember(part.kept_examples, part.kept, page, [], n_examples, rng)
    return changed


def _remember(
    examples: list[dict[str, Any]],
    n_seen: int,
    page: Page,
    reasons: list[Reason],
    n_examples: int,
    rng: np.random.Generator,
) -> None:
    """Keep a random few of all pages seen so far, each with the same chance (a reservoir)."""
    place = len(examples) if len(examples) < n_examples else int(rng.integers(n_seen))
    if place >= n_examples:
        return
    text = page.text if len(page.text) <= 600 else page.text[:600] + " ..."
    one = {"url": page.url, "text": text, "why": [str(reason) for reason in reasons]}
    examples[place : place + 1] = [one]
