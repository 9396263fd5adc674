"""The budget game: its law is that of `fit_scaling_law`, its score that of Python, and it holds."""

import itertools
import random
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from course_lib.adaptation.scaling import ScalingRun, check_design, fit_scaling_law
from course_lib.figures.recorded import recorded_table
from course_lib.widgets import BudgetGame
from course_lib.widgets.budget_game import describe_game, price_of, score_of, task_of
from tests.widgets.examples import EXAMPLES

WIDGET = EXAMPLES["budget game"]()
DATA = WIDGET.payload
ALL = [*DATA["sale"], *DATA["choices"]]
RUNS = [ScalingRun(**row) for row in recorded_table("19_game")["rows"] if row.pop("seed") == 2]
MODULE = "kit/math/scaling.js"


def python_runs(runs: list[dict[str, Any]]) -> list[ScalingRun]:
    return [ScalingRun(run["n"], run["d"], run["loss"]) for run in runs]


def subsets() -> list[list[dict[str, Any]]]:
    """Purchases that a law may be asked of: all, few, on a ladder, of one size, at random."""
    sale = DATA["sale"]
    ladder = [run for run in ALL if run["n"] * 30 in (run["d"], run["d"] / 2)] * 2
    drawn = [random.Random(seed).sample(sale, 10) for seed in range(4)]
    one_size = [run for run in ALL if run["n"] == 1000] * 2
    one_length = [run for run in ALL if run["d"] == 30_000] * 2
    return [sale, sale[:7], sale[:9], ladder, one_size, one_length, *drawn]


def test_what_check_design_refuses_the_page_refuses(kit: Any) -> None:
    found = []
    for runs in subsets():
        try:
            check_design(python_runs(runs))
            said = ""
        except ValueError as fault:
            said = str(fault)
        text = kit(MODULE, "designFault", runs)
        assert bool(text) == bool(said), said
        for word, wanted in {
            "alpha cannot": "number of parameters cannot",
            "beta cannot": "number of samples cannot",
            "alpha and beta": "go together",
            "runs must be at least 8": "at least 8",
        }.items():
            assert not said.startswith(word) or wanted in text
        found.append(said[:5])
    assert {"", "runs ", "alpha", "beta "} <= set(found)
    ladder = [{"n": 10**k, "d": 20 * 10**k, "loss": 1.0} for k in range(1, 9)]
    assert "go together" in kit(MODULE, "designFault", ladder)


def test_the_page_fits_the_law_that_python_fits(kit: Any) -> None:
    recorded = [{"n": n, "d": d, "loss": loss} for n, d, loss in RUNS if 6 * n * d < 6.1e9]
    fitted = 0
    for runs in [recorded, *subsets()]:
        if kit(MODULE, "designFault", runs):
            continue
        fit = kit(MODULE, "fitLaw", runs)
        try:
            wanted = fit_scaling_law(
                python_runs(runs), generator=np.random.default_rng(0), n_draws=60
            )
        except ValueError:
            continue
        fitted += 1
        assert kit(MODULE, "fitFault", fit) == ""
        law = wanted.law
        assert fit["theta"] == pytest.approx(
            [np.log(law.floor), np.log(law.a), np.log(law.b), law.alpha, law.beta], rel=1e-3
        )
        assert fit["noise"] == pytest.approx(wanted.noise, rel=1e-3)
        for run in DATA["choices"]:
            said = kit(MODULE, "predictRun", fit, run)
            theirs = wanted.predict(run["n"], run["d"])
            assert said["loss"] == pytest.approx(theirs.value, rel=1e-4)
            ratio = (said["high"] - said["low"]) / (theirs.high - theirs.low)
            assert 0.5 < ratio < 2  # of made runs there, of a tangent here
    assert fitted >= 4


def test_a_fit_whose_exponents_are_open_is_not_used(kit: Any) -> None:
    noisy = [
        run | {"loss": 0.7 * (1 + 0.05 * (-1) ** place)} for place, run in enumerate(DATA["sale"])
    ]
    fit = kit(MODULE, "fitLaw", noisy)
    assert "leave open" in kit(MODULE, "fitFault", fit)
    with pytest.raises(ValueError, match="cannot be found from these runs"):
        fit_scaling_law(python_runs(noisy), generator=np.random.default_rng(0), n_draws=60)


def test_the_quantile_of_t_is_that_of_the_tables(kit: Any) -> None:
    for freedom, wanted in {3: 2.353, 4: 2.132, 6: 1.943, 10: 1.812, 16: 1.746}.items():
        assert kit(MODULE, "tQuantile", freedom) == pytest.approx(wanted, rel=0.005)


def test_scores_and_sentences_are_those_of_python(kit: Any) -> None:
    for run, loss, off in itertools.product(DATA["choices"], (0.5, 0.6, 3.0), (0.0, 0.1, 9.0)):
        guess = {"size": run["n"], "loss": loss, "off": off}
        assert kit(MODULE, "scoreOf", DATA["choices"], guess) == score_of(DATA["choices"], **guess)
    best = min(DATA["choices"], key=lambda run: run["loss"])
    exact = score_of(DATA["choices"], best["n"], best["loss"], 0.0)
    assert exact["regret"] == 0 and exact["held"] and not exact["empty"]
    assert score_of(DATA["choices"], best["n"], 0.6, 5.0)["empty"]
    assert kit("budget_game.js", "describeGame", DATA) == describe_game(DATA)
    assert kit("budget_game.js", "taskOf", DATA) == task_of(DATA)


def test_groups_of_one_price_are_lines(kit: Any) -> None:
    groups = kit(MODULE, "byPrice", DATA["sale"])
    assert [len(group) for group in groups] == [1, 2, 3, 4, 5, 6]
    for group in groups:
        assert len({price_of(run) for run in group}) == 1
        assert [run["n"] for run in group] == sorted(run["n"] for run in group)


def buy(page: Page, run: dict[str, Any]) -> None:
    name = f"buy {run['n']:,} parameters and {run['d']:,} samples"
    page.get_by_role("button", name=name).press("Enter")


def test_play_by_keyboard(show: Any) -> None:
    page = show(WIDGET)
    live = page.locator(".cw-live [aria-live]")
    law = page.get_by_role("button", name="Fit a law to my runs")
    law.press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("buy at least 8 runs. You have 0.")
    mine = [run for run in DATA["sale"] if price_of(run) <= 1.5e9][:9]
    left = DATA["purse"]
    for run in mine:
        buy(page, run)
        left -= price_of(run)
        said = f"Loss {run['loss']:.3f}, of"
        expect(live).to_contain_text(said)
        expect(live).to_contain_text(f"{left / 1e9:.2f} GFLOP are left.")
        expect(page.locator("td span:focus")).to_have_text(f"{run['loss']:.3f}")
    expect(page.locator(".cw-verdict")).to_have_count(0)  # what was said of fewer runs is gone
    expect(page.locator(".cw-live svg g.cw-line")).to_have_count(4)
    law.press("Enter")
    table = page.get_by_role("group", name="The last runs, as the law says")
    expect(table.get_by_role("rowheader")).to_have_count(len(DATA["choices"]))
    page.get_by_label("Size of the last run").select_option(index=1)
    page.get_by_label("Loss of the last run").fill("0,65")
    page.get_by_label("give or take").fill("0.001")
    page.get_by_label("give or take").press("Enter")
    worst = DATA["choices"][0]
    score = score_of(DATA["choices"], worst["n"], 0.65, 0.001)
    line = page.locator(".cw-panel").last
    expect(line).to_contain_text(f"loss {score['loss']:.3f}.")
    expect(line).to_contain_text(f"regret is {score['regret']:.4f} nats")
    expect(line).to_contain_text("outside your interval, 0.649 to 0.651")
    expect(page.locator(".cw-live p", has_text=describe_game(DATA))).to_be_visible()
    expect(page.locator("td button")).to_have_count(0)  # nothing is for sale after the reveal
    for run in DATA["choices"]:
        expect(page.locator("td strong", has_text=f"{run['loss']:.3f}").first).to_be_visible()


NO_PREDICTION = [
    ("", "0.1", "Type a number first"),
    ("-3", "0.1", "It cannot be less than 0: you wrote “-3”."),
    ("1e9", "0.1", "It cannot be more than 10: you wrote “1e9”."),
    ("0.6 0.7 <b>", "0.1", "is not a number I can read"),
    ("0.6", "−0.1", "It cannot be less than 0"),
    ("0.6", "inf", "is not a number I can read"),
    ("0.6 GB", "0.1", "another unit"),
]


def test_what_is_no_prediction_is_refused_in_words(show: Any) -> None:
    page = show(WIDGET)
    page.get_by_label("Size of the last run").select_option(index=2)
    for loss, off, said in NO_PREDICTION:
        page.get_by_label("Loss of the last run").fill(loss)
        page.get_by_label("give or take").fill(off)
        page.get_by_label("give or take").press("Enter")
        expect(page.locator(".cw-verdict")).to_contain_text(said)
        expect(page.locator("td strong")).to_have_count(0)


def test_a_purse_is_never_overdrawn(show: Any) -> None:
    page = show(WIDGET)
    spent = 0.0
    dear_first = sorted(DATA["sale"], key=price_of, reverse=True)
    for run in dear_first:
        button = page.get_by_role(
            "button", name=f"buy {run['n']:,} parameters and {run['d']:,} samples"
        )
        affordable = spent + price_of(run) <= DATA["purse"]
        assert button.is_enabled() == affordable
        if affordable:
            button.press("Enter")
            spent += price_of(run)
    expect(page.locator(".cw-live p.cw-h")).to_contain_text("too little for another run")
    page.get_by_role("button", name="Start again").press("Enter")
    expect(page.locator(".cw-live p.cw-h")).to_have_text("18.00 GFLOP of 18.00 GFLOP left")


def test_whoever_can_buy_all_may(show: Any) -> None:
    rich = BudgetGame(python_runs(ALL), last=11.52e9, purse=1e12)
    page = show(rich)
    for run in DATA["sale"]:
        buy(page, run)
    expect(page.locator("td button")).to_have_count(0)
    page.get_by_role("button", name="Fit a law to my runs").press("Enter")
    expect(page.locator(".cw-live p", has_text="Fitted to 21 runs")).to_be_visible()
    page.get_by_role("button", name="Just show me").press("Enter")
    expect(page.locator(".cw-live .cw-panel")).not_to_contain_text("You chose")


GOOD: dict[str, Any] = {"runs": python_runs(ALL), "last": 11.52e9, "purse": 18e9}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"runs": [*GOOD["runs"], GOOD["runs"][0]]}, "each pair of sizes once"),
        ({"runs": [ScalingRun(0, 10, 1.0)]}, r"runs\[0\] must have whole sizes"),
        ({"runs": [ScalingRun(10, 10, -1.0)]}, "a positive loss"),
        ({"runs": [ScalingRun(10, 10, float("nan"))]}, r"runs\[0\].loss must be finite"),
        ({"runs": []}, r"must be the price of runs of 3 or more sizes, one each, got \[\]"),
        ({"last": 1e9}, "must be the price of runs"),
        ({"most": 1e8}, "must leave at least 8 runs, got 0"),
        ({"purse": 1e8}, "must buy at least the cheapest run"),
        ({"purse": float("inf")}, "purse must be finite"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BudgetGame(**(GOOD | changed))
