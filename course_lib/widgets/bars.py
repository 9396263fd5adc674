"""A distribution as a table with bars, and a second series beside it where one is given."""

from collections.abc import Sequence
from typing import Any

from course_lib.widgets.base import CourseWidget, labels, numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, percent, scroll, table


class Bars(CourseWidget):
    """Values as horizontal bars with their numbers, largest first on request.

    Args:
        values: One number of at least 0 per bar.
        labels: One label per bar.
        title: What the bars show, in a few words.
        describe: One sentence to read before the generated one.
        unit: "percent" for shares between 0 and 1, or a unit such as "nats"; "" for none.
        decimals: Decimals shown, where the unit is not "percent".
        other: A second series of the same length, drawn with a dashed bar.
        names: What the two series are called.
        shown: How many bars show before "show all".
        sort: Whether the largest value comes first.
        label_name: What the labels are, such as "word".
        badge: Where the numbers come from: "measured", "toy numbers", "published".

    Raises:
        TypeError: If a value is not a number.
        ValueError: If a value is negative or not finite, or lengths differ.
    """

    _esm = bundle("bars.js")

    def __init__(
        self,
        values: Any,
        labels: Sequence[object] | None = None,
        *,
        title: str = "Distribution",
        describe: str = "",
        unit: str = "percent",
        decimals: int = 2,
        other: Any = None,
        names: tuple[str, str] = ("value", "other"),
        shown: int = 12,
        sort: bool = False,
        label_name: str = "label",
        badge: str = "",
    ) -> None:
        """Checks the numbers and writes the static form."""
        first = checked("values", values)
        texts = bar_labels(labels, len(first))
        second = None if other is None else checked("other", other)
        if second is not None and len(second) != len(first):
            raise ValueError(
                f"other must have {len(first)} values as values has, got {len(second)}"
            )
        if sort:
            order = sorted(range(len(first)), key=lambda i: -first[i])
            first, texts = [first[i] for i in order], [texts[i] for i in order]
            second = None if second is None else [second[i] for i in order]
        payload = {
            "values": first,
            "other": second,
            "labels": texts,
            "names": list(names),
            "title": title,
            "describe": describe,
            "unit": unit,
            "decimals": decimals,
            "shown": max(1, shown),
            "label_name": label_name,
            "badge": badge,
        }
        sentence = f"{describe} {describe_bars(payload)}".strip()
        static = card(
            title,
            badge,
            scroll(title, bar_table(payload)),
            f'<p class="cw-note">{escape(sentence)}</p>',
        )
        super().__init__(payload, static, f"{title}. {sentence}")


def checked(name: str, values: Any) -> list[float]:
    """Converts a series and refuses an empty or a negative one."""
    series = numbers(name, values)
    if not series or min(series) < 0:
        raise ValueError(f"{name} must be at least one number, each at least 0, got {series!r:.80}")
    return series


def bar_labels(values: Sequence[object] | None, n: int) -> list[str]:
    """Checks the labels of `n` bars."""
    return labels("labels", values, n, "value")


def amount(value: float, payload: dict[str, Any]) -> str:
    """Writes one value with its unit."""
    if payload["unit"] == "percent":
        return percent(value)
    return f"{fixed(value, payload['decimals'])} {payload['unit']}".strip()


def describe_bars(payload: dict[str, Any]) -> str:
    """Says how many bars there are and which three are the largest."""
    values, texts = payload["values"], payload["labels"]
    order = sorted(range(len(values)), key=lambda i: -values[i])[:3]
    best = ", ".join(f"“{texts[i]}” {amount(values[i], payload)}" for i in order)
    text = f"{len(values)} bars. Largest: {best}."
    if payload["other"] is not None:
        pairs = ", ".join(f"“{texts[i]}” {amount(payload['other'][i], payload)}" for i in order)
        text += f" {payload['names'][1]}: {pairs}."
    return text


def bar_table(payload: dict[str, Any]) -> str:
    """Writes the first bars as a table."""
    series = [payload["values"]] + ([payload["other"]] if payload["other"] is not None else [])
    top = max(max(values) for values in series) or 1.0
    names = payload["names"] if len(series) == 2 else [payload["names"][0]]

    def cells(i: int) -> list[str]:
        bars = "".join(
            f'<span class="{kind}" style="width:{100 * values[i] / top:.2f}%"></span>'
            for values, kind in zip(series, ("one", "two"), strict=False)
        )
        numbers = [f"<td>{amount(values[i], payload)}</td>" for values in series]
        return [*numbers, f'<td class="bar" aria-hidden="true">{bars}</td>']

    shown = range(min(len(payload["values"]), payload["shown"]))
    rows = ((payload["labels"][i], cells(i)) for i in shown)
    return table(payload["label_name"], [*names, ""], rows, kind="cw-bars").replace(
        '<th scope="col"></th>', '<td aria-hidden="true"></td>'
    )
