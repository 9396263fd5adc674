"""What a chapter's experiment gave from other starts and with twice the training.

A page trains from one start, since a reader waits for it. Whether its conclusion holds from other
starts is run once, by ``python -m book._tools.repeat``, and kept beside this file.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from course_lib.ablate import Ablation, judge
from course_lib.figures.base import html_table, text_table


@dataclass(frozen=True)
class Run:
    """One run of a chapter's experiment.

    Attributes:
        seed: Random start.
        budget: Training, as a multiple of what the page itself does.
        outcome: The measured numbers by name.
    """

    seed: int
    budget: int
    outcome: dict[str, float]

    def __getitem__(self, name: str) -> float:
        """Give one measured number."""
        return self.outcome[name]


class Recorded:
    """The runs of a chapter's experiment; shown as a table, one line for each number.

    Args:
        chapter: Number of the page, such as "05".
        runs: At least three starts at budget 1 and one run at budget 2.

    Raises:
        ValueError: If starts or the longer run are missing, or the runs measured different things.
    """

    def __init__(self, chapter: str, runs: Sequence[Run]) -> None:
        starts = {run.seed for run in runs if run.budget == 1}
        if len(starts) < 3 or not any(run.budget == 2 for run in runs):
            raise ValueError(
                f"runs of chapter {chapter} must hold 3 starts and one run at budget 2, got "
                f"(seed, budget) {[(run.seed, run.budget) for run in runs]}"
            )
        if any(list(run.outcome) != list(runs[0].outcome) for run in runs):
            raise ValueError(f"runs of chapter {chapter} must all measure {list(runs[0].outcome)}")
        self.chapter = chapter
        self.runs = list(runs)

    def __len__(self) -> int:
        """Count the runs."""
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        """Go through the runs, those at budget 1 first."""
        return iter(self.runs)

    def each(self, name: str) -> list[float]:
        """List one measured number, run by run."""
        return [run[name] for run in self.runs]

    def holds_live(self, outcome: dict[str, float], slack: float, *, part: bool = False) -> bool:
        """Say whether a run of today lies within what was recorded at budget 1.

        Args:
            outcome: Today's numbers.
            slack: How far outside the recorded starts a number may lie.
            part: Whether numbers may be missing, since the page leaves out what takes too long.

        Raises:
            ValueError: If today's run measured something else.
        """
        names = [name for name in self.runs[0].outcome if not part or name in outcome]
        if not outcome or list(outcome) != names:
            raise ValueError(
                f"outcome must measure {list(self.runs[0].outcome)}, got {list(outcome)}: record "
                f"the chapter anew"
            )
        for name, value in outcome.items():
            seen = [run[name] for run in self.runs if run.budget == 1]
            if not min(seen) - slack <= value <= max(seen) + slack:
                return False
        return True

    def compare(self, before: str, after: str, *, lower_is_better: bool = False) -> Ablation:
        """Judge whether one measured number is better than another one.

        They are compared start by start. A difference is shown if it is more than two standard
        errors, and the longer runs have its sign, too.

        Args:
            before: Name of a measured number.
            after: Name of another one.
            lower_is_better: Whether they are losses.

        Raises:
            ValueError: If no such number was measured.
        """
        for name in (before, after):
            if name not in self.runs[0].outcome:
                raise ValueError(f"must name some of {list(self.runs[0].outcome)}, got {name!r}")
        starts = [run for run in self.runs if run.budget == 1]
        return judge(
            [run[before] for run in starts],
            [run[after] for run in starts],
            seeds=[run.seed for run in starts],
            change=("measured", before, after),
            standard_errors=2.0,
            lower_is_better=lower_is_better,
            longer=[(run[before], run[after]) for run in self.runs if run.budget != 1],
        )

    def _table(self) -> list[list[str]]:
        """A line for each number, a column for each run."""
        head = [f"start {r.seed}" + (", twice as long" if r.budget == 2 else "") for r in self.runs]
        rows = [
            [name, *(f"{run[name]:.2f}".rjust(len(head[i])) for i, run in enumerate(self.runs))]
            for name in self.runs[0].outcome
        ]
        return [["", *head], *rows]

    def __repr__(self) -> str:
        """Return the table as text."""
        return text_table(self._table())

    def _repr_html_(self) -> str:
        """Return the table as a page shows it, where lines of text would be broken."""
        (_, *head), *rows = self._table()  # a column without a name says nothing to who hears it
        return html_table(
            [["measured", *head], *rows], f"The recorded runs of chapter {self.chapter}"
        )


def recorded(chapter: str) -> Recorded:
    """Read the runs of a chapter's experiment that come with the package.

    Args:
        chapter: Number of the page, such as "05".

    Raises:
        ValueError: If nothing was recorded for that chapter.
    """
    file = files(__name__).joinpath(f"{chapter}.json")
    if not file.is_file():
        raise ValueError(
            f"chapter {chapter!r} has no recorded runs; make them with "
            f"python -m book._tools.repeat {chapter}"
        )
    stored = json.loads(file.read_text(encoding="utf-8"))
    return Recorded(chapter, [Run(**run) for run in stored["runs"]])


def recorded_table(name: str) -> dict[str, Any]:
    """Read a measurement that no page repeats, such as one of a model that few readers have.

    Args:
        name: Its file without the ending, such as "15_smollm2".

    Returns:
        The file: "command", what made it; "rows", what it measured; and what else it says.

    Raises:
        ValueError: If nothing was recorded under that name.
    """
    file = files(__name__).joinpath(f"{name}.json")
    if not file.is_file():
        raise ValueError(f"nothing was recorded under the name {name!r}")
    return json.loads(file.read_text(encoding="utf-8"))
