"""The merge stepper: the same merges in the page as in course_lib, and every control."""

import pytest
from playwright.sync_api import expect

from course_lib.tokenizers import ByteLevelBPE
from course_lib.widgets.merge_stepper import (
    MergeStepper,
    describe_state,
    merge_states,
    shown_token,
)

TEXT = "low lower lowest, new newer newest: the lower the newer, the slower the slowest."
TEXTS = {
    "english": TEXT,
    "runs": "aaabdaaabac aaaa aaaaa   bb\n\n\tb",
    "scripts": "日本語 日本 e\u0301e\u0301 😀😀 naïve naïve it's it's 2026 2027",
    "ties": "cd ab ef cd ab ef",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_the_page_learns_the_same_merges(kit, text):
    tokens, states = merge_states(text, 60)
    made = kit("kit/math/merge.js", "mergeStates", text, 60)
    assert [bytes(token) for token in made["tokens"]] == tokens
    assert len(made["states"]) == len(states)
    for mine, theirs in zip(states, made["states"], strict=True):
        assert mine == {key: theirs[key] for key in mine}
        counts = [pair[2] for pair in theirs["next"]]
        assert counts == sorted(counts, reverse=True)


def test_the_states_are_those_of_the_tokenizer():
    tokenizer = ByteLevelBPE.train([TEXT], 256 + 30)
    tokens, states = merge_states(TEXT, 30)
    assert [i for word in states[-1]["words"] for i in word] == tokenizer.encode(TEXT)
    assert tokens == tokenizer.tokens


@pytest.mark.parametrize("token", [b" the", b"\n\t", b"\xe6", b"\xe6\x97", "é".encode(), b"\xff"])
def test_tokens_are_written_the_same(kit, token):
    assert kit("kit/math/merge.js", "shownToken", list(token)) == shown_token(token)


def test_predict_then_step_by_keyboard(show):
    tokens, states = merge_states(TEXT, 20)
    page = show(MergeStepper(TEXT, n_merges=20))
    strip = page.locator("[data-token]")
    assert strip.count() == states[0]["tokens"]
    expect(page.get_by_role("button", name="Next merge")).to_be_hidden()
    left, right = (shown_token(tokens[i]) for i in states[1]["pair"])
    page.locator("form select").select_option(label=f"“{left}” + “{right}”")
    page.locator("form input").focus()
    page.keyboard.type(str(states[1]["tokens"]))
    page.keyboard.press("Enter")
    result = page.get_by_text("You chose it. Your number of tokens is right.")
    expect(result.first).to_be_visible()
    page.get_by_role("button", name="Next merge").focus()
    for at in (1, 2, 3):
        page.keyboard.press("Enter")
        assert page.locator("[aria-live]").inner_text() == describe_state(tokens, states, at)
        assert strip.count() == states[at]["tokens"]
        words = [shown_token(tokens[i]) for word in states[at]["words"] for i in word]
        assert strip.all_inner_texts() == words
    page.get_by_role("button", name="Undo").click()
    assert page.locator("[aria-live]").inner_text() == describe_state(tokens, states, 2)
    page.get_by_role("button", name="To the end").click()
    assert strip.count() == states[-1]["tokens"]
    expect(page.get_by_role("button", name="Next merge")).to_be_disabled()


def test_a_wrong_prediction_is_answered(show):
    _, states = merge_states(TEXT, 20)
    page = show(MergeStepper(TEXT, n_merges=20))
    best = " ".join(map(str, states[1]["pair"]))
    options = page.locator("form select option").evaluate_all("all => all.map(o => o.value)")
    page.locator("form select").select_option(next(o for o in options if o and o != best))
    page.locator("form input").fill("3")
    page.get_by_role("button", name="Commit").click()
    expect(page.get_by_text("You wrote 3: each merge saves one token").first).to_be_visible()


def test_own_text(show):
    page = show(MergeStepper(TEXT, n_merges=20))
    page.get_by_role("button", name="Just show me").click()
    page.get_by_text("Your own text").click()
    page.get_by_role("button", name="Learn merges from this text").click()
    expect(page.get_by_text("Type at least one word").first).to_be_visible()
    page.locator("textarea").fill(TEXTS["scripts"])
    page.get_by_role("button", name="Learn merges from this text").click()
    tokens, states = merge_states(TEXTS["scripts"], 20)
    assert page.locator("[data-token]").count() == states[0]["tokens"]
    page.get_by_role("button", name="To the end").click()
    last = describe_state(tokens, states, -1)
    assert page.locator("[aria-live]").inner_text() == last


@pytest.mark.parametrize("dark", [False, True])
def test_accessible(show, axe, dark):
    page = show(MergeStepper(TEXT, n_merges=20), dark=dark)
    assert axe(page) == []
    page.get_by_role("button", name="Just show me").click()
    page.get_by_role("button", name="Next merge").click()
    page.get_by_text("Your own text").click()
    assert axe(page) == []


def test_narrow_page_and_no_script(show):
    page = show(MergeStepper(TEXT), width=360)
    page.get_by_role("button", name="Just show me").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    plain = show(MergeStepper(TEXT), script=False)
    assert "tokens after it" in plain.locator("body").inner_text()


def test_bad_input():
    for text, message in (("", "two letters"), ("a", "two letters"), ("x" * 601, "at most 600")):
        with pytest.raises(ValueError, match=message):
            MergeStepper(text)
    with pytest.raises(ValueError, match="n_merges"):
        MergeStepper(TEXT, n_merges=0)
    with pytest.raises(TypeError, match="text"):
        MergeStepper(7)


def test_text_form():
    assert repr(MergeStepper(TEXT)).startswith("MergeStepper: Merge by merge. Start: 80 tokens")
