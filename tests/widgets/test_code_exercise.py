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


LINES = """(box) => {
    const look = getComputedStyle(box);
    const edges = ["paddingTop", "paddingBottom"].map((side) => parseFloat(look[side]));
    return [
        Math.round((box.scrollHeight - edges[0] - edges[1]) / parseFloat(look.lineHeight)),
        box.scrollHeight - box.clientHeight,
        box.scrollWidth > box.clientWidth,
    ];
}"""


@pytest.mark.parametrize(("width", "narrow"), [(320, True), (390, True), (1280, False)])
def test_a_program_is_in_sight_from_its_first_line_to_its_last(show, width, narrow):
    """A narrow page has no place to set the rest of a line in: there each line stays one."""
    page = show(CodeExercise(CODE, "1"), width=width)
    box = page.locator(".cw-live").get_by_role("textbox")
    lines = len(box.input_value().split("\n"))
    seen, hidden, sideways = box.evaluate(LINES)
    assert hidden <= 0 and sideways is narrow
    assert seen >= lines if not narrow else seen == lines
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box.fill("def f():\n" + "    x = 1\n" * 20 + f"    return [{'1, ' * 30}]")
    seen, hidden, sideways = box.evaluate(LINES)
    assert hidden <= 0 and sideways is narrow
    if narrow:  # the cursor takes the box along
        edge = box.evaluate("(node) => parseFloat(getComputedStyle(node).paddingLeft)")
        box.press("Control+Home")
        page.wait_for_function("(edge) => document.activeElement.scrollLeft <= edge", arg=edge)
        box.press("Control+End")
        page.wait_for_function("(edge) => document.activeElement.scrollLeft > edge", arg=edge)


def test_a_program_that_is_shown_keeps_its_nesting_on_a_phone(show):
    """The rest of a line begins where no statement does."""
    page = show(CodeExercise(CODE, "1"), width=390)
    page.get_by_role("button", name="Show a solution").click()
    starts = page.locator(".cw-live pre").first.evaluate(
        """(pre) => {
            const edge = pre.getBoundingClientRect().left + parseFloat(getComputedStyle(pre)
                .paddingLeft) + pre.clientLeft, range = document.createRange(), found = [];
            const text = pre.firstChild.firstChild;
            let row = null, begins = true, letter = 0;
            [...text.data].forEach((sign, at) => {
                if (sign === "\\n") begins = true;
                if (/\\s/.test(sign)) return;
                range.setStart(text, at);
                range.setEnd(text, at + 1);
                const { left, top, width } = range.getBoundingClientRect();
                letter ||= width;
                if (top > row + 4) found.push([begins, Math.round((left - edge) / letter)]);
                row = top;
                begins = false;
            });
            return found;
        }"""
    )
    assert {column for begins, column in starts if begins} == {0, 4}
    assert {column for begins, column in starts if not begins} == {10}
