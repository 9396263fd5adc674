"""What the page's Python is called with: a program's text in, the verdict of a notebook out."""

import colorsys
import importlib
import json
import re
import sys
from types import ModuleType

import pytest

from course_lib.exercises.catalog import all_specs, find
from course_lib.exercises.code.judge import Judge
from course_lib.exercises.process import page, stopped

SPEC = find("06.c")
RIGHT = page.page_payload(SPEC)["starters"][0]["code"].replace("...", "weights @ v")


def checked(source, name="06.c"):
    said = []
    found = json.loads(page.check(name, source, lambda text: said.append(json.loads(text))))
    return found, said


def test_a_right_and_a_wrong_program_get_what_a_notebook_says():
    found, said = checked(RIGHT)
    assert found["word"] == "Correct" and found["left"] == "" and found["printed"] == ""
    assert found["text"] == str(Judge(SPEC, SPEC.code.reference).run())
    assert said[0]["started"] and said[0]["case"] == page.OUTSIDE
    assert len(said) == 1 + SPEC.code.cases and said[1]["case"].startswith("q of shape")
    found, _ = checked(RIGHT.replace("/ math.sqrt(d)", "* math.sqrt(d)"))
    assert found["result"]["misconception"] in SPEC.code.wrong


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        (
            "def attention(q, k, v)\n    return 1",
            "error",
            "SyntaxError: expected ':'\n  line 1: def",
        ),
        ("x = 1\ny = z", "error", "NameError: name 'z' is not defined\n  line 2: y = z"),
        ("raise SystemExit(3)", "error", "SystemExit: 3\n  line 1: raise"),
        (
            "def attend(q, k, v): return v",
            "invalid",
            "Your program defines no function `attention`",
        ),
        ("def attention(q, k, v):\n    return ...", "not_attempted", ""),
        ("def attention(q, k, v):\n    return 1 / 0", "error", "line 2: return 1 / 0"),
    ],
)
def test_a_program_that_cannot_be_judged_says_which_line(source, status, message):
    found, _ = checked(source)
    assert found["result"]["status"] == status
    assert message in found["result"]["message"]


def test_what_the_lines_outside_print_and_replace_stays_outside():
    found, _ = checked("print('hello')\nnp = __import__('numpy')\nnp.exp = np.sin\n" + RIGHT)
    assert found["printed"] == "hello\n"
    assert found["word"] == "Correct" and found["left"] == ""


def test_what_an_answer_leaves_changed_is_named(monkeypatch):
    monkeypatch.setattr(colorsys, "rgb_to_hsv", colorsys.rgb_to_hsv)  # put back at the end
    found, _ = checked("import colorsys\ncolorsys.rgb_to_hsv = print\n" + RIGHT)
    assert found["word"] == "Correct" and found["left"] == "colorsys.rgb_to_hsv"


def test_the_words_for_an_answer_that_is_ended_are_those_of_a_notebook():
    _, said = checked(RIGHT)
    stops = said[0]["stops"]
    limits = page.page_payload(SPEC)["limits"]
    assert limits == {"seconds": 6.0, "memory_mb": 1024}
    assert re.match(r"Stopped after 6 s on \{case\}; the reference needs \d+ ms", stops["timeout"])
    assert stops["memory"] == stopped.OUT_OF_MEMORY.format(memory_mb=1024, case="{case}")
    assert stops["ended"] == stopped.ENDED
    assert stops["words"] == {
        "timeout": "Stopped: out of time",
        "error": "Your code stopped with an error",
    }


def test_every_code_exercise_has_a_payload_for_its_page_and_no_other_has():
    code = [spec for spec in all_specs() if spec.code is not None]
    assert len(code) >= 28
    for spec in code:
        payload = page.page_payload(spec)
        assert f"def {payload['function']}(" in payload["solution"]
        assert f"def {payload['function']}(" in payload["starters"][0]["code"]
    with pytest.raises(ValueError, match=r"06\.a of kind 'match' is not judged as code"):
        page.page_payload(find("06.a"))
    with pytest.raises(ValueError, match=r"06\.a of kind 'match' is not judged as code"):
        page.check("06.a", "", print)


def test_the_modules_that_lead_to_javascript_are_not_found(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    for name in ("js", "pyodide_js", "pyodide", "pyodide.code"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    page.leave_javascript()
    for name in ("js", "pyodide_js", "pyodide.code"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{name.split('.')[0]}'"):
            importlib.import_module(name)
    assert importlib.import_module("json") is json
