"""The number grammar: one table of cases, shared with the page's JavaScript."""

import json
from pathlib import Path

import pytest

from course_lib.exercises.answers.number_grammar import parse_number

CASES = json.loads((Path(__file__).parent / "number_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["text"][:20]))
def test_case(case):
    parsed = parse_number(case["text"])
    if case["readings"] is None:
        assert parsed is None
    else:
        assert parsed is not None
        assert list(parsed.readings) == pytest.approx(case["readings"], rel=1e-12)
        assert parsed.unit == case["unit"]


def test_by_hand():
    assert parse_number("14 GB").readings == (14.0,)
    assert parse_number("1,152").readings == (1152.0, 1.152)
    assert parse_number("3/4 of").unit == "of"
    assert parse_number("31 %").unit == "%"
    assert parse_number("").__class__ is type(None)


def test_nothing_is_evaluated():
    assert parse_number("__import__('os').getcwd()") is None
    assert parse_number("9**9**9**9") is None
    assert parse_number("(" * 79) is None
