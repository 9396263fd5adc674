"""Page 19's widgets on the built page: every number held to the package's own, by keyboard."""

from collections.abc import Callable

from course_lib.widgets.budget_game import describe_game, gigas, price_of, score_of, task_of
from course_lib.widgets.markup import fixed
from course_lib.widgets.mixture import best_share, describe_mixtures
from tests.book.test_controls import widgets

PAGE = "notebooks/19_domain_adaptation.html"


def test_the_mixture_shows_the_recorded_runs(open_page: Callable) -> None:
    """Ten predictions, the means and ranges of each mixture, a choice, the published mixture."""
    page = open_page(PAGE).page
    ((widget, model),) = widgets(page, "MixtureTradeOff")
    payload = model["payload"]
    boxes = widget.get_by_role("textbox")
    assert boxes.count() == 2 * len(payload["shares"]) == 10
    for box in boxes.all():
        box.fill("1")
    boxes.last.press("Enter")
    table = widget.get_by_role("group", name=payload["title"], exact=True).get_by_role("table")
    for i, line in enumerate(table.locator("tbody tr").all()):
        cells = line.locator("td").all_inner_texts()
        wanted = [
            f"{fixed(d['mean'][i], 3)} ({fixed(d['low'][i], 3)} to {fixed(d['high'][i], 3)})"
            for d in payload["domains"]
        ]
        assert cells == ["1.000", wanted[0], "1.000", wanted[1]]
    best = best_share(payload)
    widget.get_by_role("combobox").select_option(index=best + 1)
    widget.get_by_role("button", name="Commit my prediction").press("Enter")
    said = widget.inner_text()
    assert "That is the best of these." in said and describe_mixtures(payload) in said


def test_the_budget_game_sells_and_scores_the_recorded_runs(open_page: Callable) -> None:
    """A run is bought and its recorded loss shown; regret and interval are Python's."""
    page = open_page(PAGE).page
    ((widget, model),) = widgets(page, "BudgetGame")
    payload = model["payload"]
    assert task_of(payload) in widget.inner_text()
    left = payload["purse"]
    for run in sorted(payload["sale"], key=price_of)[:3]:
        name = f"buy {run['n']:,} parameters and {run['d']:,} samples"
        widget.get_by_role("button", name=name).press("Enter")
        left -= price_of(run)
        said = widget.locator("[aria-live]").first.inner_text()
        assert f"Loss {fixed(run['loss'], 3)}" in said and f"{gigas(left)} are left." in said
    assert describe_game(payload) not in widget.inner_text()
    widget.get_by_label("Size of the last run").select_option(index=1)
    widget.get_by_label("Loss of the last run").fill("0.7")
    widget.get_by_label("give or take").fill("0.02")
    widget.get_by_label("give or take").press("Enter")
    score = score_of(payload["choices"], payload["choices"][0]["n"], 0.7, 0.02)
    line = widget.locator(".cw-panel").last.inner_text()
    assert f"loss {fixed(score['loss'], 3)}." in line
    assert f"regret is {fixed(score['regret'], 4)} nats" in line
    assert ("inside your interval" if score["held"] else "outside your interval") in line
    assert describe_game(payload) in widget.inner_text()
