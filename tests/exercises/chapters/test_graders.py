"""The graders, held to what every exercise must keep; the tests are made from the exercises."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.exercises import selfcheck
from course_lib.exercises.catalog import all_specs
from course_lib.exercises.code.mutants import mutants

ROOT = Path(__file__).resolve().parents[3]
SPECS = all_specs()
CODE = [spec for spec in SPECS if spec.code is not None]
PARTS = [spec for spec in SPECS if spec.code is None]


def by_id(spec):
    return spec.id


def survivors_listed():
    path = Path(__file__).with_name("survivors.py")
    found = importlib.util.spec_from_file_location("survivors", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_ids_are_used_once():
    identifiers = [spec.id for spec in SPECS]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("spec", SPECS, ids=by_id)
def test_texts(spec):
    assert selfcheck.text_faults(spec) == []


@pytest.mark.parametrize("spec", PARTS, ids=by_id)
def test_keys_and_feedback(spec):
    assert selfcheck.part_faults(spec) == []


def checked(spec, seeds):
    """Run the checks in a process of their own, where no type checker slows thousands of calls."""
    command = [
        sys.executable,
        "-m",
        "course_lib.exercises",
        "check",
        spec.id,
        "--seeds",
        str(seeds),
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.stderr == ""
    return json.loads(run.stdout)[spec.id]


@pytest.mark.parametrize("spec", CODE, ids=by_id)
def test_right_wrong_starters_properties_mutants_and_twenty_fresh_seeds(spec):
    listed = survivors_listed().SURVIVORS.get(spec.id, {})
    assert all(len(reason.split()) >= 3 for reason in listed.values())
    found = checked(spec, 20)
    assert found == {"faults": [], "idle properties": [], "survivors": sorted(listed)}


def test_survivors_are_of_known_exercises():
    assert set(survivors_listed().SURVIVORS) <= {spec.id for spec in CODE}


def test_of_all_mutants_few_survive():
    """The stored score: the mutants are counted here, and those left are held one by one above."""
    listed = survivors_listed()
    made = sum(1 for spec in CODE for _ in mutants(spec.code.reference))
    assert made == listed.ALL_MUTANTS
    left = sum(map(len, listed.SURVIVORS.values()))
    assert left <= 0.02 * made
