"""The page "How good is it?": every stored ratio with its peer and goal, and what tests hold.

All of it is read: ratios and goals from the benchmarks, families and bounds from the tests of
parity, answers and mutants from the catalogue and the tests of the exercises. A test that is named
and is not there fails the build.
"""

from __future__ import annotations

import ast
import html
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from book._tools import mutation_score
from book._tools.peers import comparison
from book._tools.ratios import BENCHMARKS, READ, Ratio, about, constant, stored_results
from course_lib.exercises.author.spec import Choice, Match, Number, Order, Spec
from course_lib.exercises.catalog import all_specs
from course_lib.figures.base import html_table

ROOT = Path(__file__).resolve().parents[2]
PARITY = ROOT / "tests" / "parity"
SURVIVORS = ROOT / "tests" / "exercises" / "chapters" / "survivors.py"
ROWS_IN_SIGHT = 20
TOLD = ("torch", "transformers", "date", "processor")
CRASHES = {
    "a file or a folder, stopped at every operation": (
        "tests/test_files.py::test_a_kill_at_any_moment_leaves_the_old_or_the_new"
    ),
    "a model's files, stopped at every operation": (
        "tests/weights/test_checkpoint.py::test_a_kill_at_any_moment_leaves_the_old_or_the_new"
    ),
    "a checkpoint of several ranks, stopped at every operation": (
        "tests/distributed/test_checkpoint.py::test_killed_at_every_file_operation"
    ),
    "the same, stopped in the middle of a write": (
        "tests/distributed/test_checkpoint.py::test_killed_in_the_middle_of_a_write"
    ),
    "one rank of two, killed while both save": (
        "tests/distributed/test_checkpoint.py::test_a_rank_killed_in_a_save_of_two_leaves_the_old_step"
    ),
    "a checkpoint with any bit flipped": (
        "tests/training/test_checkpoint_faults.py::test_every_flipped_bit_is_seen"
    ),
    "training, killed at random moments: the same weights at the end": (
        "tests/training/test_engines.py::test_a_run_killed_at_random_moments_ends_with_the_same_weights"
    ),
    "curation, killed: it goes on": (
        "tests/data/curation/test_run.py::test_a_killed_command_goes_on"
    ),
    "a rank that is lost: named within seconds": (
        "tests/distributed/test_faults.py::test_a_lost_rank_is_named_within_seconds"
    ),
}


def code(text: str) -> str:
    """Text as code."""
    return f"<code>{html.escape(text)}</code>"


def held(test: str) -> str:
    """A test's name as code.

    Raises:
        ValueError: If the file has no such test.
    """
    path, name = test.split("::")
    if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8"):
        raise ValueError(f"{path} has no test {name}, which the page of figures names")
    return code(test)


def table_of(rows: Sequence[Sequence[Any]], name: str) -> str:
    """A table with the look of those that are written in Markdown."""
    return html_table(rows, name).replace("<table>", '<table class="table">', 1)


def ratio_table(ratios: Sequence[Ratio], name: str) -> str:
    """A line for each ratio."""
    lines = [[r.what, r.peer, r.measured, r.goal or "none", r.verdict()] for r in ratios]
    return table_of([["what", "against", "measured", "goal", "verdict"], *lines], name)


def losses(found: dict[str, tuple[Any, list[Ratio]]]) -> str:
    """What is behind a peer, with the worst of each, and every goal that is missed."""
    behind = [["benchmark", "against", "behind", "worst"]]
    missed = [["benchmark", "what", "against", "measured", "goal"]]
    for name, (_, ratios) in found.items():
        for peer in dict.fromkeys(r.peer for r in ratios):
            compared = [r for r in ratios if r.peer == peer]
            lost = [r for r in compared if r.lost()]
            if lost:
                worst = max(lost, key=lambda r: r.behind or 0)
                count = f"{len(lost)} of {len(compared)}"
                behind.append([name, peer, count, f"{worst.what}: {worst.measured}"])
        missed += [[name, r.what, r.peer, r.measured, r.goal] for r in ratios if r.met is False]
    n_missed, n_goals = (
        len(missed) - 1,
        sum(r.met is not None for _, rs in found.values() for r in rs),
    )
    n_behind = sum(r.lost() for _, rs in found.values() for r in rs)
    n_compared = sum(r.behind is not None for _, rs in found.values() for r in rs)
    return (
        f"<p>{n_behind} of {n_compared} figures are behind their peer.</p>"
        f"{_any(behind, 'Behind a peer')}"
        f"<p>{n_missed} of {n_goals} goals are missed.</p>{_any(missed, 'Goals missed')}"
    )


def _any(rows: Sequence[Sequence[str]], name: str) -> str:
    return table_of(rows, name) if len(rows) > 1 else ""


def benchmark(name: str, stored: Any, ratios: Sequence[Ratio]) -> str:
    """One benchmark: how it is run, what its record tells, and its table."""
    text = (BENCHMARKS / f"{name}.py").read_text(encoding="utf-8")
    what = html.escape((ast.get_docstring(ast.parse(text)) or name).splitlines()[0])
    what = re.sub(r"`([^`]+)`", r"<code>\1</code>", what)
    told = about(stored)
    command = told.pop("command", f"python benchmarks/{name}.py")
    facts = "; ".join(f"{key}: {_plain(value)}" for key, value in told.items())
    missing = [key for key in TOLD if key not in told]
    table = ratio_table(ratios, f"Benchmark {name}")
    if len(ratios) > ROWS_IN_SIGHT:
        table = f"<details><summary>All {len(ratios)} figures of {name}</summary>{table}</details>"
    lost, goals = sum(r.lost() for r in ratios), [r.met for r in ratios if r.met is not None]
    return (
        f"<h3>{html.escape(name)}</h3><p>{what} {code(command)} writes "
        f"{code(f'benchmarks/results/{name}.json')}, which holds {READ[name][1]}.</p>"
        f"<p>{lost} of {len(ratios)} behind; {sum(goals)} of {len(goals)} goals met. "
        f"Stored with it: {html.escape(facts) or 'nothing'}. "
        f"Not stored: {', '.join(missing) or 'nothing that is asked for here'}.</p>{table}"
    )


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def parity() -> str:
    """The families that the tests compare with transformers, and the bounds they hold."""
    tree = ast.parse((PARITY / "conftest.py").read_text(encoding="utf-8"))
    inside = constant(PARITY / "test_logits.py", "FLOAT32_INSIDE")
    single, double = (constant(PARITY / "test_logits.py", n) for n in ("FLOAT32", "FLOAT64"))
    made = {
        node.name: [
            one.attr
            for one in ast.walk(node)
            if isinstance(one, ast.Attribute) and ast.unparse(one.value) == "hf"
        ]
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    (families,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "FAMILIES"
    )
    lines = [["family", "preset", "of transformers", "float32", "float64", "why not closer"]]
    assert isinstance(families, ast.Dict)
    for key, value in zip(families.keys, families.values, strict=True):
        name, (config, reference, _) = ast.literal_eval(key), value.elts  # type: ignore[arg-type,attr-defined]
        classes = [one for one in made[reference.id] if not one.endswith("Config")]
        bound, why = inside.get(name, (double, ""))
        why = f"there, float32 inside: {why}" if why else ""
        lines.append(
            [name, config.args[0].value, ", ".join(classes), f"{single:g}", f"{bound:g}", why]
        )
    return (
        f"<p>{len(lines) - 1} families. The largest difference of a logit, as a share of the "
        f"largest logit, is below these bounds: {held('tests/parity/test_logits.py::test_float32')}"
        f" and {held('tests/parity/test_logits.py::test_float64')}. The differences themselves "
        f"are not stored.</p>{table_of(lines, 'Bounds of parity')}"
    )


def wrong_answers(spec: Spec) -> Counter[str]:
    """How many wrong answers with a message of their own an exercise has, by kind."""
    found: Counter[str] = Counter()
    if spec.code is not None:
        found["programs"] = len(spec.code.wrong)
    for part in spec.parts:
        if isinstance(part, Choice):
            right = (o.correct() if callable(o.correct) else o.correct for o in part.options)
            found["options"] += sum(not one for one in right)
        elif isinstance(part, Number):
            found["numbers"] += len(part.near)
        elif isinstance(part, Match):
            found["matches"] += sum(len(set(r.feedback) - set(r.correct)) for r in part.rows)
        elif isinstance(part, Order):
            found["orders"] += len(part.before) + sum(line.distractor for line in part.lines)
    return found


def reliability(found: dict[str, tuple[Any, list[Ratio]]]) -> str:
    """Exercises, wrong answers, mutants, and the tests that stop a program where it hurts."""
    specs = all_specs()
    wrong = sum((wrong_answers(spec) for spec in specs), Counter())
    kinds = Counter(spec.kind for spec in specs)
    made, left = constant(SURVIVORS, "ALL_MUTANTS"), constant(SURVIVORS, "SURVIVORS")
    n_left = sum(map(len, left.values()))
    grader = "tests/exercises/chapters/test_graders.py::"
    lines = [
        f"{len(specs)} exercises, {kinds['code']} of them programs; {wrong.total():,} wrong "
        "answers with a message of their own: "
        + ", ".join(f"{count:,} {kind}" for kind, count in wrong.most_common()),
        f"{made} mutants of the right programs; the graders notice {made - n_left} "
        f"({(made - n_left) / made:.1%}), and {n_left} are left, each with the reason why it "
        f"behaves like the original, in {code(str(SURVIVORS.relative_to(ROOT)))} ("
        + held(f"{grader}test_of_all_mutants_few_survive")
        + ")",
        f"{mutation_score.told(found['mutation'][0])} ({code('python benchmarks/mutation.py')})",
        f"{held('tests/parity/test_mutation.py::test_change_moves_the_logits')}: a changed field "
        "of the configuration moves the logits, or a reason why it does not is written there",
        *(f"{what}: {held(test)}" for what, test in CRASHES.items()),
    ]
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"


def access() -> str:
    """What is tested on every page, where, and where not."""
    n_pages = len(re.findall(r"(?:file|root): ", (ROOT / "_toc.yml").read_text(encoding="utf-8")))
    tests = "tests/book/test_pages.py::"
    lines = [
        f"axe finds nothing on {n_pages} pages in Chromium, 1280 and 390 pixels wide: all rules "
        f"on the light page, on the dark page those about colours "
        f"({held(tests + 'test_axe_finds_nothing')})",
        "on a phone of 390 pixels, and at 320, no page scrolls sideways "
        f"({held(tests + 'test_a_narrow_page_does_not_scroll_sideways')}) and every label of a "
        "figure can be read "
        f"({held(tests + 'test_every_label_of_a_figure_can_be_read_on_a_phone')})",
        "each widget at both widths, before and after use, light and dark: axe finds nothing ("
        + held(
            "tests/widgets/test_access.py::"
            "test_axe_finds_nothing_before_and_after_in_light_and_dark"
        )
        + ")",
        f"planted faults are found: {held(tests + 'test_axe_finds_a_planted_fault')}",
    ]
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"


def beside() -> str:
    """What is here and elsewhere; the tests that hold it here exist."""
    rows = comparison()
    for cell in (row[1] for row in rows[1:] if "::" in row[1]):
        held(cell.strip("`"))
    table = table_of(rows, "What is here and in other courses")
    table = re.sub(r"\[([^]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', table)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", table)


class HowGood(SphinxDirective):
    """`{how-good} losses`, and so on: a part of the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the part."""
        found = stored_results()
        parts = {
            "losses": lambda: losses(found),
            "ratios": lambda: "".join(benchmark(name, *one) for name, one in found.items()),
            "parity": parity,
            "reliability": lambda: reliability(found),
            "access": access,
            "comparison": beside,
        }
        what = self.arguments[0]
        if what not in parts:
            raise self.error(f"how-good takes one of {', '.join(parts)}, got {what!r}")
        text = parts[what]()
        for path in dict.fromkeys(re.findall(r"(tests/[\w/]+\.py)::", text)):
            self.env.note_dependency(str(ROOT / path))  # a test that is gone fails the next build
        return [nodes.raw("", text, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("how-good", HowGood)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
