"""A query and a key turned by their places: alike in both hosts, and as the model turns them."""

import math
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from course_lib.figures.positions import turning_arrows
from course_lib.widgets import PositionRows
from course_lib.widgets.turned_arrows import SPEED, arrow_picture, describe_arrows, turned_pair

PLACES = [(3, 7), (8, 12), (0, 0), (63, 0), (0, 63), (83, 20)]


def test_both_hosts_turn_alike(kit: Any) -> None:
    for speed in (SPEED, 0):
        for t, s in PLACES:
            found = kit("kit/math/waves.js", "turnedPair", t, s, speed)
            assert found == pytest.approx(turned_pair(t, s, speed)._asdict(), abs=1e-12)
        assert kit("kit/ui/arrows.js", "arrowPicture", PLACES, speed) == arrow_picture(
            PLACES, speed
        )
    for t, s in PLACES:
        assert kit("kit/ui/arrows.js", "describeArrows", t, s, 5) == describe_arrows(t, s, 5)


def test_the_angle_is_that_of_the_model_and_follows_the_distance() -> None:
    query, key = torch.tensor([0.3, 0.9]), torch.tensor([1.0, 0.0])
    figure = turning_arrows(query, key, PLACES, speed=SPEED)
    for (t, s), row in zip(PLACES, figure.table[1:], strict=True):
        pair = turned_pair(t, s)
        assert abs(math.degrees(pair.between)) == pytest.approx(float(row[3]), abs=0.06)
        assert abs(pair.between) <= math.pi and 0 <= pair.key < 2 * math.pi
        assert pair.between == pytest.approx(turned_pair(t + 11, s + 11).between)
    assert turned_pair(3, 7).between != pytest.approx(turned_pair(3, 6).between, abs=0.1)


def test_the_sliders_turn_the_arrows(show: Any) -> None:
    page = show(PositionRows())
    page.get_by_role("button", name="Just show me").press("Enter")
    picture = page.locator(".cw-live .cw-arrows")
    table = page.get_by_role("group", name="A query and a key, turned")

    def angles() -> list[str]:
        return [cells.split("\t")[-1] for cells in table.locator("tbody tr").all_inner_texts()]

    assert angles() == ["140°", "140°"]
    page.get_by_role("slider", name="First position").press("ArrowRight")
    assert angles() == ["123°", "123°"]
    assert re.findall(r">(\d+ and \d+: \d+°)<", picture.inner_html()) == [
        "7 and 4: 123°",
        "12 and 9: 123°",
    ]
    page.get_by_role("slider", name="Shift").press("ArrowRight")
    assert angles() == ["123°", "123°"]
    expect(table.locator("tbody th").last).to_have_text("13 and 10 (moved)")
    page.get_by_label("no positions").check()
    assert angles() == ["72°", "72°"]


def test_nothing_is_drawn_outside_on_a_desktop_and_a_phone(show: Any) -> None:
    for width in (1280, 390):
        page = show(PositionRows(), width=width)
        page.get_by_role("button", name="Just show me").press("Enter")
        outside = page.locator(".cw-live .cw-arrows").evaluate(
            """(svg) => [...svg.querySelectorAll("*")].filter((node) => {
                const [box, one] = [svg, node].map((each) => each.getBoundingClientRect());
                return one.left < box.left - 1 || one.right > box.right + 1
                    || one.top < box.top - 1 || one.bottom > box.bottom + 1;
            }).length"""
        )
        assert outside == 0
