"""Every ratio that the benchmarks have stored, with its peer, its spread and its goal.

Goals are read from the results, or from the script where they stand there. A file of results that
nothing here can read is an error.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from book._tools.paths import ROOT

BENCHMARKS = ROOT / "benchmarks"


@dataclass(frozen=True)
class Ratio:
    """One stored figure.

    Attributes:
        what: What was measured.
        peer: Against what.
        measured: The figure in words, with its spread where one is stored.
        behind: How many times worse than the peer, by the worst figure stored: above 1 is a loss.
            None where there is no peer.
        goal: The goal in words; empty where none is stored.
        met: Whether it is met; None without a goal, and where nothing was measured.
    """

    what: str
    peer: str
    measured: str
    behind: float | None
    goal: str = ""
    met: bool | None = None

    def lost(self) -> bool:
        """Whether the peer is better."""
        return self.behind is not None and self.behind > 1

    def verdict(self) -> str:
        """Loss and goal in a few words."""
        unknown = "not measured" if self.goal else "no goal stored"
        goal = {None: unknown, True: "goal met", False: "GOAL MISSED"}[self.met]
        return f"BEHIND; {goal}" if self.lost() else goal


def constant(path: Path, name: str) -> Any:
    """The literal that a module gives a name, without running the module.

    Raises:
        ValueError: If it gives none.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if getattr(targets[0], "id", None) == name and isinstance(node, ast.Assign | ast.AnnAssign):
            assert node.value is not None
            return ast.literal_eval(node.value)
    raise ValueError(f"{path}: no {name} = ... of literals")


def about(stored: Any) -> dict[str, Any]:
    """What a record tells of its run besides the figures; only plain values."""
    told = stored.get("about") or stored
    return {k: v for k, v in told.items() if isinstance(v, str | int | float) and k != "goal"}


def _speed(what: str, peer: str, ratio: float, least: float | None = None) -> Ratio:
    goal, met = ("", None) if least is None else (f"at least {least:g}", ratio >= least)
    return Ratio(what, peer, f"{ratio:.2f} × its speed", 1 / ratio, goal, met)


def _generation(stored: Any) -> list[Ratio]:
    return [
        _speed(
            f"{row['model']}, batch {row['batch']}, {row['method']}",
            "transformers",
            row["ratio"],
            row["goal"],
        )
        for row in stored["rows"]
    ]


def _inference(stored: Any) -> list[Ratio]:
    return [
        _speed(
            f"{row['model']}, {row['size']}, {row['phase']}, batch {row['batch']}",
            "transformers",
            row["our speed / theirs"],
        )
        for row in stored["rows"]
    ]


def _training_step(stored: Any) -> list[Ratio]:
    said = re.search(r"at least ([\d.]+) against (\w+)", stored["about"]["goal"])
    if said is None:
        raise ValueError(f"training_step.json: no goal in {stored['about']['goal']!r}")
    found = []
    for row in stored["rows"]:
        if row["peer"] != "course_lib":
            best, median = (row[f"our speed / theirs ({one})"] for one in ("best", "median"))
            measured = f"{median:.3f} × its speed in the median, {best:.3f} at best"
            measured += f" ({row['date']}, {row['processor']})" if "date" in row else ""
            meant = row["peer"].endswith(said[2])
            goal, met = (
                (f"at least {said[1]}", min(best, median) >= float(said[1]))
                if meant
                else ("", None)
            )
            found.append(
                Ratio(row["what"], row["peer"], measured, 1 / min(best, median), goal, met)
            )
    return found


def _serving(stored: Any) -> list[Ratio]:
    best, median, least = (
        stored["about"][name] for name in ("ratio (best)", "ratio (median)", "goal")
    )
    lowest = min(row["ratio"] for row in stored["rows"])
    measured = (
        f"{median:.2f} × its tokens a second in the median, {lowest:.2f} to {best:.2f} over rounds"
    )
    goal = f"at least {least:g}"
    return [
        Ratio("eight clients", "one client", measured, 1 / lowest, goal, lowest >= least),
    ]


def _int8(stored: Any) -> list[Ratio]:
    script = BENCHMARKS / "int8.py"
    least, most = constant(script, "GOAL_AT_ONE"), constant(script, "MOST_BYTES")
    peer = "the same model in float32"
    share = stored["bytes_share"]
    return [
        _speed(f"decoding, batch {n}", peer, row["ratio"], least if n == "1" else None)
        for n, row in stored["rows"].items()
    ] + [
        Ratio(
            "bytes", peer, f"{share:.1%} of its bytes", share, f"at most {most:.0%}", share <= most
        )
    ]


def _curation(stored: Any) -> list[Ratio]:
    found = []
    goals = stored["about"]["goals"]
    least, _, met = goals["all filters, times datatrove's speed"]
    for row in stored["rows"]:
        if row["peer"] != "course_lib":
            ratio, same = row["our speed / theirs"], row["same decision"]
            meant = row["filters"] == "all" and "spaCy" in row["peer"]
            found.append(
                Ratio(
                    f"filters: {row['filters']}",
                    row["peer"],
                    f"{ratio:.2f} × its speed; the same decision on {same:.0%} of the pages",
                    1 / ratio,
                    f"at least {least:g}" if meant else "",
                    met if meant else None,
                )
            )
    most, value, met = goals["memory, many pages to few"]
    few, many = (f"{size['pages']:,} pages" for size in stored["about"]["memory"])
    grown = f"{value:.2f} × its memory"
    return [*found, Ratio(f"memory, {many}", few, grown, None, f"at most {most:g}", met)]


def _tokenization(stored: Any) -> list[Ratio]:
    found = []
    for row in stored["rows"]:
        goal, met = row.get("goal", ""), row.get("met")
        if "rust (s)" in row:
            times = row["ratio"]
            found.append(Ratio(row["what"], "rust", f"{times:.2f} × its time", times, goal, met))
            continue
        for column, theirs in row.items():
            peer = column.removesuffix(" (MB/s)")
            if peer != column and not peer.startswith("course_lib"):
                ratio = row["course_lib (MB/s)"] / theirs
                measured = f"{ratio:.2f} × its speed"
                found.append(Ratio(row["what"], peer, measured, 1 / ratio, goal, met))
    return found


def _distributed(stored: Any) -> list[Ratio]:
    goals = {
        (variant, column): most
        for variant, column, most in constant(BENCHMARKS / "distributed.py", "GOALS")
    }
    found = []
    for row in stored["rows"]:
        variant = row["variant"]
        if not variant.startswith(("ZeRO", "our DDP")):
            continue
        for column, times in row.items():
            if " x " in column and not column.endswith("quartiles"):
                kind, peer = column.split(" x ")
                most = goals.get((variant, column))
                quartiles = row[f"{column}, quartiles"].replace("-", " to ")
                measured = f"{times:.2f} × its {kind} time, quartiles {quartiles}"
                goal, met = ("", None) if most is None else (f"at most {most:g}", times <= most)
                what = f"{variant}, {row['ranks']} ranks, {row['tokens']} tokens"
                found.append(Ratio(what, f"{peer}, {kind} time", measured, times, goal, met))
    return found


def _pretraining_pays(stored: Any) -> list[Ratio]:
    found = []
    for row in stored["results"]:
        ours, theirs = row["pretrained"], row["scratch"]
        clear = "more" if row["beyond_two_standard_errors"] else "NOT more"
        measured = (
            f"{row['metric']} {mean(ours):.3f} ({min(ours):.3f} to {max(ours):.3f}) against "
            f"{mean(theirs):.3f} ({min(theirs):.3f} to {max(theirs):.3f}): {clear} than two "
            "standard errors apart"
        )
        behind = mean(theirs) / mean(ours) if mean(ours) else float("inf")
        what = f"{row['task']}, {row['items']} items"
        found.append(Ratio(what, "the same model from scratch", measured, behind))
        if "guess" in row:
            found.append(_against_a_guess(row, what))
    return found


def _against_a_guess(row: Any, what: str) -> Ratio:
    """Whether a gain is a skill: beside whoever takes any answer that the text names."""
    ours, guessed, blind = row["pretrained"], row["guess"], row["without_the_text"]
    clear = "" if row["verdict_against_the_guess"] == "better" else "NOT "
    measured = (
        f"{row['metric']} {mean(ours):.3f} ({min(ours):.3f} to {max(ours):.3f}) against "
        f"{mean(guessed):.3f} ({min(guessed):.3f} to {max(guessed):.3f}): {clear}more than two "
        f"standard errors above it; tuned on the questions without the text {mean(blind):.3f}"
    )
    behind = mean(guessed) / mean(ours) if mean(ours) else float("inf")
    return Ratio(what, "a guess among the answers that the text names", measured, behind)


def _mutation(stored: Any) -> list[Ratio]:
    least, found = stored["about"]["goal"], []
    for row in stored["rows"]:
        measured = f"{row['noticed']} of {row['drawn']} noticed, {row['share']:.1%}"
        what = f"{row['part']}, {row['mutants']:,} mutants"
        met = row["share"] >= least
        found.append(Ratio(what, "its quick tests", measured, None, f"at least {least:.0%}", met))
    return found


def _pages(stored: Any) -> list[Ratio]:
    found = []
    for row in stored["rows"]:
        unit, worst = row["unit"], row["worst"]
        goal = f"at most {row['goal']:g} {unit}"
        if worst is None:
            found.append(Ratio(row["what"], "its goal", "not measured", None, goal))
            continue
        measured = f"{row['median']:.3g} {unit}"
        if row["values"] > 1:
            measured += f" in the median, {worst:.3g} at worst of {row['values']}"
        measured += f" ({row['where']}; {row['day']}, load {row['load']:.1f})"
        met = worst <= row["goal"]
        found.append(Ratio(row["what"], "its goal", measured, None, goal, met))
    return found


BEST = "the best of the rounds; no spread is stored"
# How each file of results is read, and what it tells of the spread.
READ: dict[str, tuple[Callable[[Any], list[Ratio]], str]] = {
    "curation": (_curation, BEST),
    "distributed": (_distributed, "the median of paired rounds, and its quartiles"),
    "generation": (_generation, BEST),
    "inference": (_inference, BEST),
    "int8": (_int8, BEST),
    "mutation": (_mutation, "every mutant that is left, and the shares of one draw"),
    "pages": (_pages, "the median of the page where it is worst, and the worst of all values"),
    "pretraining_pays": (_pretraining_pays, "the mean, lowest and highest of the seeds"),
    "serving": (_serving, "the median, lowest and highest of the rounds"),
    "tokenization": (_tokenization, BEST),
    "training_step": (_training_step, "the best and the median of the rounds"),
}


def stored_results(folder: Path = BENCHMARKS / "results") -> dict[str, tuple[Any, list[Ratio]]]:
    """What each file of results holds, and its ratios.

    Raises:
        ValueError: If a file is of a benchmark that nothing here reads.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        if path.stem not in READ:
            raise ValueError(f"{path.name}: book/_tools/ratios.py has no way to read it, see READ")
        stored = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = stored, READ[path.stem][0](stored)
    return found
