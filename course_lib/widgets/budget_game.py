"""A game on recorded runs: buy some, then say which size a larger budget should train.

Chapter: 19_domain_adaptation
"""

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from course_lib.adaptation.scaling import ScalingRun
from course_lib.widgets.base import CourseWidget, number
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, scroll
from course_lib.widgets.markup import table as html_table

GIGA = 1e9


class BudgetGame(CourseWidget):
    """A reader spends a purse on small runs and predicts the best run of a price that is larger.

    A run costs 6 N D operations. Its loss is shown once it is bought. For each size, the last run
    is the one of the last price; which of them is the best, and its loss, is to be predicted. What
    is scored is the regret, by how much the chosen run is worse than the best one, and whether its
    loss lies in the reader's interval. A law is fitted to the reader's runs on request, by the rule
    of `fit_scaling_law`, and refused where that refuses it.

    Args:
        runs: Recorded runs, each pair of sizes once.
        last: Price of the last run, in operations; runs of it, to 5 percent, are the choices.
        purse: What may be spent before, in operations.
        most: The dearest run that is for sale, in operations; half the last price if None.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a number is none.
        ValueError: If a run comes twice, fewer than 3 sizes can be chosen or fewer than 8 runs are
            for sale, or the purse buys nothing.
    """

    _esm = bundle("budget_game.js")
    bought: Any = traitlets.List(help="[parameters, samples] of each bought run").tag(sync=True)
    chosen = traitlets.Int(0, help="parameters of the chosen run, 0 before").tag(sync=True)
    predicted: Any = traitlets.Dict(help="loss, and how far off it may be").tag(sync=True)
    regret = traitlets.Float(None, allow_none=True, help="nats above the best").tag(sync=True)
    held = traitlets.Bool(False, help="whether the loss lies in the interval").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        runs: Sequence[ScalingRun],
        *,
        last: float | int,
        purse: float | int,
        most: float | int | None = None,
        title: str = "Spend a budget",
        describe: str = "",
    ) -> None:
        """Checks the runs and writes the static form: what is for sale, and what came of all."""
        last, purse = number("last", last), number("purse", purse)
        most = last / 2 if most is None else number("most", most)
        fields = [_run(index, run) for index, run in enumerate(runs)]
        sizes = [(run["n"], run["d"]) for run in fields]
        twice = next((one for one in sizes if sizes.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"runs must hold each pair of sizes once, got {twice} again")
        fields.sort(key=lambda run: (run["n"], run["d"]))
        choices = [run for run in fields if abs(price_of(run) / last - 1) <= 0.05]
        for_sale = [run for run in fields if price_of(run) <= most and run not in choices]
        if len({run["n"] for run in choices}) < 3 or len({run["n"] for run in choices}) < len(
            choices
        ):
            raise ValueError(
                f"last={last:g} must be the price of runs of 3 or more sizes, one each, got "
                f"{[(run['n'], run['d']) for run in choices]}"
            )
        if len(for_sale) < 8:
            raise ValueError(f"most={most:g} must leave at least 8 runs, got {len(for_sale)}")
        if purse < min(map(price_of, for_sale)):
            raise ValueError(
                f"purse={purse:g} must buy at least the cheapest run, for "
                f"{min(map(price_of, for_sale)):g}"
            )
        payload: dict[str, Any] = {
            "sale": for_sale,
            "choices": choices,
            "purse": purse,
            "title": title,
            "describe": describe,
            "badge": "recorded runs",
        }
        super().__init__(payload, _static(payload), f"{title}. {describe_game(payload)}")


def _run(index: int, run: ScalingRun) -> dict[str, Any]:
    n, d, loss = (number(f"runs[{index}].{name}", one) for name, one in run._asdict().items())
    if not (n >= 1 and d >= 1 and loss > 0 and n == int(n) and d == int(d)):
        raise ValueError(f"runs[{index}] must have whole sizes and a positive loss, got {run}")
    return {"n": int(n), "d": int(d), "loss": loss}


def price_of(run: Mapping[str, Any]) -> float | int:
    """Returns what a run costs, 6 N D operations.

    Args:
        run: With `n`, its parameters, and `d`, its samples.
    """
    return 6 * run["n"] * run["d"]


def score_of(
    choices: Sequence[Mapping[str, Any]], size: int, loss: float | int, off: float | int
) -> dict[str, Any]:
    """Scores a choice and an interval.

    Args:
        choices: The runs of the last price.
        size: Parameters of the chosen one.
        loss: What its loss was said to be.
        off: How far off that was said to be at most.

    Returns:
        The `loss` it has, the `regret` against the best choice, the interval from `low` to `high`,
        whether it `held`, and whether it is `empty`: so wide that it holds for every choice.
    """
    losses = [run["loss"] for run in choices]
    mine = next(run["loss"] for run in choices if run["n"] == size)
    low, high = loss - off, loss + off
    return {
        "loss": mine,
        "regret": mine - min(losses),
        "low": low,
        "high": high,
        "held": low <= mine <= high,
        "empty": low <= min(losses) and high >= max(losses),
    }


def gigas(operations: float | int) -> str:
    """Writes a price in GFLOP, 10 to the 9 operations."""
    return f"{fixed(operations / GIGA)} GFLOP"


def describe_game(payload: Mapping[str, Any]) -> str:
    """Says the best and the worst choice, and the best of what is for sale."""
    choices = payload["choices"]
    best, worst = (pick(choices, key=lambda run: run["loss"]) for pick in (min, max))
    return (
        f"Of the runs of {gigas(max(map(price_of, choices)))} the best has {_sizes(best)}: loss "
        f"{fixed(best['loss'], 3)}. The worst has {_sizes(worst)}: {fixed(worst['loss'], 3)}."
    )


def _sizes(run: Mapping[str, Any]) -> str:
    return f"{run['n']:,} parameters and {run['d']:,} samples"


def task_of(payload: Mapping[str, Any]) -> str:
    """Says what the game is."""
    price = max(map(price_of, payload["choices"]))
    return (
        f"You have {gigas(payload['purse'])} to try things out, and then one run of "
        f"{gigas(price)}. Buy runs to see their losses, and say which size the last run should "
        "have. A run costs 6 operations for each parameter and sample."
    )


def _static(payload: Mapping[str, Any]) -> str:
    def table(name: str, runs: Sequence[Mapping[str, Any]]) -> str:
        rows = (
            (
                f"{run['n']:,}",
                [
                    f"<td>{run['d']:,}</td>",
                    f"<td>{fixed(price_of(run) / GIGA)}</td>",
                    f"<td>{fixed(run['loss'], 3)}</td>",
                ],
            )
            for run in runs
        )
        return scroll(name, html_table("parameters", ["samples", "GFLOP", "loss"], rows))

    return card(
        payload["title"],
        payload["badge"],
        f"<p>{escape(payload['describe'])}</p>" if payload["describe"] else "",
        f"<p>{escape(task_of(payload))}</p>",
        "<details><summary>The runs that are for sale</summary>"
        f"{table('Runs for sale', payload['sale'])}</details>",
        "<details><summary>What came of the last runs</summary>"
        f"{table('Last runs', payload['choices'])}<p>{escape(describe_game(payload))}</p>"
        "</details>",
    )
