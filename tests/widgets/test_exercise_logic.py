"""Number grammar, verdicts and progress records: JavaScript and Python say the same."""

import json
from pathlib import Path

import pytest

from course_lib.exercises.answers import quiz as reference
from course_lib.exercises.answers.number_grammar import parse_number
from course_lib.exercises.author.text import led_by, plain
from course_lib.exercises.progress import records
from tests.widgets.payloads import ALL, choice, match, number, order, part

ANSWERS = Path(__file__).parents[1] / "exercises" / "answers"
CASES = json.loads((ANSWERS / "number_cases.json").read_text())


def test_number_grammar(kit):
    for case in CASES:
        found = kit("kit/exercise/number.js", "parseNumber", case["text"])
        if case["readings"] is None:
            assert found is None, case["text"]
        else:
            assert found is not None, case["text"]
            assert found["readings"] == pytest.approx(case["readings"], rel=1e-12), case["text"]
            assert found["unit"] == case["unit"], case["text"]


def test_a_prediction_is_read_as_an_answer_is(kit):
    """A prediction reads one decimal or ratio; of what both read, both say the same."""
    for case in CASES:
        found = kit("kit/exercise/decimal.js", "parseDecimal", case["text"])
        if found is not None and found["unit"] == case["unit"]:
            assert found["readings"] == pytest.approx(case["readings"], rel=1e-12), case["text"]
    assert kit("kit/exercise/decimal.js", "parseDecimal", "2½") is None  # and not 21 halves
    for text in ("½", "7\u200b7", "1,152", "12 345,6", "3/4"):
        found = kit("kit/exercise/decimal.js", "parseDecimal", text)
        assert found["readings"] == list(parse_number(text).readings), text


ANSWERS = {
    "choice": [part(choice()), ["o1", "o2", "o3", None, "", "..."]],
    "many": [
        part(choice(multiple=True)),
        [["o1", "o3"], ["o1"], ["o2"], ["o1", "o2", "o3"], [], None],
    ],
    "number": [
        part(number()),
        ["14 GB", "14,000 MB", "13.04 GiB", "14", "14 GW", "28 GB", "7 gb", "1 GB", "100 GB"]
        + ["fourteen", "", "...", "14.3 GB", "14.5 GB", "constructor", "14 constructor"],
    ],
    "absolute": [
        part(number(relative=False, tolerance=0.5, key=lambda: 10.0, units={"": 1.0}, near=[])),
        ["10", "10.5", "9,5", "10.51", "9.4", "10 GB"],
    ],
    "share": [
        part(number(relative=False, tolerance=0.01, key=lambda: 0.31, form="share", near=[])),
        ["0.31", "31 %", "31", "31 percent", "131 %", "-0.1", "0.9", "90", "31 GB", "1"],
    ],
    "percent": [
        part(number(relative=False, tolerance=3.0, key=lambda: 94.0, form="percent", near=[])),
        ["94", "0.94", "94 %", "102 %", "-1", "0.5", "1", "97.1"],
    ],
    "bounded": [
        part(number(key=lambda: 14.0, units={"": 1.0, "GB": 1.0, "Gb": 1 / 8}, low=0.0, near=[])),
        ["14", "-14", "112 Gb", "14 gb", "14 Gb", "2*7", "14.000"],
    ],
    "match": [
        part(match()),
        [
            {"r1": "o1", "r2": "o2", "r3": "o3"},
            {"r1": "o2", "r2": "o1", "r3": "o3"},
            {"r1": "o1"},
            {},
            None,
        ],
    ],
    "order": [
        part(order()),
        [
            ["score", "norm", "mix"],
            ["norm", "score", "mix"],
            ["score", "mix", "norm"],
            ["sort", "score"],
            ["score", "norm"],
            [],
        ],
    ],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_verdicts_of_parts(kit, name):
    part, answers = ANSWERS[name]
    seen = set()
    for answer in answers:
        wanted = reference.judge_part(part, answer)
        found = kit("kit/exercise/judge.js", "judgePart", part, answer)
        assert found == {"status": wanted.status, "messages": list(wanted.messages)}, answer
        seen.add(wanted.status)
    assert {"correct", "incorrect"} <= seen


LABELS = ["A head", "A head.", "<em>A head.</em>", "Why?", "<em>Why?</em>", ""]


@pytest.mark.parametrize("label", LABELS)
def test_a_label_ends_in_one_mark(kit, label):
    line = led_by(label, "because")
    assert kit("kit/exercise/judge.js", "ledBy", label, "because") == line
    assert plain(line) in ("A head: because", "Why? because", "because")


PERCENT = {"kind": "percent"}
BYTES = {"kind": "number", "low": 0, "units": {"GB": 1, "MB": 0.001}}
COUNT = {"kind": "number", "whole": True, "low": 0, "high": 36, "units": {"tokens": 1}}


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        *((PERCENT, one, 0.4) for one in ("40", "40 %", "40%", "0.4", "0,4", "2/5", "40 percent")),
        *((PERCENT, one, 0.01) for one in ("1", "1 %", "0.01", "1/100", "1.0")),
        *((PERCENT, one, 1) for one in ("100", "100 %", "3/3")),
        *((PERCENT, one, 0.02) for one in ("2", "2 %")),
        *((PERCENT, one, 0) for one in ("0", "0 %", "-0")),
        (PERCENT, "0.5 %", 0.005),
        (BYTES, "30", 30),
        (BYTES, "30 gb", 30),
        (BYTES, "500 MB", 0.5),
        (COUNT, "6", 6),
        (COUNT, "6 tokens", 6),
        ({"kind": "number"}, "-2.5", -2.5),
    ],
)
def test_a_prediction_is_read_as_it_is_meant(kit, field, text, value):
    found = kit("kit/exercise/predicted.js", "readPrediction", text, field)
    assert found == {"value": pytest.approx(value, abs=1e-12)}


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        *((PERCENT, one, "between 0 and 100 %") for one in ("-20", "-900", "-1 %", "101", "1e9")),
        *((PERCENT, one, "another unit") for one in ("40 GB", "40 verses")),
        *((PERCENT, one, "not a number") for one in ("many", "%", "--")),
        (PERCENT, "3/2", "between 0 and 100 %"),
        (BYTES, "-5", "less than 0"),
        (BYTES, "-5 GB", "less than 0"),
        (BYTES, "30 tokens", "another unit"),
        (COUNT, "-7", "less than 0"),
        (COUNT, "37", "more than 36"),
        (COUNT, "2.5", "whole number"),
        ({"kind": "number"}, "3 km", "another unit"),
    ],
)
def test_a_prediction_that_cannot_be_is_refused_with_a_reason(kit, field, text, reason):
    found = kit("kit/exercise/predicted.js", "readPrediction", text, field)
    assert "value" not in found and reason in found["error"], found


@pytest.mark.parametrize("n", [None, "61 %"])
@pytest.mark.parametrize("c", [None, "o1", "o2"])
def test_verdict_of_the_whole(kit, n, c):
    answer = {"n": n, "c": c}
    wanted = reference.judge_answers(ALL[-1], answer)
    assert kit("kit/exercise/judge.js", "judge", ALL[-1], answer)["status"] == wanted.status


def record(**changes):
    return {**records.new_record(1, 100), **changes}


OURS = {
    "06.a": record(status="incorrect", attempts=2, first_ok=False, updated=50),
    "06.b": record(v=2, status="correct", attempts=1, first_ok=True),
    "11.d2": record(hints=2, revealed=True),
}
THEIRS = {
    "06.a": record(status="correct", attempts=1, first_ok=True, hints=1, updated=70),
    "06.b": record(v=1, status="incorrect", attempts=9, first_ok=False, updated=900),
    "01.a": record(status="incorrect", attempts=1, first_ok=False),
}


def test_records_travel_both_ways(kit):
    assert kit("kit/exercise/records.js", "toText", OURS) == records.to_text(OURS)
    assert kit("kit/exercise/records.js", "fromText", records.to_text(THEIRS)) == THEIRS
    assert records.from_text(kit("kit/exercise/records.js", "toText", THEIRS)) == THEIRS
    text = records.to_text(OURS)
    assert kit("kit/exercise/records.js", "fromText", f" {text[:9]}\n{text[9:]} ") == OURS


def test_records_merge_the_same(kit):
    for a, b in [(OURS, THEIRS), (THEIRS, OURS), ({}, OURS), (OURS, {}), (OURS, OURS)]:
        assert kit("kit/exercise/records.js", "mergeRecords", a, b) == records.merge(a, b)


BAD = [
    "",
    "hello",
    "tc1:",
    "tc1:!!!!",
    "tc1:W10",
    "tc1:" + "A" * 70_000,
    records.to_text(OURS)[:-7],
    records.to_text(OURS).replace("tc1:", "tc2:"),
]


def packed(value):
    import base64

    return "tc1:" + base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


BAD += [
    packed({"06.a": [1, 3, 0, None, 0, 0, 1]}),
    packed({"06.a": [1, 0, 0, 2, 0, 0, 1]}),
    packed({"06.a": [0, 0, 0, None, 0, 0, 1]}),
    packed({"06.a": [1, 0, -1, None, 0, 0, 1]}),
    packed({"06.a": [1, 0, 0, None, 0, 0]}),
    packed({"6a": [1, 0, 0, None, 0, 0, 1]}),
    packed([1]),
]


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:24])
def test_bad_texts_are_refused_by_both(kit, text):
    with pytest.raises(ValueError):
        records.from_text(text)
    with pytest.raises(Exception, match="Error"):
        kit("kit/exercise/records.js", "fromText", text)


EVENTS = [{"hints": 1}, {"status": "incorrect"}, {"revealed": True}, {"status": "correct"}]


def test_a_record_grows_as_in_a_kernel(kit):
    one = None
    for at, event in enumerate([*EVENTS, {"status": "incorrect"}]):
        one = kit("kit/exercise/records.js", "changeRecord", one, 1, event, at)
    assert one == record(
        status="correct", attempts=3, first_ok=False, hints=1, revealed=True, updated=4
    )
    newer = kit("kit/exercise/records.js", "changeRecord", one, 2, {"status": "correct"}, 9)
    assert newer == record(v=2, status="correct", attempts=1, first_ok=True, updated=9)
