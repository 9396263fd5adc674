"""The funnel of the page is that of `curate`, in every order of the filters."""

import itertools

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from course_lib.data.crawl import make_crawl
from course_lib.data.curation import ExactDuplicates, NearDuplicates, Reason
from course_lib.data.curation import Page as WebPage
from course_lib.data.curation.pipeline import Funnel, Step, StepReport, curate
from course_lib.widgets import DataFunnel
from course_lib.widgets.data_funnel import describe_funnel, funnel_of
from course_lib.widgets.markup import percent
from tests.widgets.conftest import texts
from tests.widgets.examples import EXAMPLES, funnel_steps

PAGES = list(make_crawl(120, np.random.default_rng(1)))
WIDGET = EXAMPLES["data funnel"]()
NAMES = WIDGET.payload["order"]
ORDERS = [order for n in range(5) for order in itertools.permutations(NAMES, n)]


@pytest.mark.parametrize("order", ORDERS[:: 1 + len(ORDERS) // 20], ids=" > ".join)
def test_each_order_is_that_of_curate(order: tuple[str, ...]) -> None:
    steps = sorted(
        (s for s in funnel_steps() if s.name in order), key=lambda s: order.index(s.name)
    )
    report = Funnel([StepReport(step.name) for step in steps])
    kept = list(curate(PAGES, steps, report, np.random.default_rng(0)))
    stages = funnel_of(WIDGET.payload, order)
    for one, part in zip(stages, report.steps, strict=True):
        assert (one["pages"], one["words"]) == (part.kept, part.words_kept)
        assert one["dropped"] == part.dropped
        assert len(one["wrong"]) == sum(part.wanted_dropped.values())
    assert not stages or stages[-1]["pages"] == len(kept)


def test_the_order_matters_and_copies_are_found() -> None:
    ends = {funnel_of(WIDGET.payload, order)[-1]["words"] for order in ORDERS if len(order) == 4}
    drops = {
        tuple(sorted((one["name"], one["dropped"]) for one in funnel_of(WIDGET.payload, order)))
        for order in ORDERS
        if len(order) == 4
    }
    assert ends and len(drops) > 3
    assert all(funnel_of(WIDGET.payload, [name])[0]["dropped"] for name in NAMES)


def test_the_page_computes_what_python_does(kit) -> None:
    for order in ORDERS[::7]:
        found = kit("kit/math/funnel.js", "funnelOf", WIDGET.payload, list(order))
        assert found == funnel_of(WIDGET.payload, order)
        said = kit("data_funnel.js", "describeFunnel", WIDGET.payload, list(order))
        assert said == describe_funnel(WIDGET.payload, order)


def test_a_copy_stays_when_what_it_copies_went_before(kit) -> None:
    """Two equal pages; a filter that drops the first one only stands before or behind."""

    def first(page: WebPage) -> list[Reason]:
        return [Reason("first: address", page.url, "another")] if page.url == "0" else []

    pages = [WebPage("the same text", str(i), {"keep": True}) for i in range(2)]
    for order, left in ((["first", "same"], 1), (["same", "first"], 0)):
        steps = [Step("first", first), Step("same", ExactDuplicates())]
        widget = DataFunnel(pages, steps)
        row = sorted(steps, key=lambda step: order.index(step.name))
        report = Funnel([StepReport(step.name) for step in row])
        assert len(list(curate(pages, row, report, np.random.default_rng(0)))) == left
        assert funnel_of(widget.payload, order)[-1]["pages"] == left
        found = kit("kit/math/funnel.js", "funnelOf", widget.payload, order)
        assert found == funnel_of(widget.payload, order)


def cells(page: Page) -> dict[str, list[str]]:
    lines = page.get_by_role("group", name="The funnel").locator("tbody tr").all()
    return {
        line.locator("th").inner_text(): texts(line.locator("td:not(.bar)"))[2:] for line in lines
    }


def expected(order: list[str]) -> dict[str, list[str]]:
    total = sum(WIDGET.payload["words"])
    found = dict.fromkeys(NAMES, ["–"] * 4)
    for one in funnel_of(WIDGET.payload, order):
        share = percent(one["words"] / total)
        found[one["name"]] = [str(one["pages"]), share, str(one["dropped"]), str(len(one["wrong"]))]
    return found


def test_predict_then_turn_filters_off_and_about_by_keyboard(show) -> None:
    page = show(WIDGET)
    page.get_by_label("Percent of the words left").fill("60")
    page.get_by_label("The filter that drops").select_option("same text")
    page.get_by_role("button", name="Commit").press("Enter")
    said = page.locator(".cw-panel:visible").first
    expect(said).to_contain_text("You predicted 60 %, and most good pages dropped by “same text”.")
    expect(said).to_contain_text("of the words are left. Most good pages are dropped by “")
    assert cells(page) == expected(NAMES)
    box = page.get_by_label("prose rules is on")
    box.focus()
    page.keyboard.press("Space")
    assert cells(page) == expected(NAMES[1:])
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "prose rules is on"
    page.keyboard.press("Space")
    page.get_by_role("button", name="same text: earlier").press("Enter")
    order = [NAMES[0], NAMES[2], NAMES[1], NAMES[3]]
    assert cells(page) == expected(order)
    page.get_by_role("button", name="same text: earlier").press("Enter")
    page.get_by_role("button", name="same text: earlier").press("Enter")  # the first stays first
    order = [NAMES[2], NAMES[0], NAMES[1], NAMES[3]]
    assert list(cells(page)) == order and cells(page) == expected(order)
    page.get_by_role("button", name="Describe this").click()
    assert page.locator("p.cw-panel:focus").inner_text() == describe_funnel(WIDGET.payload, order)
    page.get_by_role("button", name="All filters, as at first").press("Enter")
    assert list(cells(page)) == NAMES and cells(page) == expected(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_good_pages_that_were_dropped_are_shown_with_the_reason(show, name: str) -> None:
    page = show(WIDGET)
    page.get_by_role("button", name="Just show me").press("Enter")
    page.get_by_label("Good pages dropped by").select_option(name)
    (one,) = (one for one in funnel_of(WIDGET.payload, NAMES) if one["name"] == name)
    items = page.locator(".cw-panel li").all_inner_texts()
    assert len(items) == min(3, len(one["wrong"]))
    for item, i in zip(items, one["wrong"], strict=False):
        assert PAGES[i].about["keep"] and item.startswith(f"{PAGES[i].about['group']}: ")
        assert WIDGET.payload["why"][name][i] in item
        assert " ".join(PAGES[i].text.split())[:60] in item
    page.get_by_label(f"{name} is on").uncheck()
    expect(page.get_by_text(f"“{name}” is off.")).to_be_visible()


@pytest.mark.parametrize(
    ("pages", "steps", "message"),
    [
        (PAGES[:1], funnel_steps(), "got 1 pages"),
        (PAGES, [], r"got 120 pages and \[\]"),
        (PAGES, [funnel_steps()[0]] * 2, "different names"),
        ([WebPage("a"), WebPage("b")], funnel_steps(), 'about\\["keep"\\]'),
        (PAGES, [Step("mask", lambda p: WebPage(p.text))], "step mask changes pages"),
    ],
)
def test_what_cannot_be_shown_is_refused(pages, steps, message) -> None:
    with pytest.raises(ValueError, match=message):
        DataFunnel(pages, steps)


def test_a_filter_that_remembers_without_keys_is_refused() -> None:
    class Remembering:
        def __call__(self, page):
            return []

        def state_dict(self):
            return {}

        def load_state_dict(self, state):
            pass

    with pytest.raises(ValueError, match="step r remembers pages without keys"):
        DataFunnel(PAGES, [Step("r", Remembering())])
    assert DataFunnel(PAGES, [Step("e", ExactDuplicates()), Step("n", NearDuplicates())]).kept < 1
