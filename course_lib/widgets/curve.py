"""A measured curve that the reader predicts first, point by point.

Chapter: 10_prompt_engineering
"""

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, percent, scroll
from course_lib.widgets.markup import table as html_table


class Curve(CourseWidget):
    """Measured values over a few settings: accuracy by shots, loss by mixture, loss by size.

    Args:
        x: The settings, two to eight of them.
        series: Name to measured values: one number per setting (a mean), or one list of runs per
            setting, of which mean and range are shown.
        title: The heading.
        question: What to predict, in one or two sentences.
        x_name: What the settings are, such as "shots".
        unit: "percent" for shares between 0 and 1, or a unit such as "nats".
        decimals: Decimals shown, where the unit is not "percent".
        better: "high" or "low": which end is good.
        describe: One sentence to read first.
        badge: Where the numbers come from.

    Raises:
        TypeError: If a value is not a number.
        ValueError: If there is no series, lengths differ, or `better` is another word.
    """

    _esm = bundle("curve.js")
    predicted: Any = traitlets.List(help="what the reader predicted").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        x: Sequence[object],
        series: Mapping[str, Any],
        *,
        title: str,
        question: str,
        x_name: str,
        unit: str = "percent",
        decimals: int = 2,
        better: str = "high",
        describe: str = "",
        badge: str = "measured",
    ) -> None:
        """Checks the measurements and writes the static form."""
        settings = [str(value) for value in x]
        if not 2 <= len(settings) <= 8:
            raise ValueError(f"x must have from 2 to 8 settings, got {len(settings)}")
        if not series:
            raise ValueError("series must hold at least one measured series, got none")
        if better not in ("high", "low"):
            raise ValueError(f"better must be 'high' or 'low', got {better!r}")
        payload: dict[str, Any] = {
            "x": settings,
            "series": [_series(name, values, len(settings)) for name, values in series.items()],
            "title": title,
            "question": question,
            "x_name": x_name,
            "unit": unit,
            "decimals": decimals,
            "better": better,
            "describe": describe,
            "badge": badge,
        }
        sentence = describe_curve(payload)
        names = [one["name"] for one in payload["series"]]
        rows = (
            (at, [f"<td>{_spread(one, i, payload)}</td>" for one in payload["series"]])
            for i, at in enumerate(settings)
        )
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>{escape(question)}</p>",
            f"<details><summary>What was measured</summary>"
            f"{scroll(title, html_table(x_name, names, rows))}<p>{escape(sentence)}</p></details>",
        )
        super().__init__(payload, static, f"{title}. {sentence}")


def _series(name: str, values: Any, n: int) -> dict[str, Any]:
    """Reduces runs to a mean and a range."""
    rows = values.tolist() if hasattr(values, "tolist") else list(values)
    if len(rows) != n:
        raise ValueError(f"series[{name!r}] must have {n} values, one per setting, got {len(rows)}")
    where = f"series[{name!r}]"
    if all(isinstance(row, list | tuple) or hasattr(row, "tolist") for row in rows):
        runs = [numbers(where, list(row)) for row in rows]
        if min(len(row) for row in runs) < 1:
            raise ValueError(f"{where} must have at least one run per setting")
        return {
            "name": name,
            "mean": [sum(row) / len(row) for row in runs],
            "low": [min(row) for row in runs],
            "high": [max(row) for row in runs],
        }
    return {"name": name, "mean": numbers(where, rows), "low": None, "high": None}


def _amount(value: float, payload: dict[str, Any]) -> str:
    if payload["unit"] == "percent":
        return percent(value)
    return f"{fixed(value, payload['decimals'])} {payload['unit']}".strip()


def _spread(one: dict[str, Any], i: int, payload: dict[str, Any]) -> str:
    text = escape(_amount(one["mean"][i], payload))
    if one["low"] is None:
        return text
    low, high = _amount(one["low"][i], payload), _amount(one["high"][i], payload)
    return f"{text} ({escape(low)} to {escape(high)})"


def describe_curve(payload: dict[str, Any]) -> str:
    """Says the first, the last and the best value of each series, as the page says it."""
    low = payload["better"] == "low"
    sentences = []
    for one in payload["series"]:
        mean = one["mean"]
        best = mean.index(min(mean) if low else max(mean))
        sentences.append(
            f"{one['name']}: {_amount(mean[0], payload)} at {payload['x'][0]}, "
            f"{_amount(mean[-1], payload)} at {payload['x'][-1]}; "
            f"{'lowest' if low else 'highest'} at {payload['x'][best]}."
        )
    return " ".join(sentences)
