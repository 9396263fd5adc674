"""The strips of the objective workbench are what `course_lib.objectives` makes of the sentence."""

import re

import pytest
import torch
from playwright.sync_api import Page, expect

from course_lib.objectives import IGNORE, causal_example, join_spans, masked_example
from course_lib.widgets import ObjectiveWorkbench
from course_lib.widgets.objective_workbench import MASK, OBJECTIVES, describe_draw

DRAWS = [(kind, n) for kind in OBJECTIVES for n in range(1 if kind == "causal" else 4)]
WIDGET = ObjectiveWorkbench(seed=2)
WORDS = WIDGET.payload["words"]


def go_to(page: Page, kind: str, n: int = 0) -> None:
    page.get_by_role("radio").nth(list(OBJECTIVES).index(kind)).check()
    for _ in range(n):
        page.get_by_role("button", name="Another draw").press("Enter")


def strips(kind: str, n: int = 0) -> tuple[list[str], list[str]]:
    draw = WIDGET.payload["draws"][kind][n]
    return list(draw["input"]), [one or "-" for one in draw["target"]]


def fill(page: Page, given: tuple[list[str], list[str]]) -> None:
    for which, strip in enumerate(given):
        selects = page.locator("ol").nth(which).locator("select")
        for i, word in enumerate(strip):
            selects.nth(i).select_option(word)
    page.get_by_role("button", name="Check").press("Enter")


@pytest.mark.parametrize("seed", range(12))
def test_masked_and_causal_strips_are_those_of_the_objectives(seed: int) -> None:
    widget = ObjectiveWorkbench(seed=seed, rate=0.4)
    known = [*WORDS, "apple", "river", "green", MASK]
    ids = torch.arange(len(WORDS))
    for n, draw in enumerate(widget.payload["draws"]["masked"]):
        generator = torch.Generator().manual_seed(seed + n)
        example = masked_example(ids, generator, mask_id=13, vocab_size=13, rate=0.4)
        assert draw["input"] == [known[one] for one in example.inputs]
        wanted = [None if one == IGNORE else known[one] for one in example.targets]
        assert draw["target"] == wanted
        for state, shown, true in zip(draw["states"], draw["input"], draw["target"], strict=True):
            told = {"hidden": shown == MASK, "as it is": shown == true, "": true is None}
            assert told.get(state, true is not None and shown not in (MASK, true))
    (draw,) = widget.payload["draws"]["causal"]
    example = causal_example(ids)
    assert draw["input"] == [WORDS[one] for one in example.inputs]
    assert draw["target"] == [WORDS[one] for one in example.targets]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_said_to_be_cut_is_what_rebuilds_the_sentence(seed: int) -> None:
    widget = ObjectiveWorkbench(seed=seed, rate=0.4)
    for draw in widget.payload["draws"]["span"]:
        source, target = draw["input"][:-1], draw["target"][:-1]
        known = [*WORDS, *sorted({one for one in target if one.startswith("<")}, key=target.index)]
        numbers = [[known.index(one) for one in strip] for strip in (source, target)]
        rebuilt = join_spans(*numbers, list(range(len(WORDS), len(known))))
        assert rebuilt == list(range(len(WORDS)))
        told = re.findall("“(.*?)”", draw["drawn"])
        said = re.split(r"<\w>", " ".join(target))
        assert told == [one.strip() for one in said if one.strip()]
        assert draw["decoder"] == ["<s>", *draw["target"][:-1]]
    for draw in widget.payload["draws"]["denoising"]:
        assert draw["target"] == WORDS
        told = re.findall("“(.*?)”|(no words)", draw["drawn"])
        spans = iter([words.split() for words, _ in told])
        rebuilt = [w for one in draw["input"] for w in (next(spans) if one == MASK else [one])]
        assert rebuilt == WORDS and next(spans, None) is None


@pytest.mark.parametrize(("kind", "n"), DRAWS)
def test_the_right_strips_are_correct_and_shown(show, kit, kind: str, n: int) -> None:
    draw = WIDGET.payload["draws"][kind][n]
    page = show(WIDGET)
    go_to(page, kind, n)
    expect(page.locator(".cw-live")).to_contain_text(draw["drawn"])
    fill(page, strips(kind, n))
    expect(page.locator(".cw-verdict")).to_contain_text("Correct")
    said = page.locator(".cw-live [aria-live]").inner_text()
    counted = sum(one is not None for one in draw["target"])
    assert f"{counted} of {len(draw['target'])} positions carry loss." in said
    name = "Decoder" if draw["decoder"] else "Question and answer"
    line = page.get_by_role("group", name=name, exact=True).locator("tbody tr").last
    cells = [one or "no loss" for one in draw["target"]]
    assert [re.sub(r" \(.*", "", one) for one in line.locator("td").all_inner_texts()] == cells
    page.get_by_role("button", name="Describe this").click()
    assert page.locator(".cw-live p.cw-panel:focus").inner_text() == describe_draw(draw)
    assert kit("kit/math/asked.js", "describeDraw", draw) == describe_draw(draw)
    page.locator(".cw-live summary").press("Enter")
    n_queries = len(draw["decoder"] or draw["input"])
    seen = page.locator("details td.sh7").count()
    both_sides = kind == "masked"
    assert seen == (n_queries**2 if both_sides else n_queries * (n_queries + 1) // 2)


def wrong(kind: str) -> dict[str, tuple[list[str], list[str]]]:
    """Strips with one of the classic mistakes each, by a part of the message they deserve."""
    read, asked = strips(kind)
    if kind == "masked":
        draw = WIDGET.payload["draws"][kind][0]
        kept, hidden = draw["states"].index("as it is"), draw["states"].index("hidden")
        return {
            "Only the chosen words are asked for": (read, list(WORDS)),
            "although it is not hidden": (read, [*asked[:kept], "-", *asked[kept + 1 :]]),
            "a hidden word is asked for": (read, [*asked[:hidden], "-", *asked[hidden + 1 :]]),
            "the answer could be copied": (list(WORDS), asked),
            "not every chosen word is hidden": (
                [MASK if state else one for one, state in zip(read, draw["states"], strict=True)],
                asked,
            ),
            "this word was not chosen": ([MASK] * len(read), asked),
            "never the mark": (read, [MASK if one != "-" else one for one in asked]),
        }
    if kind == "causal":
        return {
            "reads this word here": (read, read),
            "nothing is hidden": ([*read[:3], MASK, *read[4:]], asked),
            "this is the word before": (read, [asked[0], read[0], *asked[2:]]),
            "every place of this target": (read, ["-", *asked[1:]]),
        }
    if kind == "denoising":
        return {
            "says the whole text": (read, [WORDS[-1]] * len(WORDS)),
            "never the mark": (read, [MASK, *asked[1:]]),
            "every place of this target": (read, ["-", *asked[1:]]),
            "could be copied": ([WORDS[i] for i in range(len(read))], asked),
        }
    mark = next(i for i, one in enumerate(read) if one.startswith("<"))
    last = len(asked) - 2
    stayed = next(one for one in read if one in WORDS)
    said = next(i for i, one in enumerate(asked) if one in WORDS)
    return {
        "one mark": ([*read[: mark + 1], read[mark], *read[mark + 2 :]], asked),
        "could be copied": ([*read[:mark], WORDS[mark], *read[mark + 1 :]], asked),
        "closes the last span": (read, [*asked[:last], "</s>", "</s>"]),
        "Only what was cut is said": (read, [*asked[:said], stayed, *asked[said + 1 :]]),
        "ends with </s>": ([*read[:-1], read[0]], asked),
        "the mark of the span": (read, [stayed, *asked[1:]]),
    }


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_each_classic_mistake_gets_its_own_message(show, kind: str) -> None:
    page = show(WIDGET)
    go_to(page, kind)
    for message, given in wrong(kind).items():
        fill(page, given)
        expect(page.locator(".cw-verdict.incorrect")).to_contain_text(message)
        expect(page.locator(".cw-live [aria-live]")).to_contain_text(message)
        assert page.locator("table:visible").count() == 0


def test_a_blank_place_is_asked_for_and_a_strip_can_be_copied(show) -> None:
    page = show(WIDGET)
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.locator(".cw-verdict")).to_have_text("… Fill in first: Model reads, position 1.")
    page.get_by_role("button", name="Copy the sentence").first.press("Enter")
    got = page.locator("ol").first.locator("select").evaluate_all("all => all.map(n => n.value)")
    assert got == WORDS
    page.get_by_role("button", name="Describe this").click()
    assert "Nothing is shown yet" in page.locator(".cw-live p.cw-panel:focus").inner_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": ["a", "b", "c"]}, "from 4 to 12, got 3"),
        ({"words": list("abcdefghijklm")}, "from 4 to 12, got 13"),
        ({"words": ["the", "cat", "saw", "the"]}, "'the' twice"),
        ({"words": ["an", "apple", "is", "red"]}, "'apple' twice"),
        ({"words": ["a", "b", "c", MASK]}, "twice"),
        ({"objective": "next"}, "must be one of masked, causal"),
        ({"rate": 1.5}, "rate"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ObjectiveWorkbench(**options)


def test_the_name_of_a_strip_is_nearer_to_its_own(show):
    page = show(ObjectiveWorkbench(seed=2))
    before, after = page.evaluate(
        """() => {
            const box = (node) => node.getBoundingClientRect();
            const [first, second] = document.querySelectorAll(".cw-live ol.cw-strip");
            const name = second.previousElementSibling.querySelector("strong");
            return [box(name).top - box(first).bottom, box(second).top - box(name).bottom];
        }"""
    )
    assert before > after > 0
