"""The first page answers; the switch of a chapter folds its machinery and remembers."""

import json
from collections.abc import Callable

from book._ext.front import percent
from book._tools.landing import RECORD

READINGS = json.loads(RECORD.read_text(encoding="utf-8"))["readings"]
CHAPTER = "notebooks/16_span_corruption.html"
VISIBLE = """(selector) => [...document.querySelectorAll(selector)]
    .filter((node) => node.checkVisibility() && node.getClientRects().length).length"""


def mean_looks(reading: dict) -> list[float]:
    heads = [head for layer in reading["looks"] for head in layer]
    return [sum(shares) / len(heads) for shares in zip(*heads, strict=True)]


def test_the_first_page_answers_by_keyboard_with_the_numbers_of_its_record(
    open_page: Callable,
) -> None:
    page = open_page("book/intro.html").page
    piece = page.locator(".look")

    def shown(kind: str) -> list[str]:
        return piece.locator(f"tr.{kind} td b").all_inner_texts()

    def holds(number: int) -> None:
        reading = READINGS[number]
        assert piece.locator("thead th").all_inner_texts()[1:] == reading["words"]
        assert shown("looks") == [percent(share) for share in mean_looks(reading)]
        assert shown("moved") == [percent(share) for share in reading["moved"]]
        p, q = reading["verbs"]
        assert piece.locator(".look-next .is b").inner_text() == percent(p / (p + q))
        assert f"… {'is' if p > q else 'are'}." in piece.get_by_role("status").inner_text()

    holds(2)
    subject, neighbour = piece.get_by_role("button").all()
    subject.press("Enter")
    holds(0)
    neighbour.press("Space")
    holds(1)
    subject.press("Enter")
    holds(3)
    piece.get_by_role("combobox").select_option(label="layer 2, head 3")
    assert shown("looks") == [percent(share) for share in READINGS[3]["looks"][1][2]]
    took = page.evaluate(
        """() => {
            const button = document.querySelector(".look thead button");
            const once = () => {
                const begin = performance.now();
                button.click();
                document.querySelector(".look").getBoundingClientRect();
                return performance.now() - begin;
            };
            return Math.min(...Array.from({length: 5}, once));
        }"""
    )
    assert took < 50, "milliseconds of the fastest answer, whatever else the machine does"


def test_the_first_page_is_whole_without_javascript(open_page: Callable) -> None:
    page = open_page("book/intro.html", settle=False, java_script_enabled=False).page
    assert page.locator(".look tr.moved td b").all_inner_texts() == [
        percent(share) for share in READINGS[2]["moved"]
    ]
    assert page.get_by_role("link", name="Begin with chapter 1").is_visible()
    assert page.locator(".course-map > li .picture").count() == 20
    assert page.locator(".measured > li").count() == 20


def test_the_first_screen_of_a_phone_holds_sentence_button_and_piece(open_page: Callable) -> None:
    page = open_page("book/intro.html", width=390).page
    button = page.get_by_role("link", name="Begin with chapter 1").bounding_box()
    bars = page.locator(".look-next").bounding_box()
    assert button is not None and bars is not None
    assert button["y"] + button["height"] < bars["y"] < bars["y"] + bars["height"] < 844


def test_the_switch_folds_shows_prints_and_remembers(open_page: Callable) -> None:
    page = open_page(CHAPTER).page
    switch = page.get_by_role("button", name="Show all code")
    folded = page.locator(".machinery").count()
    assert folded > 15 and page.evaluate(VISIBLE, ".machinery") == 0
    assert page.evaluate(VISIBLE, ".machinery-cell") == 0
    assert page.locator(
        ".cell_input pre", has_text="made = span_corruption_example"
    ).first.is_visible()
    page.emulate_media(media="print")
    assert page.evaluate(VISIBLE, ".machinery, .code-switch") == 0
    page.emulate_media(media="screen")
    switch.focus()
    page.keyboard.press("Enter")
    assert switch.get_attribute("aria-pressed") == "true"
    page.emulate_media(media="print")
    assert page.evaluate(VISIBLE, ".machinery") == folded
    page.emulate_media(media="screen")
    page.reload()
    assert page.evaluate(VISIBLE, ".machinery") == folded
    page.get_by_role("button", name="Show all code").press("Space")
    page.goto(page.url.replace("16_span_corruption", "10_prompt_engineering"))
    assert page.evaluate(VISIBLE, ".machinery") == 0


def test_a_fold_of_checks_opens_by_itself_and_is_in_a_copy(open_page: Callable) -> None:
    page = open_page(CHAPTER).page
    opener = page.locator(".machinery-opener").first
    part = page.locator(".machinery[data-checks]").first
    assert not part.is_visible() and opener.get_attribute("aria-expanded") == "false"
    opener.press("Enter")
    assert part.is_visible() and opener.get_attribute("aria-expanded") == "true"
    assert "assert" in part.inner_text() and opener.inner_text() == ""
    assert page.evaluate(VISIBLE, ".machinery") == 1


def test_all_code_is_there_without_javascript(open_page: Callable) -> None:
    page = open_page(CHAPTER, settle=False, java_script_enabled=False).page
    count = page.locator(".machinery").count()
    assert count > 15 and page.locator(".machinery").last.is_visible()
    assert page.locator(".machinery").first.is_visible()
