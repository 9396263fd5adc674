"""The editor of a code exercise: keys, what is kept, what it says where Python cannot start."""

import json

import pytest
from playwright.sync_api import expect

from course_lib.widgets import CodeExercise, Quiz
from tests.widgets.payloads import CODE

KEY = "transformers-course:program:1:06.c"


@pytest.fixture
def opened(show):
    page = show(CodeExercise(CODE, "1"))
    return page, page.locator(".cw-live").get_by_role("textbox")


def test_it_shows_the_program_to_begin_with_and_where_it_can_be_checked(opened):
    page, box = opened
    assert "..." in box.input_value()
    assert box.input_value() == CODE["starters"][0]["code"]
    expect(page.locator(".cw-live .cw-needs")).to_contain_text("opened as a file")
    assert page.get_by_role("button", name="Run the check").count() == 0
    fixed = CodeExercise(CODE, "1").static_html
    assert "return ..." in fixed and "Without JavaScript" in fixed and "np.tril" in fixed


def test_tab_indents_and_after_escape_it_leaves(opened):
    page, box = opened
    box.fill("def f():\nreturn 1")
    box.press("Tab")
    assert box.input_value() == "def f():\nreturn 1    "
    box.evaluate("node => node.setSelectionRange(10, 12)")
    box.press("Shift+Tab")
    assert box.input_value() == "def f():\nreturn 1    "
    box.evaluate("node => node.setSelectionRange(0, node.value.length)")
    box.press("Tab")
    assert box.input_value() == "    def f():\n    return 1    "
    box.press("Shift+Tab")
    assert box.input_value() == "def f():\nreturn 1    "
    box.press("Escape")
    box.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    box.focus()
    box.press("Escape")
    box.press("Shift+Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_enter_keeps_the_indent_and_a_colon_makes_it_deeper(opened):
    page, box = opened
    box.fill("    for x in y:")
    box.press("Enter")
    box.press_sequentially("pass")
    box.press("Enter")
    assert box.input_value() == "    for x in y:\n        pass\n        "
    box.press("Control+z")
    assert box.input_value() != "    for x in y:\n        pass\n        "


def test_the_program_is_kept_and_the_beginning_comes_back(opened):
    page, box = opened
    box.fill("def attention(q, k, v): return v")
    assert json.loads(page.evaluate(f"localStorage['{KEY}']"))["text"] == box.input_value()
    page.reload()
    expect(box).to_have_value("def attention(q, k, v): return v")
    page.get_by_label("Begin with").select_option("only the docstring")
    assert box.input_value() == CODE["starters"][2]["code"]
    assert page.evaluate(f"localStorage['{KEY}']") is None
    page.get_by_role("button", name="Bring my program back").click()
    assert box.input_value() == "def attention(q, k, v): return v"
    page.get_by_role("button", name="Start over").click()
    assert box.input_value() == CODE["starters"][2]["code"]


def test_a_kept_text_of_another_form_does_not_stop_the_page(opened):
    page, box = opened
    page.evaluate(f"localStorage['{KEY}'] = '[damaged'")
    page.reload()
    assert box.input_value() == CODE["starters"][0]["code"]


def test_a_solution_is_shown_and_noted(opened):
    page, _ = opened
    page.get_by_role("button", name="Show a solution").click()
    expect(page.locator(".cw-panel pre")).to_contain_text("np.tril")
    kept = json.loads(page.evaluate("localStorage['transformers-course:progress:1']"))
    assert kept["records"]["06.c"]["revealed"] is True


def test_what_is_no_code_exercise_is_refused():
    with pytest.raises(ValueError, match="page_payload has no field 'solution'"):
        CodeExercise({name: value for name, value in CODE.items() if name != "solution"}, "1")
    with pytest.raises(ValueError, match="kind must be one of .*got 'code'"):
        Quiz(CODE)
