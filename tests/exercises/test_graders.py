"""The graders, held to what every exercise must keep; the tests are made from the exercises."""

import importlib.util
from pathlib import Path

import pytest

from course_lib.exercises import selfcheck
from course_lib.exercises.catalog import all_specs

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
    return module.SURVIVORS


def test_ids_are_used_once():
    identifiers = [spec.id for spec in SPECS]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("spec", SPECS, ids=by_id)
def test_texts(spec):
    assert selfcheck.text_faults(spec) == []


@pytest.mark.parametrize("spec", PARTS, ids=by_id)
def test_keys_and_feedback(spec):
    assert selfcheck.part_faults(spec) == []


@pytest.mark.parametrize("spec", CODE, ids=by_id)
def test_right_wrong_and_starter(spec):
    assert selfcheck.code_faults(spec, range(2)) == []


@pytest.mark.slow
@pytest.mark.parametrize("spec", CODE, ids=by_id)
def test_fresh_seeds(spec):
    assert selfcheck.code_faults(spec, range(100, 120)) == []


@pytest.mark.parametrize("spec", CODE, ids=by_id)
def test_no_property_is_idle(spec):
    assert selfcheck.idle_properties(spec) == []


@pytest.mark.parametrize("spec", CODE, ids=by_id)
def test_every_survivor_is_listed_with_a_reason(spec):
    listed = survivors_listed().get(spec.id, {})
    assert selfcheck.survivors(spec) == sorted(listed)
    assert all(len(reason.split()) >= 3 for reason in listed.values())


def test_survivors_are_of_known_exercises():
    assert set(survivors_listed()) <= {spec.id for spec in CODE}
