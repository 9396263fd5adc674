"""Small faults planted in the package, and how many of them its tests notice.

Run

    python benchmarks/mutation.py [--each 25] [--seed 1] [--only model]

Each mutant differs from the package in one place of one function:

- an operator: + and - swapped, * and / swapped, // to *, `and` and `or` swapped, & to |
- a comparison: < to <= and >, <= to < and >=, == and != swapped
- a number one more and one less, True and False swapped; default values, too
- a bound of `range` or of a slice one more and one less
- a sign, `not` or ~ left out
- a name after a dot: min and max, tril and triu, sum and mean, ones and zeros, sin and cos swapped,
  and so on
- a statement left out: an assignment, a call, a whole `if` or `for`

as `course_lib.exercises.code.mutants` makes them. What changes annotations, docstrings or texts of
errors only is no mutant. Of each part some are drawn; for each, a process runs those quick tests of
the part that reach the changed function, until one fails. A mutant that runs into the limit of its
processor time is listed as such, and counts as noticed. Those that are left are listed; the ones
that were read and change nothing that anyone could see have a reason in `_same.py`, and still
count against the score.

The checks of shapes are off, and so are parity with the reference libraries, notebooks and tests
with several processes: all together notice more. The few tests that fail without those checks are
left out, and listed.

Interrupted, it prints what it has; run again, it goes on from there, as long as neither the part
nor its tests have changed.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import platform
import random
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import hypothesis
import pytest
import torch
from _forked import Tests
from _measure import report
from _mutants import Mutant, mutants, places
from _same import SAME
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "_build" / "mutation"
# For each part, the modules whose functions are changed, and the tests that are to notice.
PARTS: dict[str, tuple[list[str], list[str]]] = {
    "model": (
        [f"model.{n}" for n in "attention block cache embedding heads init layers".split()]
        + [f"model.{n}" for n in "masks positions transformer".split()],
        ["tests/model"],
    ),
    "objectives": (
        [f"objectives.{n}" for n in "causal denoising masked rows span_corruption".split()],
        ["tests/objectives"],
    ),
    "generation": (
        [f"generation.{n}" for n in "beam cutoffs loop penalties processors".split()]
        + [f"generation.{n}" for n in "sampler speculative stream".split()],
        ["tests/generation"],
    ),
    "ZeRO": (
        ["distributed.memory.accounting"]
        + [f"distributed.zero.{n}" for n in "flat plan stages".split()],
        [f"tests/distributed/test_{n}.py" for n in "accounting flat plan zero".split()],
    ),
    "curation": (
        [f"data.curation.{n}" for n in "contamination duplicates harmful language".split()]
        + [f"data.curation.{n}" for n in "paragraphs personal_data quality".split()]
        + [f"data.curation.{n}" for n in "repetition rules".split()],
        ["tests/data/curation"],
    ),
    "training": (
        [f"training.{n}" for n in "optimizer schedule".split()],
        [f"tests/training/test_{n}.py" for n in "optimizer schedule".split()],
    ),
}
GOAL = 0.85
LEFT_OUT = "tests left out"
QUICK = "not slow and not processes and not gpu"


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=25, help="mutants of each part, drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--only", choices=PARTS, help="one part; nothing is stored then")
    arguments = parser.parse_args(words)
    if arguments.each < 1:
        parser.error(f"--each got {arguments.each}, wants at least 1")
    return arguments


def draw(everything: list[Mutant], each: int, seed: int, part: str) -> list[Mutant]:
    """Draw some mutants of a part; the same seed draws the same ones, and more of them begin so."""
    order = list(everything)
    random.Random(f"{seed} {part}").shuffle(order)
    return order[:each]


def judge(
    part: str, drawn: list[Mutant], tests: Tests, kept: dict[str, Any]
) -> Iterable[tuple[Mutant, str]]:
    """Give the verdict on each mutant; one that is kept is not sought again."""
    for mutant in tqdm(drawn, desc=part, unit="mutant", disable=None):
        known = kept.get(str(mutant))
        yield mutant, known or tests.verdict(mutant)


def fingerprint(modules: list[str], folders: list[str]) -> str:
    """Return a number that changes with the text of a part or its tests."""
    digest = hashlib.sha256()
    files = [Path(__file__).with_name(name) for name in ("_forked.py", "_mutants.py")]
    files += [ROOT / "course_lib" / f"{name.replace('.', '/')}.py" for name in modules]
    for one in folders:
        found = [ROOT / one] if one.endswith(".py") else sorted((ROOT / one).rglob("*.py"))
        files += found
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class Run:
    """A plugin of pytest that tries mutants where the tests would run.

    Args:
        arguments: From `parse`.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.rows: list[dict[str, Any]] = []
        self.survivors: dict[str, dict[str, str]] = {}
        self.slow: list[str] = []
        self.left_out: list[str] = []
        self.interrupted = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try the drawn mutants of each part."""
        try:
            for part in PARTS:
                if self.arguments.only in (None, part):
                    self.part(part, session)
        except KeyboardInterrupt:
            self.interrupted = True
        return True

    def part(self, part: str, session: pytest.Session) -> None:
        """Try the drawn mutants of one part, and keep each verdict."""
        modules, folders = PARTS[part]
        where = [place for name in modules for place in places(name)]
        everything = [mutant for place in where for mutant in mutants(place)]
        drawn = draw(everything, self.arguments.each, self.arguments.seed, part)
        tests = Tests(session, folders)
        KEPT.mkdir(parents=True, exist_ok=True)
        file = KEPT / f"{part}-{fingerprint(modules, folders)}.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        kept = dict(json.loads(line) for line in lines)
        if not {LEFT_OUT, *map(str, drawn)} <= kept.keys():
            tests.learn(where)
            kept[LEFT_OUT] = tests.left_out
        self.left_out += kept[LEFT_OUT]
        row = {"part": part, "mutants": len(everything), "seed": self.arguments.seed}
        row |= {"drawn": 0, "noticed": 0, "time limit": 0, "share": 0.0}
        self.rows.append(row)
        left = self.survivors[part] = {}
        with file.open("a", encoding="utf-8") as log:
            print(json.dumps([LEFT_OUT, kept[LEFT_OUT]]), file=log)
            for mutant, verdict in judge(part, drawn, tests, kept):
                if str(mutant) not in kept:
                    print(json.dumps([str(mutant), verdict]), file=log, flush=True)
                row["drawn"] += 1
                if verdict == "left":
                    left[str(mutant)] = SAME.get(str(mutant), "")
                    continue
                row["noticed"] += 1
                if verdict == "time limit":
                    row["time limit"] += 1
                    self.slow.append(str(mutant))
                row["share"] = row["noticed"] / row["drawn"]


def collected(run: Run) -> int:
    """Let pytest collect the tests and hand them to a run."""
    hypothesis.settings.register_profile("same", database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("same")
    chosen = [run.arguments.only] if run.arguments.only else list(PARTS)
    folders = [one for part in chosen for one in PARTS[part][1]]
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        quiet = ["-q", "-p", "no:cacheprovider", f"--basetemp={folder}/tests", "-m", QUICK]
        plain = ["-o", "addopts=", "--import-mode=importlib"]  # without the checks of shapes
        plain += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is here already
        with contextlib.redirect_stdout(said):
            code = int(pytest.main([*quiet, *plain, *folders], plugins=[run]))
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        print(said.getvalue())
    return code


def main() -> int:
    """Plant, test, print and store."""
    arguments = parse()
    os.chdir(ROOT)
    run = Run(arguments)
    code = collected(run)
    if not run.rows:
        return code or 1
    drawn, noticed = (sum(row[k] for row in run.rows) for k in ("drawn", "noticed"))
    for part, left in run.survivors.items():
        for text, reason in left.items():
            print(f"left in {part}: {text}{reason and f' (read: {reason})'}")
    for text in run.slow:
        print(f"noticed by its time limit: {text}")
    for text in run.left_out:
        print(f"not asked, since it fails without any mutant here: {text}")
    print(f"seed {arguments.seed}: {noticed} of {drawn} noticed, goal {GOAL:.0%} of each part")
    about = {
        "what": "mutants that the quick tests of their part notice",
        "goal": GOAL,
        "noticed": noticed,
        "drawn": drawn,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pytest": pytest.__version__,
        "survivors": run.survivors,
        "time limit": run.slow,
        LEFT_OUT: run.left_out,
    }
    whole = arguments.only is None and not run.interrupted and code == 0
    report("mutation", run.rows, about, keep=whole)
    if not whole:
        print("not stored: that takes a whole run over all parts")
    return 130 if run.interrupted else code


if __name__ == "__main__":
    sys.exit(main())
