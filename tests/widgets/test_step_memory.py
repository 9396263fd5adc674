"""A step's memory: predict the peaks, walk through the step, in both hosts."""

from typing import Any

import pytest
from playwright.sync_api import expect

from course_lib.widgets import StepMemory
from course_lib.widgets.step_memory import (
    STRETCHES,
    describe_moment,
    describe_step,
    peak_of,
    question_of,
    stretches,
)
from tests.widgets.conftest import texts, type_number
from tests.widgets.examples import EXAMPLES

WIDGET = EXAMPLES["step memory"]()
DATA = WIDGET.payload
LAST = 3 * STRETCHES - 1


def test_stretches_keep_every_peak_and_make_none_up() -> None:
    assert stretches("x", range(1, 9), 4) == [2, 4, 6, 8]
    assert stretches("x", [1, 5, 2, 7, 3], 2) == [5, 7]  # the middle one belongs to both
    assert stretches("x", [1, 3], 4) == [1, 1, 3, 3]
    values = [1 + (7 * i) % 50 for i in range(50)]
    for n in (1, 3, 32, 49):
        assert max(stretches("x", values, n)) == 50 and set(stretches("x", values, n)) <= {*values}


def test_the_page_says_what_python_says(kit: Any) -> None:
    first, second = DATA["stages"]
    assert peak_of(first) == (1, STRETCHES - 1)
    assert peak_of(second) == (1, 10)
    for stage in DATA["stages"]:
        assert tuple(kit("kit/math/moments.js", "peakOf", stage)) == peak_of(stage)
    assert kit("step_memory.js", "stepQuestion", DATA) == question_of(DATA)
    assert kit("step_memory.js", "describeStep", DATA) == describe_step(DATA)
    for stage in (0, 1):
        for moment in (0, 1, 43, STRETCHES, LAST):
            said = kit("step_memory.js", "describeMoment", DATA, stage, moment)
            assert said == describe_moment(DATA, stage, moment)
    assert describe_moment(DATA, 1, LAST).startswith("optimizer, stretch 32 of 32: ZeRO-3 holds")
    assert describe_moment(DATA, 1, STRETCHES + 10).endswith("This is its peak.")
    small = DATA | {"stages": [second | {"floor": 2e6}]}
    assert "2.0 MB less than between steps" in describe_moment(small, 0, 0)


def test_predict_and_walk_by_keyboard(show: Any) -> None:
    page = show(WIDGET)
    live = page.locator(".cw-live")
    page.get_by_label("DDP: the peak is in").select_option("backward")
    page.get_by_label("ZeRO-3: the peak is in").select_option("forward")
    page.get_by_label("Bytes a parameter").fill("16")
    page.get_by_label("Bytes a parameter").press("Enter")
    line = (
        "The peak lies: DDP in backward and ZeRO-3 in backward, where you said forward. You wrote "
        "16.0 bytes a parameter; it is 18.4 under DDP."
    )
    expect(live.locator("p.cw-panel").first).to_have_text(line)
    back, ahead = (page.get_by_role("button", name=name) for name in ("Step back", "Next step"))
    expect(back).to_be_disabled()
    ahead.press("Enter")
    expect(live.get_by_role("status")).to_have_text(describe_moment(DATA, 0, 1))
    back.press("Enter")
    expect(ahead).to_be_focused()
    page.get_by_label("Stage", exact=True).select_option("ZeRO-3")
    page.get_by_role("button", name="To the peak").press("Enter")
    expect(live.get_by_role("status")).to_have_text(describe_moment(DATA, 1, STRETCHES + 10))
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="ZeRO-3"))
    assert texts(row.get_by_role("cell"))[:2] == ["0.0", "9.9"]
    moment = page.get_by_label("Moment of the step, as a number")
    type_number(moment, LAST)
    expect(ahead).to_be_disabled()
    expect(live.get_by_role("status")).to_have_text(describe_moment(DATA, 1, LAST))
    type_number(moment, LAST + 1)
    expect(page.get_by_role("alert")).to_contain_text("a whole number from 0 to 95")
    page.get_by_role("button", name="Describe this").press("Enter")
    expect(live.get_by_text(describe_step(DATA))).to_be_visible()


GOOD: dict[str, Any] = {
    "levels": {0: {"forward": [2.0]}, 1: {"forward": [1.0]}},
    "floors": {0: 1.0, 1: 1.0},
    "n_parameters": 1,
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"levels": {}}, "the same stages of 0 to 3"),
        ({"floors": {0: 1.0}}, "the same stages of 0 to 3"),
        ({"levels": {4: {"forward": [1.0]}}, "floors": {4: 1.0}}, "the same stages of 0 to 3"),
        ({"levels": GOOD["levels"] | {1: {"backward": [1.0]}}}, "the same phases at each stage"),
        ({"levels": {0: {}, 1: {}}}, "the same phases at each stage"),
        ({"levels": GOOD["levels"] | {1: {"forward": []}}}, "must have a level, got none"),
        ({"levels": GOOD["levels"] | {1: {"forward": [0]}}}, "must be positive, got 0.0"),
        ({"floors": {0: -1.0, 1: 1.0}}, r"floors\[0\] must be positive"),
        ({"n_parameters": 0}, "n_parameters must be at least 1, got 0"),
    ],
)
def test_what_is_no_step_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StepMemory(**(GOOD | changed))
