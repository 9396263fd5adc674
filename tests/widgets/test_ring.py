"""The ring of an all-reduce: the same drawing in both hosts, an arc for each slot on its way."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from course_lib.widgets.all_reduce_stepper import AllReduceStepper, ring_picture, ring_states


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_every_state_is_drawn_alike(kit: Any, n: int) -> None:
    rows = [[float(r + c) for c in range(n)] for r in range(n)]
    states = ring_states(rows)
    for state in states:
        drawn = ring_picture(state)
        assert kit("kit/ui/ring.js", "ringPicture", state) == drawn
        slots = [int(slot) - 1 for slot in re.findall(r">slot (\d+)<", drawn)]
        assert slots == [slot for _, _, slot in state["sent"]]
        done = re.findall(r">(\d+) of \d+<", drawn)
        assert done == [str(row.count(n)) for row in state["held"]]
    assert "slot" not in ring_picture(states[0])


def test_nothing_is_drawn_outside_on_a_desktop_and_a_phone(show: Any) -> None:
    for width in (1280, 390):
        page = show(AllReduceStepper(), width=width)
        page.get_by_role("button", name="Just show me").press("Enter")
        page.get_by_role("button", name="Next step").press("Enter")
        picture = page.locator(".cw-live svg")
        expect(picture.locator("text", has_text="slot")).to_have_count(4)
        outside = picture.evaluate(
            """(svg) => [...svg.querySelectorAll("*")].filter((node) => {
                const [box, one] = [svg, node].map((each) => each.getBoundingClientRect());
                return one.top < box.top || one.bottom > box.bottom || one.left < box.left
                    || one.right > box.right;
            }).map((node) => node.outerHTML)"""
        )
        assert outside == []
