"""The score of the tests: each mutant is what it says, and one that nothing notices is told."""

import ast
import builtins
import inspect
import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import _forked
import _mutants
import mutation

from course_lib.exercises.code.mutants import changed_trees
from course_lib.model import masks

MADE = {
    "x + 1": {"x - 1", "x + 2", "x + 0"},
    "x - y": {"x + y"},
    "x * y": {"x / y"},
    "x / y": {"x * y"},
    "x // y": {"x * y"},
    "x & y": {"x | y"},
    "x < y": {"x <= y", "x > y"},
    "x <= y": {"x < y", "x >= y"},
    "x > y": {"x >= y", "x < y"},
    "x >= y": {"x > y", "x <= y"},
    "x == y": {"x != y"},
    "x != y": {"x == y"},
    "x and y": {"x or y"},
    "x or y": {"x and y"},
    "not x": {"+x"},
    "-x": {"+x"},
    "f(True)": {"f(False)"},
    "range(n)": {"range(n + 1)", "range(n - 1)"},
    "x[a:]": {"x[a + 1:]", "x[a - 1:]"},
    "x.max()": {"x.min()"},
    "x.tril(y)": {"x.triu(y)"},
    "'text' + x": {"'text' - x"},
}


@pytest.mark.parametrize("source", MADE)
def test_each_operator_makes_what_it_says(source: str) -> None:
    texts = {text for text, _ in changed_trees(ast.parse(f"def f():\n    return {source}\n"))}
    assert texts == {f"return {one}" for one in MADE[source]}


def test_statements_are_left_out() -> None:
    source = "def f(x):\n    'Say.'\n    x += y\n    if x:\n        g(x)\n    return x\n"
    left = {text.removeprefix("left out: ") for text, _ in changed_trees(ast.parse(source))}
    assert left == {"x += y", "x -= y", "if x:", "g(x)"}


def share(x: "float", most: float = 1.0, *, least: float = 0) -> "tuple[3]":
    """Hold a number between 0 and 1."""
    few: list[5] = []
    if x < least:
        raise ValueError(f"x got {x + 7}, wants at least {9}", few)
    return min(x, most)


def place_of(function: Callable[..., Any], name: str = "") -> Any:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return _mutants.Place(name or function.__name__, function, tree)


def test_what_is_only_said_is_no_mutant() -> None:
    texts = [mutant.text for mutant in _mutants.mutants(place_of(share))]
    assert texts.count("if x <= least:") == 1 and "left out: if x < least:" in texts
    assert not any("7" in text or "[4]" in text or "raise" in text for text in texts)
    assert len(texts) == 7  # two of each number, two of the comparison, and the `if`


def test_code_and_default_values_are_put_in_place() -> None:
    place = place_of(share)
    old = share.__code__, share.__defaults__, share.__kwdefaults__
    by_text = {mutant.text: mutant for mutant in _mutants.mutants(place)}
    try:
        place.put(next(m for t, m in by_text.items() if "most: float=2.0" in t).meaning())
        assert share(5) == 2 and share(-0.0) == 0
        place.put(by_text["if x > least:"].meaning())
        assert share(-5) == -5
    finally:
        place.put(old)
    assert share(5) == 1


def test_methods_properties_and_super_are_found_behind_their_decorators() -> None:
    names = {place.name: place for place in _mutants.places("model.transformer")}
    init = names["model.transformer.Transformer.__init__"]
    assert init.function.__code__.co_freevars == ("__class__",)
    changed = {mutant.text: mutant for mutant in _mutants.mutants(init)}
    assert changed["left out: super().__init__()"].meaning()[0].co_freevars == ("__class__",)
    plan = {place.name for place in _mutants.places("distributed.zero.plan")}
    assert {"distributed.zero.plan.FlatPlan.shard", "distributed.zero.plan.unit_of"} <= plan
    assert masks.causal_mask.__name__ in {
        p.name.split(".")[-1] for p in _mutants.places("model.masks")
    }


def test_every_part_has_modules_and_tests_and_a_seed_draws_the_same() -> None:
    for modules, folders in mutation.PARTS.values():
        files = [mutation.ROOT / "course_lib" / f"{n.replace('.', '/')}.py" for n in modules]
        assert files and all(file.exists() for file in files)
        assert all((mutation.ROOT / folder).exists() for folder in folders)
    everything = list(_mutants.mutants(place_of(share)))
    assert mutation.draw(everything, 3, 1, "a") == mutation.draw(everything, 3, 1, "a")
    assert mutation.draw(everything, 99, 1, "a") != mutation.draw(everything, 99, 2, "a")
    with pytest.raises(SystemExit):
        mutation.parse(["--each", "0"])


def countdown(n: int) -> int:
    steps = 0
    while n > 0:
        n -= 1
        steps += 1
    return steps


def unseen(n: int) -> int:
    return n + 1


class Item:
    """A test as pytest would hold it: a failure is counted in the session."""

    def __init__(self, session: Any, test: Callable[[], bool]) -> None:
        self.session, self.test, self.nodeid = session, test, test.__name__
        self.path = Path(__file__)
        self.config = SimpleNamespace(hook=SimpleNamespace(pytest_runtest_protocol=self.run))

    def run(self, item: Any, nextitem: Any) -> None:
        self.session.testsfailed += not self.test()


def waiting(*tests: Callable[[], bool]) -> Any:
    root = Path(__file__).parent
    session = SimpleNamespace(testsfailed=0, config=SimpleNamespace(rootpath=root))
    session.items = [Item(session, test) for test in tests]
    return _forked.Tests(session, ["test_mutation.py"])


@pytest.mark.processes
def test_a_mutant_is_noticed_or_left_or_runs_into_its_limit(monkeypatch: Any) -> None:
    monkeypatch.setattr(_forked, "LEAST_SECONDS", 0.0)

    def counts() -> bool:
        return countdown(2) == 2 and unseen(1) > 0

    where = [place_of(countdown), place_of(unseen), place_of(share)]
    tests = waiting(counts)
    tests.learn(where)
    assert tests.reached == {"countdown": {0}, "unseen": {0}}  # share is reached by nobody
    by_text = {str(mutant): mutant for place in where for mutant in _mutants.mutants(place)}
    assert tests.verdict(by_text["countdown: steps = 1"]) == "noticed"
    assert tests.verdict(by_text["countdown: n += 1"]) == "time limit"
    assert tests.verdict(by_text["unseen: return n + 2"]) == "left"
    assert tests.verdict(by_text["share: if x > least:"]) == "left"
    assert countdown(2) == 2 and unseen(1) == 2, "only the process of the mutant is changed"


@pytest.mark.processes
def test_a_test_that_fails_without_a_mutant_ends_the_run() -> None:
    def wrong() -> bool:
        return countdown(2) == 3

    with pytest.raises(RuntimeError, match="tests fail without any mutant: wrong"):
        waiting(wrong).learn([place_of(countdown)])
    assert not hasattr(builtins, "__reached__"), "that is the child's"


@pytest.mark.processes
def test_what_is_known_is_kept_and_an_interrupt_ends_the_child(tmp_path: Path) -> None:
    mutant = next(iter(_mutants.mutants(place_of(unseen))))
    nobody: Any = SimpleNamespace(verdict=lambda mutant: "noticed")
    kept = {str(mutant): "left"}
    assert list(mutation.judge("a part", [mutant], nobody, kept)) == [(mutant, "left")]
    assert list(mutation.judge("a part", [mutant], nobody, {})) == [(mutant, "noticed")]
    told, status = _forked.in_a_child(lambda: os.getpid(), 5.0)
    assert status == 0 and told != os.getpid()
    told, status = _forked.in_a_child(lambda: 1 / 0, 5.0)
    assert told is None and os.waitstatus_to_exitcode(status) == 1
