"""Answers in many styles, right and wrong, none of them planted, get the verdict they deserve."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def judged() -> list[list[str]]:
    """Judge in a process of their own, where no type checker slows thousands of calls."""
    command = [sys.executable, str(Path(__file__).with_name("judge_answers.py"))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_there_are_many_for_every_exercise(judged: list[list[str]]) -> None:
    from course_lib.exercises.catalog import all_specs

    names = [row[0] for row in judged]
    assert len(names) >= 300
    assert set(names) == {spec.id for spec in all_specs() if spec.code is not None}


def test_verdicts(judged: list[list[str]]) -> None:
    bad = [
        (name, verdict, source, message[:200])
        for name, verdict, _, source, status, message in judged
        if (verdict == "right") != (status == "correct")
    ]
    assert bad == []


def test_no_checker_fault_and_no_two_equal_numbers(judged: list[list[str]]) -> None:
    for name, verdict, words, source, status, message in judged:
        assert status != "checker_fault", (name, source, message)
        assert words in message, (name, source, message)
        if verdict == "wrong" and "expected " in message and "yours " in message:
            yours = message.split("yours ", 1)[1].split(", expected ")
            assert len(yours) < 2 or yours[0] != yours[1].split(".\n")[0], (name, message)
