"""The calculator and the sampler: gates, numbers, messages, and what each input may change."""

import pytest
import torch
from playwright.sync_api import Page, expect

from course_lib.generation.chain import probabilities
from course_lib.generation.processors import temperature, top_k, top_p
from course_lib.widgets import AttentionCalculator, Sampler
from course_lib.widgets.attention_calculator import attention_stages
from course_lib.widgets.draws import draw_counts
from course_lib.widgets.markup import fixed, percent
from tests.widgets.examples import EXAMPLES, VOCABULARY

STAGES = ("score", "scaled", "masked", "weight", "output")


def tables(page: Page) -> dict[str, list[str]]:
    """What each open stage shows."""
    return {
        name: page.locator(f"[data-cell^={name}-]").all_inner_texts()
        for name in STAGES
        if page.locator(f"[data-cell^={name}-]").count()
    }


def expected(widget, **changes):
    inputs = {"q": widget.q, "k": widget.k, "v": widget.v, "causal": True, "scaled": True}
    stages = attention_stages(**(inputs | changes))
    return {
        name: [fixed(x) if x > -1e300 else "−∞" for row in rows for x in row]
        for name, rows in stages.items()
    }


def say(page: Page) -> str:
    return page.locator(".cw-live [aria-live]").inner_text()


def test_five_blanks_by_keyboard(show):
    page = show(EXAMPLES["attention calculator"]())
    assert tables(page) == {}
    answers = {"score": "5", "scaled": "3,54", "weight": "0.85", "output": "0.15"}
    for n, name in enumerate(STAGES, 1):
        if name == "masked":
            page.locator("form select").focus()
            for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Tab"):
                page.keyboard.press(key)
        else:
            page.locator("form input").focus()
            page.keyboard.type(answers[name])
        page.keyboard.press("Enter")
        assert list(tables(page)) == list(STAGES[:n])
        focused = page.evaluate("document.activeElement.dataset.cell")
        assert focused.startswith(name)
    assert say(page) == (
        "output of “are”, number 1: 0.05 · 1 + 0.85 · 0 + 0.10 · 1 + 0.00 · 2 = 0.15"
    )


@pytest.mark.parametrize(
    ("stage", "answer", "message"),
    [
        (0, "0", "other way round"),
        (0, "6", "Multiply number by number"),
        (0, "4", "only the first product"),
        (0, "9", "Not this number"),
        (0, "x", "not a number"),
        (0, "", "Type a number first"),
        (1, "2.5", "square root"),
        (1, "5", "before scaling"),
        (3, "34.3", "divide by the sum of the row"),
        (3, "0.25", "Equal shares"),
        (4, "1", "own value"),
    ],
)
def test_wrong_numbers_have_their_own_message(show, stage, answer, message):
    page = show(EXAMPLES["attention calculator"]())
    for _ in range(stage):
        page.get_by_role("button", name="Just show me").click()
    page.locator("form input").fill(answer)
    page.get_by_role("button", name="Check").click()
    assert message in say(page)
    assert len(tables(page)) == stage


def test_each_input_moves_its_part_and_no_other(show):
    widget = AttentionCalculator()
    page = show(widget)
    page.get_by_role("button", name="Show all stages").click()
    before = tables(page)
    assert before == expected(widget)
    page.get_by_label("value of 2, number 1").fill("7")
    v = [list(row) for row in widget.v]
    v[1][0] = 7.0
    after = tables(page)
    assert after == expected(widget, v=v)
    assert [name for name in STAGES if after[name] != before[name]] == ["output"]
    page.get_by_label("value of 2, number 1").fill("0")
    page.get_by_label("query of 3, number 2").fill("-2")
    q = [list(row) for row in widget.q]
    q[2][1] = -2.0
    after = tables(page)
    assert after == expected(widget, q=q)
    rows = {i // 4 for i in range(16) if after["score"][i] != before["score"][i]}
    assert rows == {2}
    page.get_by_label("query of 3, number 2").fill("1")
    page.get_by_label("hide later words").uncheck()
    after = tables(page)
    assert after == expected(widget, causal=False)
    assert [name for name in STAGES if after[name] == before[name]] == ["score", "scaled"]
    page.get_by_label("hide later words").check()
    page.get_by_label("divide by the root").uncheck()
    after = tables(page)
    assert after == expected(widget, scaled=False)
    assert after["score"] == before["score"] and after["scaled"] == before["score"]
    page.get_by_label("key of 1, number 1").fill("")
    assert page.get_by_label("key of 1, number 1").get_attribute("aria-invalid") == "true"
    assert tables(page) == after


def test_arithmetic_of_a_focused_cell(show):
    page = show(AttentionCalculator(labels=["the", "keys", "are", "lost"]))
    page.get_by_role("button", name="Show all stages").click()
    for cell, text in {
        "score-1-3": "query “keys”, key “lost”: 0 · 1 + 1 · 2 = 2",
        "scaled-1-3": "query “keys”, key “lost”: 2 ÷ √2 = 1.41",
        "masked-1-3": "“lost” comes after “keys”, so the score becomes −∞",
        "weight-1-0": "exp(0.71) ÷ (exp(0.71) + exp(0.71)) = 0.50",
        "weight-1-3": "exp(−∞) = 0, so the weight is 0",
    }.items():
        page.locator(f"[data-cell={cell}]").press("Enter")
        assert text in say(page)
    page.get_by_role("button", name="Describe this").click()
    panel = page.locator("p.cw-panel:visible").inner_text()
    assert panel in repr(AttentionCalculator(labels=["the", "keys", "are", "lost"]))


def final_column(page: Page) -> list[str]:
    return [
        row.locator("td").nth(3).inner_text() for row in page.locator(".cw-bars tbody tr").all()
    ]


def chances(widget: Sampler, steps, prompt=0) -> torch.Tensor:
    logits = torch.tensor([widget.payload["prompts"][prompt]["logits"]], dtype=torch.float64)
    return probabilities(logits, steps)[0]


def as_shown(widget: Sampler, values: torch.Tensor, prompt=0) -> list[str]:
    order = widget.payload["prompts"][prompt]["order"]
    return [percent(float(values[i])) if values[i] > 0 else "dropped" for i in order[:12]]


def test_sampler_asks_first_and_shows_the_prediction(show):
    widget = EXAMPLES["sampler"]()
    page = show(widget)
    assert not page.get_by_role("slider").first.is_visible()
    page.get_by_role("button", name="Commit my prediction").click()
    assert "Type a number" in page.locator(".cw-verdict").inner_text()
    page.get_by_label("Chance of").fill("50 %")
    page.get_by_label("Tokens that top-p").fill("3")
    page.get_by_label("Tokens that top-p").press("Enter")
    values = chances(widget, [temperature(0.5), top_p(0.9)])
    hot = chances(widget, [temperature(0.5)])
    text = page.locator(".cw-panel:visible").first.inner_text()
    assert "You predicted 50 %." in text and "You predicted 3 tokens." in text
    assert f"has {percent(float(hot.max()))};" in text
    assert f"keeps {int((values > 0).sum())} of {len(VOCABULARY)} tokens" in text
    assert final_column(page) == as_shown(widget, values)
    page.get_by_role("button", name="Describe this").click()
    assert repr(widget).split("tokens stay. ")[1] in page.locator("p.cw-panel:visible").inner_text()


def test_sampler_controls_equal_the_library(show):
    widget = EXAMPLES["sampler"]()
    page = show(widget)
    page.get_by_role("button", name="Just show me").click()
    heat = page.get_by_role("spinbutton", name="Temperature")
    nucleus = page.get_by_role("spinbutton", name="Top-p")
    heat.fill("1.5")
    assert final_column(page) == as_shown(widget, chances(widget, [temperature(1.5), top_p(0.9)]))
    nucleus.fill("0.6")
    first = chances(widget, [temperature(1.5), top_p(0.6)])
    assert final_column(page) == as_shown(widget, first)
    page.get_by_label("temperature last").check()
    last = chances(widget, [top_p(0.6), temperature(1.5)])
    assert final_column(page) == as_shown(widget, last)
    assert int((first > 0).sum()) > int((last > 0).sum())
    page.get_by_role("spinbutton", name="Top-k").fill("2")
    assert page.get_by_label("use top-k").is_checked()
    assert final_column(page) == as_shown(
        widget, chances(widget, [top_k(2), top_p(0.6), temperature(1.5)])
    )
    page.get_by_label("use top-k").uncheck()
    assert final_column(page) == as_shown(widget, last)
    page.get_by_label("Prompt").select_option("She looked at the")
    other = chances(widget, [top_p(0.6), temperature(1.5)], 1)
    assert final_column(page) == as_shown(widget, other, 1)


def test_sampler_slider_by_keyboard_speaks_words(show):
    widget = EXAMPLES["sampler"]()
    page = show(widget)
    page.get_by_role("button", name="Just show me").press("Enter")
    slider = page.get_by_role("slider", name="Temperature")
    assert slider.evaluate("(node) => node === document.activeElement")
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "temperature 0.45, sharper than the model"
    assert page.get_by_role("spinbutton", name="Temperature").input_value() == "0.45"
    status = page.locator(".cw-live [aria-live]")
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text(repr(widget).split("top-p 0.9, ")[1])


def test_sampler_draws_what_the_library_draws(show):
    widget = EXAMPLES["sampler"]()
    page = show(widget)
    page.get_by_role("button", name="Just show me").click()
    page.get_by_role("spinbutton", name="Temperature").fill("2")
    page.get_by_role("spinbutton", name="Top-p").fill("1")
    page.get_by_role("spinbutton", name="Seed").fill("7")
    page.get_by_role("button", name="Draw 100", exact=True).press("Enter")
    values = chances(widget, [temperature(2)]).tolist()
    order = widget.payload["prompts"][0]["order"]

    def drawn() -> list[str]:
        rows = page.locator(".cw-bars tbody tr").all()
        return [row.locator("td").nth(4).inner_text() for row in rows]

    assert drawn() == [str(draw_counts(values, 100, 7)[i]) for i in order[:12]]
    page.get_by_role("button", name="Draw 1", exact=True).click()
    assert drawn() == [str(draw_counts(values, 101, 7)[i]) for i in order[:12]]
    page.get_by_role("button", name=f"Show 24 more of {len(VOCABULARY)} tokens").click()
    assert drawn() == [str(draw_counts(values, 101, 7)[i]) for i in order]
    page.get_by_role("button", name="Start again").click()
    assert set(drawn()) == {"–"}


WRITES = """async (value) => {
    let writes = 0;
    const watching = new MutationObserver((list) => (writes += list.length));
    const all = { subtree: true, childList: true, characterData: true, attributes: true };
    watching.observe(document.querySelector("table.cw-bars"), all);
    const slider = document.querySelector("input[type=range]");
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    watching.disconnect();
    return writes;
}"""


def test_a_moved_slider_writes_the_rows_in_view_first(show):
    n = 1024
    logits = (3 * torch.randn(n, generator=torch.Generator().manual_seed(0))).tolist()
    widget = Sampler({"many": {"tokens": [f"t{i}" for i in range(n)], "logits": logits}})
    page = show(widget)
    page.get_by_role("button", name="Just show me").click()
    page.get_by_role("spinbutton", name="Top-p").fill("1")
    more = page.get_by_role("button", name=f"more of {n} tokens")
    while more.count():
        more.click()
    rows = page.locator(".cw-bars tbody tr")
    assert rows.count() == n
    page.locator(".cw-bars tbody").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.cw-bars').scrollIntoView()")
    at_once = page.evaluate(WRITES, 2)
    assert 20 < at_once < n
    values = chances(widget, [temperature(2)])
    shown = [percent(float(values[i])) for i in widget.payload["prompts"][0]["order"]]
    last = """() => [...document.querySelectorAll(".cw-bars tbody tr")].map(
        (row) => row.cells[4].textContent,
    )"""
    assert page.evaluate(last)[:20] == shown[:20]
    page.wait_for_function(f"(wanted) => String(({last})()) === String(wanted)", arg=shown)
    assert page.evaluate(WRITES, 2) == 0
