"""The reader's audit: what it says of agreement is what is counted, and what scikit-learn says."""

import itertools

import pytest
from playwright.sync_api import expect
from sklearn.metrics import cohen_kappa_score

from course_lib.data.curation import Page
from course_lib.widgets import Audit
from course_lib.widgets.audit import agreement, describe_audit, describe_filters
from tests.widgets.conftest import texts
from tests.widgets.examples import EXAMPLES

WIDGET = EXAMPLES["audit"]()
DATA = WIDGET.payload
VERDICTS = list(itertools.product([False, True], repeat=4))


def test_kappa_is_that_of_scikit_learn() -> None:
    for mine, theirs in itertools.product(VERDICTS, VERDICTS):
        found = agreement(mine, theirs)
        assert found["same"] == sum(a == b for a, b in zip(mine, theirs, strict=True))
        if len({*mine, *theirs}) == 2:  # else both always say the same, and theirs is no number
            assert found["kappa"] == pytest.approx(cohen_kappa_score(mine, theirs))
        else:
            assert found["kappa"] == 1


def test_the_page_counts_as_python_does(kit) -> None:
    for mine, theirs in list(itertools.product(VERDICTS, VERDICTS))[::11]:
        found = kit("kit/math/agree.js", "agreement", list(mine), list(theirs))
        assert found == pytest.approx(agreement(mine, theirs))
    for mine in itertools.islice(itertools.product([False, True], repeat=6), 0, 64, 9):
        assert kit("audit.js", "describeAudit", DATA, list(mine)) == describe_audit(DATA, mine)
    assert kit("audit.js", "describeFilters", DATA) == describe_filters(DATA)


def test_judge_all_then_compare_by_keyboard(show) -> None:
    page = show(WIDGET)
    mine = [True, False, True, True, False, False]
    page.get_by_role("button", name="Compare").press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("6 of 6 pages are not judged yet")
    assert page.locator("text=made as").locator("visible=true").count() == 0
    for i, keep in enumerate(mine):
        radio = page.get_by_role("group", name=f"Page {i + 1}").get_by_label(
            "keep" if keep else "drop"
        )
        radio.focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Compare").press("Enter")
    expect(page.locator(".cw-panel").first).to_have_text(describe_audit(DATA, mine))
    rows = page.get_by_role("group", name="Verdicts").locator("tbody tr").all()
    for i, row in enumerate(rows):
        cells = texts(row.locator("td"))
        assert cells[0] == ("keep" if mine[i] else "drop")
        assert cells[1] == ("keep" if DATA["kept"][i] else "drop")
        assert cells[2].startswith("good" if DATA["good"][i] else "bad")
        assert cells[3] == (DATA["why"][i] or "–")


def test_shown_without_judging_it_says_the_filters_share_only(show) -> None:
    page = show(WIDGET)
    page.get_by_role("button", name="Just show me").press("Enter")
    expect(page.locator(".cw-panel").first).to_have_text(describe_filters(DATA))


PAGES = [Page(f"text {i}", "", {"keep": True}) for i in range(2)]


@pytest.mark.parametrize(
    ("pages", "reasons", "message"),
    [
        (PAGES[:1], [""], "pages must be 2 or more, got 1"),
        (PAGES, ["", "", ""], "list of 2 labels, one per page, got 3"),
        (PAGES, "ab", "got a text"),
        ([Page("a"), Page("b")], ["", ""], 'about\\["keep"\\]'),
    ],
)
def test_what_cannot_be_judged_is_refused(pages, reasons, message) -> None:
    with pytest.raises(ValueError, match=message):
        Audit(pages, reasons)
