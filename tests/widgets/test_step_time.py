"""Link against arithmetic: predict, turn the settings, in both hosts."""

import itertools
import math
from typing import Any

import pytest
from playwright.sync_api import expect

from course_lib.distributed.memory.accounting import communication_elements
from course_lib.widgets import MemoryCalculator, StepTime
from course_lib.widgets.markup import fixed
from course_lib.widgets.step_time import (
    LINKS,
    describe_time,
    phases_of,
    step_of,
    time_question,
)
from tests.widgets.conftest import texts, type_number

CHOICE = StepTime().payload["choice"]
CHOICES = [
    CHOICE | {"stage": stage, "link": link, "tokens": tokens, "gpus": gpus, "overlap": overlap}
    for stage, link, tokens, gpus, overlap in itertools.product(
        range(4), LINKS, (32, 262_144), (1, 2, 3000), (True, False)
    )
] + [CHOICE | {"parameters": 1.1e9}, CHOICE | {"teraflops": 989.4}]


def test_what_is_sent_and_computed_is_what_the_formulas_say() -> None:
    for choice in CHOICES:
        sums = step_of(choice)
        sent = communication_elements(choice["parameters"], choice["stage"], choice["gpus"])
        assert sums["sending"] == pytest.approx(2 * sent / LINKS[choice["link"]][1])
        operations = 6 * choice["parameters"] * choice["tokens"]
        assert sums["computing"] == pytest.approx(operations / choice["teraflops"] / 1e12)
        assert sums["step"] == pytest.approx(sums["computing"] + sums["waiting"])
        assert choice["overlap"] or sums["waiting"] == sums["sending"]


def test_zero_3_hides_from_operations_over_bytes_tokens_and_zero_1_never_does() -> None:
    many = CHOICE | {"gpus": 10**9}
    for link, (_, rate) in LINKS.items():
        enough = 156e12 / rate
        for stage in (0, 3):
            at = many | {"link": link, "stage": stage}
            assert step_of(at | {"tokens": 1.001 * enough})["waiting"] == 0
            assert step_of(at | {"tokens": 0.999 * enough})["waiting"] > 0
        late = [phases_of(many | {"stage": stage, "tokens": 1e9})[2] for stage in (1, 2)]
        assert all(phase["waiting"] == phase["sending"] > 0 for phase in late)


def test_the_page_says_what_python_says(kit: Any) -> None:
    for choice in CHOICES:
        phases = kit("kit/math/link.js", "phasesOf", choice)
        for found, wanted in zip(phases, phases_of(choice), strict=True):
            assert found.pop("name") == wanted.pop("name")
            assert found == pytest.approx(wanted, rel=1e-12)
        assert kit("kit/math/link.js", "stepOf", choice) == pytest.approx(step_of(choice))
        assert kit("step_time.js", "describeTime", choice) == describe_time(choice)
        assert kit("step_time.js", "timeQuestion", choice) == time_question(choice)


def test_predict_and_turn_by_keyboard(show: Any) -> None:
    widget = StepTime(gpus=8)
    page = show(widget)
    choice = widget.payload["choice"]
    page.get_by_label("Seconds of computing").fill("2.5")
    page.get_by_label("Seconds of sending").fill("3")
    page.get_by_label("Is all of it hidden?").select_option("yes")
    page.get_by_label("Seconds of sending").press("Enter")
    guess = "You predicted 2.5 s of computing, 3 s of sending, and that all of it is hidden. "
    expect(page.locator(".cw-panel:visible").first).to_have_text(guess + describe_time(choice))
    live = page.locator(".cw-live [aria-live]")
    page.get_by_role("slider", name="Tokens on each GPU").focus()
    page.keyboard.press("ArrowRight")
    choice = choice | {"tokens": 16384}
    expect(live).to_have_text(describe_time(choice))
    assert "all of the sending is hidden" in describe_time(choice)
    for label, value, change in (
        ("Link", "nvlink", {"link": "nvlink"}),
        ("GPUs", 64, {"gpus": 64}),
        ("Parameters, billions", 70, {"parameters": 70e9}),
        ("TFLOPS of a GPU", 312, {"teraflops": 312.0}),
    ):
        box = page.get_by_label(label, exact=True)
        box.select_option(value) if label == "Link" else type_number(box, value)
        choice = choice | change
        expect(live).to_have_text(describe_time(choice))
    page.get_by_role("radio", name="ZeRO-1").check()
    page.get_by_label("computing goes on").uncheck()
    choice = choice | {"stage": 1, "overlap": False}
    expect(live).to_have_text(describe_time(choice))
    lines = page.get_by_role("group", name="The phases of a step").locator("tbody tr").all()
    shown = [texts(line.locator("td:not(.bar)")) for line in lines]
    keys = ("computing", "sending", "waiting")
    assert shown == [[fixed(p[key], 3) for key in keys] for p in phases_of(choice)]
    box = page.get_by_label("Tokens on each GPU, 2 to the power of, as a number")
    type_number(box, 19)
    expect(page.locator(".cw-fault:visible")).to_contain_text("a whole number from 5 to 18")
    page.get_by_role("button", name="Describe this").press("Enter")
    expect(page.locator(".cw-live p.cw-panel:focus")).to_have_text(describe_time(choice))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"stage": 4}, "stage"),
        ({"link": "usb"}, "link must be one of nvlink, infiniband, ethernet"),
        ({"tokens": 1000}, "tokens must be a power of 2 from 32 to 262144, got 1000"),
        ({"tokens": 16}, "got 16"),
        ({"gpus": 0}, "gpus must be at least 1, got 0"),
        ({"parameters": 0}, "parameters must be positive, got 0"),
        ({"teraflops": float("nan")}, "teraflops must be finite"),
    ],
)
def test_what_is_no_step_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StepTime(**changed)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("wrong", [None, "8", math.nan, [8]])
@pytest.mark.parametrize(
    ("widget", "name"),
    [
        *((StepTime, one) for one in "gpus tokens overlap parameters teraflops".split()),
        *((MemoryCalculator, one) for one in "gpus width recompute parameters memory".split()),
    ],
)
def test_a_setting_that_is_no_number_is_refused(widget: Any, name: str, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        widget(**{name: wrong})
