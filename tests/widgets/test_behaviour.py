"""Each control does what it says, and each widget can be used with the keyboard alone."""

import json

import pytest
from playwright.sync_api import Page, expect

from course_lib.exercises.progress import records
from course_lib.widgets import ProgressPanel, Quiz
from course_lib.widgets.attention_map import describe_look, weights_of
from course_lib.widgets.markup import percent
from tests.widgets.conftest import texts
from tests.widgets.examples import EXAMPLES
from tests.widgets.payloads import ALL

KEY = "transformers-course:progress:1"


def tab_to(page: Page, locator, limit=80):
    """Press Tab until the element has the focus."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if locator.evaluate("(node) => node === document.activeElement"):
            return
    raise AssertionError(f"{locator} cannot be reached by Tab")


def said(page: Page) -> str:
    return page.locator(".cw-live [aria-live]").inner_text()


def described(page: Page) -> str:
    page.get_by_role("button", name="Describe this").click()
    panel = page.locator(".cw-live p.cw-panel:visible")
    assert panel.evaluate("(node) => node === document.activeElement")
    return panel.inner_text()


def test_matrix_reads_a_row_by_keyboard(show):
    widget = EXAMPLES["matrix"]()
    page = show(widget)
    tab_to(page, page.get_by_role("button", name="keys"))
    page.keyboard.press("Enter")
    assert said(page) == "Row “keys”: 0.50 at “keys” and 0.13 at “are”; 1 more."
    page.keyboard.press("Space")
    assert said(page) == ""
    sentence = described(page)
    assert sentence == repr(widget).removeprefix("Matrix: Weights. ")
    cells = page.locator(".cw-live td").all_inner_texts()
    assert cells == ["1.00", "0.25", "−0.50", "−∞", "0.50", "0.13", "0.10", "0.20", "0.70"]
    assert max(cells[0:1] + cells[4:]) in sentence and "Hidden values: 1." in sentence


def test_bars_show_all_by_keyboard(show):
    widget = EXAMPLES["bars"]()
    page = show(widget)
    rows = page.locator(".cw-live tbody tr")
    assert rows.count() == 5
    more = page.get_by_role("button", name="Show all 20")
    tab_to(page, more)
    page.keyboard.press("Enter")
    assert rows.count() == 20
    assert rows.nth(0).locator("td").all_inner_texts()[:2] == ["50 %", "under 0.1 %"]
    assert described(page) == repr(widget).removeprefix("Bars: Next word. ")


def test_choice_by_keyboard_with_progress(show):
    page = show(Quiz(ALL[0]))
    radios = page.get_by_role("radio")
    tab_to(page, radios.first)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("Not yet.")
    assert said(page) == "Not yet. That is the softmax."
    hint = page.get_by_role("button", name="Hint (2)")
    tab_to(page, hint)
    page.keyboard.press("Enter")
    assert said(page) == "Hint 1: Look at the rows."
    radios.first.focus()
    page.keyboard.press("Space")
    expect(page.locator(".cw-verdict.stale")).to_contain_text("Your earlier answer: Not yet.")
    page.keyboard.press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("Correct.")
    expect(page.locator(".cw-live .cw-panel", has_text="A row is a share of one.")).to_be_visible()
    store = json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))
    record = records.check_records(store["records"])["06.a"]
    kept = {key: record[key] for key in ("v", "status", "attempts", "first_ok", "hints")}
    assert kept == {"v": 1, "status": "correct", "attempts": 2, "first_ok": False, "hints": 1}
    page.reload()
    expect(page.get_by_text("Solved before.")).to_be_visible()


def test_many_choices_number_and_match(show):
    page = show(Quiz(ALL[1]), Quiz(ALL[2]), Quiz(ALL[3]))
    forms = page.locator("form")
    for box in ("How one word", "How likely"):
        forms.nth(0).get_by_text(box).click()
    forms.nth(0).get_by_role("button", name="Check").click()
    verdict = forms.nth(0).locator(".cw-verdict")
    expect(verdict).to_contain_text(
        "Chosen, but it does not belong: How likely the next word is: That is the softmax."
    )
    expect(verdict).to_contain_text("Options that belong and are left out: 1.")
    expect(verdict).not_to_contain_text("Where the query looks")
    box = forms.nth(1).get_by_role("textbox", name="How much memory?")
    for text, answer in [
        ("", "Type a number."),
        ("14", "State the unit too. Use one of: bytes, GB, MB, GiB."),
        ("28 GB", "Two bytes, not four."),
        ("14 GB", "Two bytes for each of 7 billion."),
    ]:
        box.fill(text)
        box.press("Enter")
        expect(forms.nth(1).locator(".cw-verdict")).to_contain_text(answer)
    for label, value in (("asks", "query"), ("offers", "value"), ("is passed on", "value")):
        forms.nth(2).get_by_label(label, exact=True).select_option(label=value)
    forms.nth(2).get_by_role("button", name="Check").click()
    expect(forms.nth(2).locator(".cw-verdict")).to_contain_text("offers: The value is passed on.")


def test_order_by_keyboard(show):
    page = show(Quiz(ALL[4]))
    places = page.get_by_label("Place of:")
    expect(places.locator("visible=true")).to_have_count(0)
    for line in ("mix the values", "normalise the scores", "score every pair"):
        page.get_by_role("checkbox", name=line).press("Space")
    assert said(page) == "score every pair: place 3 of 3."
    shown = page.locator(".cw-order li")
    assert [text.split("\n")[0] for text in texts(shown)] == ["1.", "2.", "3.", "–"]
    expect(places.locator("visible=true")).to_have_count(3)
    assert texts(page.get_by_label("Place of: mix").locator("option")) == ["1", "2", "3"]
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("Score first.")
    page.get_by_label("Place of: score every pair").select_option("1")
    assert said(page) == "score every pair: place 1 of 3."
    down = page.get_by_role("button", name="Move down: mix the values")
    down.press("Enter")
    assert said(page) == "mix the values: place 3 of 3."
    expect(down).to_be_focused()
    page.get_by_role("checkbox", name="mix the values").press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("Score, normalise, mix.")
    page.get_by_role("checkbox", name="normalise the scores").press("Space")
    expect(shown.nth(2)).to_contain_text("–")


def test_prediction_shows_what_was_predicted(show):
    page = show(Quiz(ALL[5]))
    page.get_by_role("textbox").fill("<b>50</b> %")
    page.get_by_role("radio").nth(0).check()
    page.get_by_role("button", name="Commit my prediction").click()
    assert not page.locator(
        ".cw-live .cw-panel", has_text="The trained head gives 61 %."
    ).is_visible()
    page.get_by_role("textbox").fill("50 %")
    page.get_by_role("button", name="Commit my prediction").click()
    expect(page.get_by_text("You predicted: 50 %")).to_be_visible()
    expect(
        page.locator(".cw-live .cw-panel", has_text="The trained head gives 61 %.")
    ).to_be_visible()


def test_the_answer_of_each_part_is_led_by_its_question(show):
    page = show(Quiz(ALL[5]))
    page.get_by_role("button", name="Just show me").click()
    panel = page.locator(".cw-live .cw-panel").last
    expect(panel).to_contain_text("How much memory? 61 %")
    expect(panel).to_contain_text(
        "What does a row of the map mean? How one word shares its attention"
    )
    assert "How much memory?</strong> 61 %" in Quiz(ALL[5]).static_html


def test_answer_can_be_shown(show):
    page = show(Quiz(ALL[4]))
    page.get_by_role("button", name="Show the answer").click()
    lines = page.locator(".cw-panel ol li").all_inner_texts()
    assert lines == ["score every pair", "normalise the scores", "mix the values"]
    store = json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))
    assert store["records"]["06.a4"]["revealed"] is True


def test_progress_goes_out_in_and_away(show):
    page = show(EXAMPLES["progress panel"](), Quiz(ALL[0]))
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Check").click()
    row = page.locator(".cw-live tbody tr").first
    expect(row).to_contain_text("1 of 2 solved")
    page.get_by_role("button", name="Show my progress as text").click()
    text = page.get_by_role("textbox", name="Progress as text").input_value()
    assert records.from_text(text)["06.a"]["status"] == "correct"
    bring = page.get_by_role("button", name="Bring my progress")
    box = page.get_by_role("textbox", name="Progress as text")
    status = page.locator("[aria-live]").first
    box.fill("tc1:nonsense")
    bring.click()
    expect(status).to_contain_text("Nothing was changed: it is damaged or cut short")
    more = records.new_record(1, 5) | {"status": "incorrect", "attempts": 1, "first_ok": False}
    box.fill(records.to_text({"06.d": more, "11.a": more}))
    bring.click()
    expect(status).to_contain_text("2 records taken in.")
    expect(row).to_contain_text("1 of 2 solved; 1 tried")
    expect(page.locator(".cw-live tbody tr").nth(1)).to_contain_text(
        "1 changed since you solved it"
    )
    page.get_by_role("button", name="Clear my progress").click()
    expect(row).to_contain_text("1 of 2 solved")
    page.get_by_role("button", name="Yes, clear it").click()
    expect(row).to_contain_text("0 of 2 solved")


BLOCKED = {
    "none": "Object.defineProperty(window, 'localStorage', {get() { throw Error('blocked') }})",
    "full": "Storage.prototype.setItem = () => { throw Error('quota') }",
}


@pytest.mark.parametrize("how", BLOCKED)
def test_progress_that_cannot_be_stored_lives_as_long_as_the_page(show, how):
    """Two widgets with code of their own share it, and the text carries it away."""
    page = show(EXAMPLES["progress panel"](), Quiz(ALL[0]), own=True)
    page.add_init_script(BLOCKED[how])
    page.reload()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cw-live tbody tr").first).to_contain_text("1 of 2 solved")
    expect(page.get_by_text("Progress is not kept in this browser; carry it")).to_be_visible()
    page.get_by_role("button", name="Show my progress as text").click()
    text = page.get_by_role("textbox", name="Progress as text").input_value()
    assert records.from_text(text)["06.a"]["status"] == "correct"


def test_programs_are_counted_like_answers(show):
    page = show(ProgressPanel({"This page": [("06.a", 1), ("06.c", 1), ("06.g", 1)]}))
    row = page.locator(".cw-live tbody tr")
    expect(row).to_contain_text("0 of 3 solved")
    done = records.new_record(1, 5) | {"status": "correct", "attempts": 1, "first_ok": True}
    page.get_by_role("textbox").fill(records.to_text({"06.a": done, "06.c": done}))
    page.get_by_role("button", name="Bring my progress").click()
    expect(row).to_contain_text("2 of 3 solved")


def test_progress_without_storage_and_with_a_broken_store(show):
    page = show(EXAMPLES["progress panel"](), Quiz(ALL[0]), own=True)
    page.evaluate(f"localStorage.setItem('{KEY}', '{{broken')")
    page.reload()
    assert page.evaluate(f"localStorage.getItem('{KEY}:bad')") == "{broken"
    expect(page.get_by_text("What was kept before could not be read")).to_be_visible()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked'); }})"
    )
    page.reload()
    expect(page.get_by_text("Progress is not kept in this browser.")).to_be_visible()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".cw-verdict")).to_contain_text("Correct.")


def test_map_predicts_then_reveals_by_keyboard(show):
    widget = EXAMPLES["attention map"]()
    page = show(widget)
    assert page.locator(".cw-token.ask").nth(5).is_visible()
    assert not page.locator(".cw-live .cw-token small").count()
    tab_to(page, page.get_by_role("button", name="“keys” will matter"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Reveal"))
    page.keyboard.press("Enter")
    row = weights_of(widget.payload, 1, -1, 6)
    assert said(page) == (
        describe_look(widget.payload, 1, -1, 6)
        + f" You marked “keys”: together {percent(row[1])}."
        + " The sentence itself asks for “keys”."
    )


@pytest.mark.parametrize("query", [3, 6])
def test_map_numbers_are_the_weights(show, query):
    widget = EXAMPLES["attention map"]()
    page = show(widget)
    page.get_by_role("button", name="Just show me").click()
    page.locator(".cw-token.ask").nth(query).click()
    for layer, head in [(0, -1), (1, 2), (0, 0)]:
        page.get_by_label("Layer").select_option(str(layer))
        page.get_by_label("Head").select_option("mean" if head < 0 else str(head))
        row = weights_of(widget.payload, layer, head, query)
        shown = page.locator("[role=group] > ul .cw-token small:nth-of-type(1)").all_inner_texts()
        assert shown == [percent(x) if j <= query else "hidden" for j, x in enumerate(row)]
        assert said(page).startswith(describe_look(widget.payload, layer, head, query))
    page.get_by_text("The whole map as a table").click()
    cells = page.locator("details[open] tbody tr").nth(query).locator("td")
    expect(cells).to_have_count(8)
    assert cells.all_inner_texts() == shown


def test_map_of_an_encoder_hides_nothing(show):
    from course_lib.widgets import AttentionMap
    from tests.widgets.examples import SENTENCE, weights

    page = show(AttentionMap(weights(causal=False), SENTENCE, query=0))
    page.get_by_role("button", name="Just show me").click()
    assert "hidden" not in page.locator(".cw-live").inner_text()
