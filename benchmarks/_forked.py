"""Run tests that are collected once, in one process for each mutant, forked from the collector."""

import ast
import builtins
import copy
import os
import pickle
import resource
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _mutants import Mutant, Place, definition

LEAST_SECONDS, PATIENCE = 10.0, 10.0
"""A mutant may use so many processor seconds, and so many times those of the unchanged tests."""
SLOWEST = 30
"""Times those seconds on the clock, for a busy machine and for a mutant that waits for nothing."""
MOST_BYTES = 8 * 2**30
ENDED = {signal.SIGXCPU, signal.SIGALRM}


def in_a_child(work: Callable[[], Any], seconds: float) -> tuple[Any, int]:
    """Run something in a forked process that says nothing and has limits.

    Returns:
        (what it returned, or None if it did not get that far; the wait status).
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        code = 1
        try:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            limit = int(seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
            resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
            signal.alarm(int(SLOWEST * seconds) + 1)
            with os.fdopen(write, "wb") as out:
                pickle.dump(work(), out)
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as answer:
            told = answer.read()
        _, status = os.waitpid(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return (pickle.loads(told) if status == 0 else None), status


class Tests:
    """Tests that wait to be run, each with the functions it reaches.

    Args:
        session: Pytest's, after collection.
        folders: The files and folders, from the root of the project, whose tests these are.
    """

    def __init__(self, session: pytest.Session, folders: Sequence[str]) -> None:
        self.session = session
        roots = [Path(session.config.rootpath, one) for one in folders]
        self.items = [
            one for one in session.items if any(one.path.is_relative_to(root) for root in roots)
        ]
        self.seconds = 0.0
        self.left_out: list[str] = []
        self.reached: dict[str, set[int]] = {}

    def outcomes(self, chosen: Sequence[int]) -> Iterator[tuple[int, bool]]:
        """Run some of them, one by one as asked: the number of each, and whether it is green."""
        for number, following in zip(chosen, [*chosen[1:], None], strict=True):
            item = self.items[number]
            later = None if following is None else self.items[following]
            before = self.session.testsfailed
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=later)
            yield number, self.session.testsfailed == before

    def learn(self, where: Sequence[Place]) -> None:
        """Run all with every function put in place as a mutant would be, to see who reaches whom.

        What is reached by the first test of a file may be kept for the others (a fixture, a
        cache), so each test of a file is held to reach that, too. A test that fails here would say
        nothing about a mutant, and is left out: some ask for the checks of shapes.

        Raises:
            RuntimeError: If more than a twentieth fails, or the process ends.
        """

        def work() -> Any:
            seen: set[str] = set()
            by_test, failed = {}, []
            builtins.__reached__ = seen.add  # type: ignore[attr-defined]
            for place in where:
                place.put(place.meaning(_noting(place)))
            start = time.process_time()
            for number, green in self.outcomes(range(len(self.items))):
                by_test[number] = set(seen)
                seen.clear()
                failed += [] if green else [self.items[number].nodeid]
            return by_test, time.process_time() - start, failed

        told, status = in_a_child(work, 600.0)
        if told is None:
            raise RuntimeError(f"the tests end with status {status} without any mutant")
        by_test, self.seconds, self.left_out = told
        if len(self.left_out) > len(self.items) / 20:
            raise RuntimeError(f"tests fail without any mutant: {', '.join(self.left_out)}")
        first: dict[Path, set[str]] = {}
        found = defaultdict(set)
        for number, item in enumerate(self.items):
            if item.nodeid in self.left_out:
                continue
            for name in by_test[number] | first.setdefault(item.path, by_test[number]):
                found[name].add(number)
        self.reached = dict(found)

    def verdict(self, mutant: Mutant) -> str:
        """Run the tests that reach a mutant: `noticed`, `time limit` or `left`."""
        chosen = sorted(self.reached.get(mutant.place.name, ()))
        if not chosen:
            return "left"
        meaning = mutant.meaning()

        def work() -> bool:
            mutant.place.put(meaning)
            return all(green for _, green in self.outcomes(chosen))  # no more after a failure

        passed, status = in_a_child(work, LEAST_SECONDS + PATIENCE * self.seconds)
        if passed:
            return "left"
        ended = os.WIFSIGNALED(status) and os.WTERMSIG(status) in ENDED
        return "time limit" if ended else "noticed"


def _noting(place: Place) -> ast.Module:
    """Give the definition of a function with a first statement that notes the call."""
    tree = copy.deepcopy(place.tree)
    definition(tree).body.insert(0, ast.parse(f"__reached__({place.name!r})").body[0])
    return ast.fix_missing_locations(tree)
