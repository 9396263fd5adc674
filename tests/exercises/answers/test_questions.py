"""Questions: judged from the payload alone, the same answers as the page gives."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from course_lib.exercises import load
from course_lib.exercises.__main__ import SCHEMA, build, main
from course_lib.exercises.answers.quiz import judge_answers, judge_part, overall
from course_lib.exercises.author.payload import build_payload, key_text
from course_lib.exercises.author.spec import Before, Choice, Line, Near, Number, Option, Order, Spec
from course_lib.exercises.author.text import block_html, inline_html, plain
from course_lib.exercises.catalog import all_specs

CASES = json.loads((Path(__file__).parent / "quiz_cases.json").read_text(encoding="utf-8"))
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: f"{case['payload']}-{case['n']}")
def test_table_shared_with_the_page(case):
    result = judge_answers(CASES["payloads"][case["payload"]], case["answers"])
    assert (result.status, result.message) == (case["status"], case["message"])


def test_schema_is_valid_and_its_example_fits():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in schema["examples"]:
        jsonschema.validate(example, schema)


def test_build_writes_every_exercise(tmp_path, capsys):
    path = tmp_path / "deep" / "exercises.json"
    assert main(["build", "--output", str(path)]) == 0
    bundle = json.loads(path.read_text(encoding="utf-8"))
    assert sorted(bundle["exercises"]) == [spec.id for spec in all_specs()]
    assert "exercises written to" in capsys.readouterr().out
    assert [entry.name for entry in path.parent.iterdir()] == ["exercises.json"]


def test_payload_holds_no_reference():
    text = json.dumps(build_payload(load("06.c")._spec))
    assert "einsum" not in text
    assert "scale-by-length" not in text


def test_build_refuses_what_the_schema_does_not_allow(tmp_path, monkeypatch):
    import course_lib.exercises.__main__ as command

    monkeypatch.setattr(command, "build_payload", lambda spec: {"id": spec.id})
    with pytest.raises(ValueError, match=r"exercises: 01\.a"):
        build(tmp_path / "exercises.json")
    assert list(tmp_path.iterdir()) == []
    assert main(["build", "--output", str(tmp_path / "exercises.json")]) == 1


@pytest.mark.processes
def test_engine_and_worker_do_not_import_torch():
    code = (
        "import sys, course_lib.exercises, course_lib.exercises.process.worker\n"
        "from course_lib.exercises.catalog import find\n"
        "[find(name) for name in ('01.c', '06.c', '11.c')]\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


# Judged by hand


def test_number_with_units():
    exercise = load("06.d")
    for text in ("1.07 GB", "1,07 GB", "1 GiB", "1024 MiB", "2^30 bytes", "1.0737e9 bytes", "1gib"):
        assert exercise.check(text), text
    assert exercise.check("1.07").status == "invalid"
    assert "State the unit" in exercise.check(1.07).message
    assert "not known here" in exercise.check("1.07 GHz").message
    assert "10^9 bytes" in exercise.check("1 GB").message
    assert "one head's table" in exercise.check("33.5 MB").message.lower()
    assert exercise.check("lots").status == "invalid"
    assert exercise.check("").status == "not_attempted"
    assert exercise.check(True).status == "invalid"


def test_both_readings_of_a_comma():
    exercise = load("01.d")
    for answer in ("1,152", "1152", 1152, "1 152", 1152.0):
        assert exercise.check(answer), answer


def test_the_number_of_an_option_gives_nothing_away():
    """Options are numbered as they are shown, and the right one stands at every place."""
    places = []
    for spec in all_specs():
        for part in build_payload(spec)["parts"]:
            if part["type"] == "choice":
                names = [option["id"] for option in part["options"]]
                assert names == [f"o{place}" for place in range(1, len(names) + 1)]
                places += [o["id"] for o in part["options"] if o["correct"]]
    assert max(places.count(name) for name in set(places)) < 0.45 * len(places)


def test_choice_by_text_or_id():
    exercise = load("01.r1")
    assert exercise.check("0.5, 0.25, 0.25")
    options = exercise.payload()["parts"][0]["options"]
    assert exercise.check(next(option["id"] for option in options if option["correct"]))
    assert "sum to 4" in exercise.check("2, 1, 1").message
    assert exercise.check("o9").status == "invalid"
    assert exercise.check(["o1", "o2"]).status == "invalid"


def test_several_parts():
    exercise = load("06.b")
    assert exercise.check({"weight": "0.245", "most": "word 1"})
    half = exercise.check({"weight": "24.5 %"})
    assert half.status == "not_attempted"
    assert dict(half.checks) == {"weight": True, "most": False}
    wrong = exercise.check({"weight": 0, "most": "word 1"})
    assert (wrong.status, wrong.misconception) == ("incorrect", "zero-score-is-no-attention")
    assert exercise.check({"weihgt": 1}).status == "invalid"
    assert exercise.check("0.245").status == "invalid"


def test_match_by_text():
    answer = {
        "roles": {
            "query": "what this word looks for in others",
            "key": "what this word can be found by",
            "value": "what this word passes on once it is found",
        },
        "inputs": "all from the same word vectors, by three learned matrices",
    }
    exercise = load("06.a")
    assert exercise.check(answer)
    answer["roles"]["value"] = "what this word can be found by"
    result = exercise.check(answer)
    assert (result.status, result.misconception) == ("incorrect", "value-decides")


def order_part():
    lines = [Line("a", "A"), Line("b", "B"), Line("c", "C"), Line("x", "X", True, "no x here")]
    rules = [Before("a", "c", "A first"), Before("b", "c", "B before C")]
    part = Order(lines, rules, "good order", "Order them")
    spec = Spec("01.a", 1, "01_relevance", "s", "order", "t", "p", ["h"], "e", parts=[part])
    return build_payload(spec)["parts"][0]


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (["a", "b", "c"], "correct", "good order"),
        (["b", "a", "c"], "correct", "good order"),
        (["c", "a", "b"], "incorrect", "A first"),
        (["a", "c", "b"], "incorrect", "B before C"),
        (["a", "x", "b", "c"], "incorrect", "no x here"),
        (["a", "c"], "incorrect", "A line that belongs is not used yet."),
        ([], "not_attempted", "Put the lines in order."),
    ],
)
def test_order_accepts_every_valid_order(answer, status, message):
    result = judge_part(order_part(), answer)
    assert (result.status, result.messages) == (status, (message,))


@pytest.mark.parametrize("answer", ["abc", ["a", "a"], ["z"], 3])
def test_order_of_another_form(answer):
    assert judge_part(order_part(), answer).status == "invalid"


def test_overall_status():
    assert overall(["correct", "correct"]) == "correct"
    assert overall(["not_attempted", "not_attempted"]) == "not_attempted"
    assert overall(["correct", "not_attempted"]) == "not_attempted"
    assert overall(["incorrect", "invalid"]) == "invalid"
    assert overall(["incorrect", "not_attempted"]) == "incorrect"


def test_spec_refuses_what_cannot_be():
    part = Choice([Option("a", True, "yes it is")])
    common = ("01_relevance", "s")
    with pytest.raises(ValueError, match="kind: 01.a says 'essay'"):
        Spec("01.a", 1, *common, "essay", "t", "p", ["h"], "e", parts=[part])
    with pytest.raises(ValueError, match="parts, code: 01.a"):
        Spec("01.a", 1, *common, "choice", "t", "p", ["h"], "e")
    with pytest.raises(ValueError, match="nothing to reveal"):
        Spec("01.a", 1, *common, "predict", "t", "p", ["h"], "e", parts=[part])
    with pytest.raises(ValueError, match="part id twice"):
        Spec("01.a", 1, *common, "choice", "t", "p", ["h"], "e", parts=[part, part])


def test_number_without_planted_values_is_a_fault():
    from course_lib.exercises.selfcheck import part_faults

    number = Number(key=lambda: 5.0, near=[Near(lambda: 5.04, "too close to it")], feedback="Five.")
    spec = Spec("01.a", 1, "01_relevance", "s", "number", "t", "p", ["h"], "e", parts=[number])
    assert any("two tolerances" in fault for fault in part_faults(spec))


# Texts


def test_little_markdown():
    assert inline_html("a < b & `x < y` **so** *it* is") == (
        "a &lt; b &amp; <code>x &lt; y</code> <strong>so</strong> <em>it</em> is"
    )
    text = "One\ntwo.\n\n- a\n- b\n\n```\nx = 1 < 2\n```\nEnd."
    assert block_html(text) == (
        "<p>One two.</p><ul><li>a</li><li>b</li></ul>"
        "<pre><code>x = 1 &lt; 2</code></pre><p>End.</p>"
    )
    assert plain(block_html(text)) == "One two.\n- a\n- b\n\nx = 1 < 2\nEnd."
    assert inline_html("2 * 3 * 4 and <script>") == "2 * 3 * 4 and &lt;script&gt;"
    with pytest.raises(ValueError, match="never closed"):
        block_html("```\nx")


@pytest.mark.slow
@pytest.mark.parametrize("spec", all_specs(), ids=lambda spec: spec.id)
def test_every_exercise_shows_itself(spec):
    exercise = load(spec.id, v=spec.version)
    assert spec.title in repr(exercise)
    assert exercise._repr_markdown_()
    bundle = exercise._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "text/plain" in data
    if spec.code is not None:
        compile(exercise.starter(), spec.id, "exec")
    assert exercise.solution(reveal=True)


@pytest.mark.parametrize(
    ("hint", "units", "form", "value", "shown"),
    [
        ("a percentage, such as 80 %", {"%": 1.0, "": 1.0}, "{:.0f} %", 25.0, "25 %"),
        ("a percentage", {"": 1.0, "%": 1.0}, "{:.0f}", 25.0, "25 %"),
        ("a size, such as 99 GB", {"bytes": 1.0, "GB": 1e9}, "{:,.0f}", 38.5e9, "38.5 GB"),
        ("a size with its unit", {"bytes": 1.0, "GB": 1e9}, "{:,.0f}", 4.0, "4 bytes"),
        ("a number of tokens", {"": 1.0, "token": 1.0, "tokens": 1.0}, "{:,.0f}", 9.0, "9 tokens"),
        ("a number of nats", {"": 1.0, "nat": 1.0, "nats": 1.0}, "{:.1f}", -2.3, "-2.3 nats"),
        ("a share such as 0.5, or 50 %", {"": 1.0, "%": 0.01}, "{:.2f}", 0.5, "0.50"),
        ("a whole number", {"": 1.0}, "{:,.0f}", 64.0, "64"),
    ],
)
def test_a_right_number_is_written_in_the_unit_asked_for(hint, units, form, value, shown):
    part = Number(lambda: value, [], "", units=units, unit_hint=hint, key_format=form)
    assert key_text(part, value) == shown


def test_no_right_number_of_the_course_repeats_a_unit_or_has_an_odd_one():
    texts = [
        part["key_text"]
        for spec in all_specs()
        if any(isinstance(part, Number) for part in spec.parts)
        for part in build_payload(spec)["parts"]
        if part["type"] == "number"
    ]
    assert len(texts) > 20
    odd = re.compile(r"% %|\d (?:token|nat|position)$|,000,000,000 ")
    assert [text for text in texts if odd.search(text)] == []


@pytest.mark.parametrize("where", ["none/x/y", "folder", "file/x", "long" * 100, "\0"])
def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path, monkeypatch, capsys, where):
    import course_lib.exercises.__main__ as command

    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "none").symlink_to(tmp_path / "nowhere" / "at all")
    monkeypatch.setattr(command, "all_specs", lambda: [])
    before = sorted(tmp_path.rglob("*"))
    assert main(["build", "--output", f"{tmp_path}/{where}"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_fewer_than_no_seeds(capsys):
    with pytest.raises(SystemExit):
        main(["check", "01.c", "--seeds", "-1"])
    assert "--seeds must be 0 or more, got -1" in capsys.readouterr().err
