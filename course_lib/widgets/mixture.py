"""What mixtures of two domains cost on each: predicted first, then measured, then a published one.

Chapter: 19_domain_adaptation
"""

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, number, table_of_numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, percent, scroll
from course_lib.widgets.markup import table as html_table


class MixtureTradeOff(CourseWidget):
    """A reader predicts the loss on both domains at every mixture, then chooses one of them.

    After the prediction the means and ranges of the measured runs are shown; after the choice, the
    mixture of least mean loss and that of a published model.

    Args:
        shares: Of the second domain, each from 0 to 1, rising; 3 to 7 of them.
        losses: Runs of each share, by domain: the first one falls out of use as the share rises.
        own: Tokens of a published model's two parts, in billions, by name, in the order of the
            domains.
        owner: Whose model it is.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a number is none.
        ValueError: If there are not two domains and two parts, shares do not rise, or a share has
            no run.
    """

    _esm = bundle("mixture.js")
    predicted: Any = traitlets.Dict(help="nats by domain, a list by share").tag(sync=True)
    chosen: Any = traitlets.Float(None, allow_none=True, help="a share").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        shares: Sequence[float | int],
        losses: Mapping[str, Any],
        *,
        own: Mapping[str, float | int],
        owner: str,
        title: str = "A mixture of two domains",
        describe: str = "",
    ) -> None:
        """Checks the runs and writes the static form: a row for each mixture."""
        at = [number(f"shares[{i}]", share) for i, share in enumerate(shares)]
        if not (3 <= len(at) <= 7 and 0 <= at[0] and at[-1] <= 1 and at == sorted(set(at))):
            raise ValueError(f"shares must be 3 to 7 numbers that rise from 0 to 1, got {at}")
        if len(losses) != 2 or len(own) != 2:
            raise ValueError(
                f"losses and own must name two parts each, got {list(losses)} and {list(own)}"
            )
        parts: list[dict[str, Any]] = [
            {"name": name, "tokens": number(f"own[{name!r}]", n)} for name, n in own.items()
        ]
        if min(part["tokens"] for part in parts) <= 0:
            raise ValueError(f"own must hold positive tokens, got {dict(own)}")
        payload: dict[str, Any] = {
            "shares": at,
            "domains": [_domain(name, rows, len(at)) for name, rows in losses.items()],
            "own": {"owner": owner, "parts": parts},
            "title": title,
            "describe": describe,
            "badge": "recorded runs",
        }
        names = [domain["name"] for domain in payload["domains"]]
        rows = (
            (percent(share), [f"<td>{_spread(d, i)}</td>" for d in payload["domains"]])
            for i, share in enumerate(at)
        )
        corner = f"share of {names[1]}"
        table = html_table(corner, [f"loss on {name}, nats" for name in names], rows)
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>{escape(question_of(payload))}</p>",
            "<details><summary>What was measured</summary>"
            f"{scroll(title, table)}<p>{escape(describe_mixtures(payload))}</p></details>",
        )
        super().__init__(payload, static, f"{title}. {describe_mixtures(payload)}")


def _domain(name: str, values: Any, n: int) -> dict[str, Any]:
    rows = table_of_numbers(f"losses[{name!r}]", values)
    if len(rows) != n:
        raise ValueError(f"losses[{name!r}] must have {n} shares, got {len(rows)}")
    if min(map(min, rows)) < 0:
        raise ValueError(f"losses[{name!r}] must not be negative, got {min(map(min, rows))}")
    return {
        "name": name,
        "mean": [sum(row) / len(row) for row in rows],
        "low": [min(row) for row in rows],
        "high": [max(row) for row in rows],
    }


def _spread(domain: Mapping[str, Any], i: int) -> str:
    mean, low, high = (fixed(domain[key][i], 3) for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def best_share(payload: Mapping[str, Any]) -> int:
    """Finds the mixture of the least loss where both domains count the same.

    Args:
        payload: Of a `MixtureTradeOff`.

    Returns:
        Its place among the shares.
    """
    first, second = (domain["mean"] for domain in payload["domains"])
    both = [a + b for a, b in zip(first, second, strict=True)]
    return both.index(min(both))


def question_of(payload: Mapping[str, Any]) -> str:
    """Says what is to be predicted."""
    first, second = (domain["name"] for domain in payload["domains"])
    return (
        f"What is the loss of each model, in nats a token, on held-out text of {first} and of "
        f"{second}?"
    )


def describe_mixtures(payload: Mapping[str, Any]) -> str:
    """Says the losses at the ends, the best mixture, and the published one."""
    best = best_share(payload)
    parts = [
        f"{domain['name']}: {fixed(domain['mean'][0], 3)} at {percent(payload['shares'][0])}, "
        f"{fixed(domain['mean'][-1], 3)} at {percent(payload['shares'][-1])}"
        for domain in payload["domains"]
    ]
    first, second = (fixed(domain["mean"][best], 3) for domain in payload["domains"])
    own = payload["own"]
    a, b = own["parts"]
    return (
        f"{'; '.join(parts)}. Where both count the same, {percent(payload['shares'][best])} is the "
        f"best of these: {first} and {second}. {own['owner']} has "
        f"{fixed(100 * b['tokens'] / (a['tokens'] + b['tokens']), 1)} % of {b['name']}: "
        f"{fixed(b['tokens'], 1)} billion tokens, and {fixed(a['tokens'], 1)} of {a['name']}."
    )
