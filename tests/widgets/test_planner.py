"""The planner: right orders and cheapest steps are those that brute force finds, in both hosts."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import expect

from course_lib.widgets import Planner
from course_lib.widgets.planner import (
    BRIEFS,
    LOOP,
    STAGES,
    Brief,
    PlanStage,
    PlanStep,
    brief_fields,
    cheapest_step,
    describe_brief,
    describe_plan,
    first_fault,
    serving_gigabytes,
)
from tests.widgets.examples import EXAMPLES

WIDGET = EXAMPLES["planner"]()
DATA = WIDGET.payload
NAMES = [stage.name for stage in STAGES]
ORDERS = list(itertools.permutations(NAMES))[::211]


def test_only_the_told_order_has_no_fault() -> None:
    good = [order for order in itertools.permutations(NAMES) if first_fault(DATA, order) is None]
    assert good == [tuple(NAMES)]
    fault = first_fault(DATA, [NAMES[1], NAMES[0], *NAMES[2:]])
    assert fault is not None and (fault["stage"], fault["needs"]) == (NAMES[1], NAMES[0])
    assert all(stage.why for stage in STAGES if stage.after)


def test_each_brief_has_another_cheapest_step_and_it_is_that_of_brute_force() -> None:
    found = [cheapest_step(brief)["name"] for brief in DATA["briefs"]]
    assert len(set(found)) == len(BRIEFS)
    for brief, name in zip(BRIEFS, found, strict=True):
        for other, step in brief.steps.items():
            cheaper = step.hours < brief.steps[name].hours
            assert other == name or not cheaper or step.score < brief.target
    sizes = {brief["name"]: serving_gigabytes(brief) for brief in DATA["briefs"]}
    assert sizes == {"mails": 14, "minutes": 14, "tickers": 13, "language": 1.5}


def test_the_page_computes_what_python_does(kit: Any) -> None:
    for order in ORDERS:
        assert kit("kit/math/plan.js", "firstFault", DATA, list(order)) == first_fault(DATA, order)
    tied = brief_fields(replace(BRIEFS[0], target=0.0))
    for brief in [*DATA["briefs"], tied]:
        assert kit("kit/math/plan.js", "cheapestStep", brief) == cheapest_step(brief)
        assert kit("planner.js", "describeBrief", brief) == describe_brief(brief)
    assert kit("planner.js", "describePlan", DATA) == describe_plan(DATA)


def test_order_the_stages_by_keyboard(show: Any) -> None:
    page = show(WIDGET)
    check = page.get_by_role("button", name="Check the order")
    said = page.locator(".cw-verdict").first
    check.press("Enter")
    expect(said).to_contain_text("stands before")
    for place, name in enumerate(NAMES):
        box = page.locator(".cw-live ol").first.get_by_label(name, exact=True)
        box.select_option(index=place)
        expect(box).to_be_focused()
        expect(box).to_have_value(str(place))
    check.press("Enter")
    expect(said).to_contain_text("Where does it go back?")
    loop = page.get_by_label("A project goes back when it comes from")
    loop.select_option("deploy")
    check.press("Enter")
    expect(said).to_contain_text("it is not “deploy”")
    loop.select_option(LOOP[0])
    check.press("Enter")
    expect(said).to_contain_text(f"goes back to “{LOOP[1]}”")
    expect(said).to_have_class("cw-verdict correct")


def test_choose_for_each_brief_and_see_what_comes_of_it(show: Any) -> None:
    page = show(WIDGET)
    button = page.get_by_role("button", name="Show what comes of it")
    button.press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("Choose a step for mails first.")
    mine = ["fine-tuning", "fine-tuning", "fine-tuning", "pre-training"]
    for brief, name in zip(BRIEFS, mine, strict=True):
        group = page.get_by_role("group", name=f"First try, for {brief.name}")
        group.get_by_label(name, exact=True).focus()
        page.keyboard.press("Space")
    button.press("Enter")
    texts = page.locator(".cw-verdict").all_inner_texts()
    assert "More than needed: fine-tuning costs 4 GPU-hours." in texts[0]
    assert "Right: fine-tuning." in texts[1]
    assert "Not enough: fine-tuning reaches 0.31, not 0.8." in texts[2]
    assert "Right: pre-training." in texts[3]
    expect(page.locator(".cw-panel").first).to_contain_text("for 2 of 4.")
    for brief in DATA["briefs"]:
        expect(page.locator(".cw-live").get_by_text(describe_brief(brief))).to_be_visible()
    page.get_by_role("button", name="Describe this").click()
    expect(page.locator("p.cw-panel:focus")).to_have_text(describe_plan(DATA))


STEP = {"a prompt": PlanStep(0.5, 0, "So.")}


def brief(**other: Any) -> list[Brief]:
    fields: dict[str, Any] = dict(
        name="b", text="B.", target=0.4, parameters=1e9, bits=16, steps=STEP
    )
    return [Brief(**(fields | other))]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stages": STAGES[:1]}, "stages must be 2 or more"),
        ({"stages": [PlanStage("a"), PlanStage("a")]}, "different names"),
        ({"stages": STAGES[::-1]}, "'monitor' comes after 'deploy'"),
        ({"loop": LOOP[::-1]}, "back to an earlier one"),
        ({"loop": ("evaluate", "nowhere")}, "back to an earlier one"),
        ({"briefs": []}, r"1 or more with different names, got \[\]"),
        ({"briefs": brief() * 2}, "different names"),
        ({"briefs": brief(target=0.6)}, "no step reaches the target of 0.6"),
        ({"briefs": brief(steps={})}, "no step reaches the target"),
        ({"briefs": brief(bits=0)}, "positive parameters and bits"),
        ({"briefs": brief(parameters=float("nan"))}, "positive parameters and bits"),
        ({"briefs": brief(steps={"a": PlanStep(1.5, 0, "")})}, "a score from 0 to 1"),
        ({"briefs": brief(steps={"a": PlanStep(0.5, -1, "")})}, "hours of 0 or more"),
    ],
)
def test_what_cannot_be_planned_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Planner(**given)
