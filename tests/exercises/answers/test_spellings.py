"""Every spelling of a number gets the verdict that its value deserves, whatever the question."""

import json
from pathlib import Path

import pytest

from course_lib.exercises.answers.quiz import judge_part
from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.catalog import find

# By verdict and question: what people type.
TABLE = json.loads(Path(__file__).with_name("spellings.json").read_text(encoding="utf-8"))
SPELLINGS = [
    (where, text, status)
    for status, questions in TABLE.items()
    for where, texts in questions.items()
    for text in texts
]
PARTS: dict[str, dict] = {}


def part_of(where: str) -> dict:
    name, _, identifier = where.partition("/")
    if where not in PARTS:
        parts = build_payload(find(name))["parts"]
        PARTS[where] = next(p for p in parts if p["id"] == identifier or not identifier)
    return PARTS[where]


@pytest.mark.parametrize("where", sorted({row[0] for row in SPELLINGS}))
def test_spellings(where: str) -> None:
    part = part_of(where)
    found = {text: judge_part(part, text) for one, text, _ in SPELLINGS if one == where}
    wanted = {text: status for one, text, status in SPELLINGS if one == where}
    assert {text: result.status for text, result in found.items()} == wanted
    for text, result in found.items():
        if wanted[text] == "invalid":
            assert "read" in result.messages[0] or "unit" in result.messages[0], text


def test_messages_name_what_was_wrong() -> None:
    said = {
        ("06.f/one", "102 %"): "between 0 % and 100 %",
        ("09.b/loss", "-0.05"): "cannot be less than 0",
        ("06.d", "1.07 GiB"): "right in GB",
        ("18.d/ddp", "112 GiB"): "right in GB",
        ("18.d/ddp", "104.3 GB"): "in GiB",
        ("06.d", "1.07"): "State the unit",
        ("01.d", "1152 GB"): "Use one of: numbers, weights",
    }
    for (where, text), words in said.items():
        assert words in judge_part(part_of(where), text).messages[0], (where, text)


def test_every_number_question_has_spellings() -> None:
    from course_lib.exercises.catalog import all_specs

    asked = {
        f"{spec.id}/{part['id']}"
        for spec in all_specs()
        for part in build_payload(spec)["parts"]
        if part["type"] == "number"
    }
    tried = {f"{where}/answer" if "/" not in where else where for where, _, _ in SPELLINGS}
    assert len({name.split("/")[0] for name in asked} - {name.split("/")[0] for name in tried}) == 0
