"""Scaled dot-product attention over a few words, stage by stage, with each cell's arithmetic.

Chapter: 06_attention
"""

import math
from collections.abc import Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, labels, table_of_numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, listed, scroll, shade_class, short
from course_lib.widgets.markup import table as html_table

Rows = list[list[float]]
_TITLES = {
    "score": "1. Score: query times key",
    "scaled": "2. Scale: divided by the root of the width",
    "masked": "3. Mask: later words are hidden",
    "weight": "4. Normalise: softmax over each row",
    "output": "5. Mix: values weighted by the row",
}


class AttentionCalculator(CourseWidget):
    """Attention by hand: the reader fills one blank before each of five stages opens.

    Args:
        q: Queries of shape (T, K): one row per word.
        k: Keys of shape (T, K).
        v: Values of shape (T, K).
        causal: Whether a word may not see later words.
        scaled: Whether scores are divided by the square root of the width.
        labels: The words; numbered from 1 if left out.
        title: The heading.
        describe: One sentence to read first.
        badge: Where the numbers come from.

    Raises:
        TypeError: If an input is not a matrix of numbers.
        ValueError: If shapes differ, or there are fewer than 2 or more than 8 words.
    """

    _esm = bundle("attention_calculator.js")
    q: Any = traitlets.List(help="queries, as edited").tag(sync=True)
    k: Any = traitlets.List(help="keys, as edited").tag(sync=True)
    v: Any = traitlets.List(help="values, as edited").tag(sync=True)
    causal = traitlets.Bool(True).tag(sync=True)
    scaled = traitlets.Bool(True).tag(sync=True)
    output: Any = traitlets.List(help="the result for the numbers above").tag(sync=True)
    open_stages = traitlets.Int(0, help="stages shown so far").tag(sync=True)

    def __init__(
        self,
        q: Any = ((1, 0), (0, 1), (2, 1), (1, 1)),
        k: Any = ((0, 1), (2, 1), (1, 0), (1, 2)),
        v: Any = ((1, 0), (0, 2), (1, 1), (2, 0)),
        *,
        causal: bool = True,
        scaled: bool = True,
        labels: Sequence[object] | None = None,
        title: str = "Attention, one number at a time",
        describe: str = "",
        badge: str = "toy numbers",
    ) -> None:
        """Checks the numbers and writes all five stages as static tables."""
        inputs = {
            name: table_of_numbers(name, _lists(x))
            for name, x in zip("qkv", (q, k, v), strict=True)
        }
        shapes = {name: (len(rows), len(rows[0])) for name, rows in inputs.items()}
        if len(set(shapes.values())) != 1 or not 2 <= len(inputs["q"]) <= 8:
            raise ValueError(
                f"q, k and v must have one shape (T, K) with T from 2 to 8, got {shapes}"
            )
        names = word_labels(labels, len(inputs["q"]))
        stages = attention_stages(**inputs, causal=causal, scaled=scaled)
        payload = {"labels": names, "title": title, "describe": describe, "badge": badge}
        sentence = describe_stages(stages, names)
        drawn = "".join(
            f"<div><p><strong>{_TITLES[name]}</strong></p>{_stage_table(name, rows, names)}</div>"
            for name, rows in stages.items()
        )
        given = "".join(
            scroll(what, _plain_table(name, what, inputs[name], names))
            for name, what in zip("qkv", ("query", "key", "value"), strict=True)
        )
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            f'<div class="cw-side">{given}</div>',
            f'<div class="cw-stages">{drawn}</div>',
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(
            payload,
            static,
            f"{title}. {sentence}",
            **inputs,
            causal=bool(causal),
            scaled=bool(scaled),
            output=stages["output"],
        )


def _lists(values: Any) -> Any:
    """Turns tuples of tuples into lists; arrays and tensors stay."""
    return [list(row) for row in values] if isinstance(values, tuple) else values


def word_labels(values: Sequence[object] | None, n: int) -> list[str]:
    """Checks the words; numbers them from 1 if left out."""
    return labels("labels", values, n, "row of q")


def attention_stages(q: Rows, k: Rows, v: Rows, *, causal: bool, scaled: bool) -> dict[str, Rows]:
    """Computes attention in plain Python, keeping every stage.

    Args:
        q: Queries, one row per word.
        k: Keys, the same shape.
        v: Values, the same number of rows.
        causal: Whether a word may not see later words.
        scaled: Whether scores are divided by the square root of the width.

    Returns:
        "score", "scaled", "masked", "weight" and "output", rows as queries.
    """
    root = math.sqrt(len(q[0])) if scaled else 1.0
    score = [[sum(a * b for a, b in zip(one, key, strict=True)) for key in k] for one in q]
    divided = [[value / root for value in row] for row in score]
    masked = [
        [-math.inf if causal and j > i else value for j, value in enumerate(row)]
        for i, row in enumerate(divided)
    ]
    weight = []
    for row in masked:
        powers = [math.exp(value - max(row)) for value in row]
        weight.append([power / sum(powers) for power in powers])
    output = [
        [
            sum(share * value[c] for share, value in zip(row, v, strict=True))
            for c in range(len(v[0]))
        ]
        for row in weight
    ]
    return {"score": score, "scaled": divided, "masked": masked, "weight": weight, "output": output}


def describe_stages(stages: dict[str, Rows], names: list[str]) -> str:
    """Says what each word gives and gets, as the page's "Describe this" says it."""
    rows = []
    for i, row in enumerate(stages["weight"]):
        given = [f"{fixed(share)} to “{names[j]}”" for j, share in enumerate(row) if share > 0]
        got = [fixed(value) for value in stages["output"][i]]
        rows.append(f"“{names[i]}” gives {listed(given)} and gets {listed(got)}")
    return "; ".join(rows) + "."


def _plain_table(letter: str, what: str, rows: Rows, names: list[str]) -> str:
    columns = [str(c + 1) for c in range(len(rows[0]))]
    cells = ([f"<td>{short(value)}</td>" for value in row] for row in rows)
    corner = f"{letter.upper()}: {what}"
    return html_table(corner, columns, zip(names, cells, strict=True), kind=f"of-{what}")


def _stage_table(name: str, rows: Rows, names: list[str]) -> str:
    finite = [value for row in rows for value in row if math.isfinite(value)]
    low, high = (0.0, 1.0) if name == "weight" else (min(finite), max(finite))
    columns = [f"number {c + 1}" for c in range(len(rows[0]))] if name == "output" else names
    cells = (
        [
            f'<td class="{shade_class(value, low, high)}">{fixed(value)}</td>'
            if math.isfinite(value)
            else '<td class="gone">−∞</td>'
            for value in row
        ]
        for row in rows
    )
    kind = f"cw-heat by-query to-{'value' if name == 'output' else 'key'}"
    corner = "word" if name == "output" else "query ↓\nkey →"
    drawn = html_table(corner, columns, zip(names, cells, strict=True), kind=kind)
    return scroll(_TITLES[name], drawn)
