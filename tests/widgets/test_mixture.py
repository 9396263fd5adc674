"""The mixture trade-off: ten boxes, what was measured, then a published mixture, in both hosts."""

from typing import Any

import pytest
from playwright.sync_api import expect

from course_lib.widgets import MixtureTradeOff
from course_lib.widgets.mixture import best_share, describe_mixtures, question_of
from tests.widgets.conftest import texts
from tests.widgets.examples import EXAMPLES

WIDGET = EXAMPLES["mixture"]()
DATA = WIDGET.payload


def test_the_page_says_what_python_says(kit: Any) -> None:
    assert best_share(DATA) == 1  # 0.555 and 0.8; 0.75 and 0.62 are more together
    turned = DATA | {"domains": DATA["domains"][::-1]}
    falling = DATA | {"domains": [d | {"mean": d["mean"][::-1]} for d in DATA["domains"]]}
    for data in (DATA, turned, falling):
        assert kit("kit/math/mixture.js", "bestShare", data) == best_share(data)
        assert kit("mixture.js", "describeMixtures", data) == describe_mixtures(data)
        assert kit("mixture.js", "questionOf", data) == question_of(data)
    assert kit("kit/math/mixture.js", "gapOf", [1, 2], [2, 4]) == 1.5
    assert "A model has 51.3 % of finance" in describe_mixtures(DATA)


def test_predict_see_and_choose_by_keyboard(show: Any) -> None:
    page = show(WIDGET)
    boxes = page.get_by_role("textbox")
    expect(boxes).to_have_count(2 * len(DATA["shares"]))
    commit = page.get_by_role("button", name="Commit my prediction").first
    for wrong, said in [
        ("", "Type a number first: 0 % away: loss on home"),
        ("-1", "It cannot be less than 0: you wrote “-1”."),
        ("1e9", "It cannot be more than 100"),
        ("1\n2 3", "is not a number I can read"),
    ]:
        boxes.first.fill(wrong)
        commit.press("Enter")
        expect(page.locator(".cw-verdict").first).to_contain_text(said)
        expect(boxes.first).to_be_focused()
    for box in boxes.all():
        box.fill("1,5")
    boxes.last.press("Enter")
    gaps = [sum(abs(1.5 - mean) for mean in d["mean"]) / len(d["mean"]) for d in DATA["domains"]]
    line = f"off by {gaps[0]:.2f} nats on home and {gaps[1]:.2f} nats on away, in the mean."
    expect(page.locator(".cw-live p.cw-panel")).to_contain_text(line)
    table = page.get_by_role("group", name=DATA["title"], exact=True).get_by_role("table")
    row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="30 %"))
    shown = texts(row.get_by_role("cell"))
    assert shown == ["1.500", "0.555 (0.550 to 0.560)", "1.500", "0.800 (0.700 to 0.900)"]
    expect(page.locator(".cw-live").get_by_text("345.4")).to_have_count(0)
    page.get_by_label("Share of away").select_option(index=3)
    page.get_by_role("button", name="Commit my prediction").press("Enter")
    expect(page.locator(".cw-live p.cw-panel").last).to_have_text(
        "At 60 % the two losses are 0.750 and 0.620."
    )
    expect(page.locator(".cw-live p", has_text=describe_mixtures(DATA))).to_be_visible()
    own = page.get_by_role("group", name="A model").get_by_role("cell")
    assert texts(own) == ["345.4", "48.7 %", "363.5", "51.3 %"]


def test_a_drawing_keeps_inside_whatever_is_predicted(show: Any) -> None:
    page = show(WIDGET)
    for box, text in zip(page.get_by_role("textbox").all(), ["0", "100"] * 4, strict=True):
        box.fill(text)
    page.get_by_role("button", name="Commit my prediction").first.press("Enter")
    outside = page.locator(".cw-live svg").evaluate(
        """(svg) => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll("*")].filter((node) => {
                const one = node.getBoundingClientRect();
                return one.top < box.top - 1 || one.bottom > box.bottom + 1
                    || one.left < box.left - 1 || one.right > box.right + 1;
            }).map((node) => node.outerHTML);
        }"""
    )
    assert outside == []


GOOD: dict[str, Any] = {
    "shares": [0, 0.5, 1],
    "losses": {"a": [[1.0], [2.0], [3.0]], "b": [[3.0], [2.0], [1.0]]},
    "own": {"x": 1, "y": 1},
    "owner": "M",
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shares": [0, 1]}, "shares must be 3 to 7 numbers"),
        ({"shares": [0, 1, 0.5]}, "that rise from 0 to 1"),
        ({"shares": [0, 0.5, 2]}, "that rise from 0 to 1"),
        ({"losses": {"a": [[1.0]] * 3}}, "must name two parts each"),
        ({"losses": GOOD["losses"] | {"b": [[1.0]] * 2}}, r"losses\['b'\] must have 3 shares"),
        ({"losses": GOOD["losses"] | {"b": [[-1.0]] * 3}}, "must not be negative, got -1.0"),
        ({"own": {"x": 1}}, "must name two parts each"),
        ({"own": {"x": 1, "y": 0}}, "own must hold positive tokens"),
    ],
)
def test_what_is_no_mixture_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureTradeOff(**(GOOD | changed))
