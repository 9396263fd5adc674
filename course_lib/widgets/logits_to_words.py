"""From logits to chances: what adding, multiplying and changing one logit does to all words.

Chapter: 07_feed_forward_softmax
"""

import math
from collections.abc import Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, labels, numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, percent, scroll, seen_all
from course_lib.widgets.markup import table as html_table

_SHOWN = 12


class LogitsToWords(CourseWidget):
    """Softmax over the whole vocabulary, before and after a change of the logits.

    Args:
        tokens: The V tokens as text.
        logits: The V logits of the next token.
        title: The heading.
        describe: One sentence to read first, such as the text so far.
        badge: Where the logits come from.

    Raises:
        TypeError: If `logits` is not a vector of numbers.
        ValueError: If there are fewer than 2 logits, one is not finite, or lengths differ.
    """

    _esm = bundle("logits_to_words.js")
    add_to_all = traitlets.Float(0.0).tag(sync=True)
    times = traitlets.Float(1.0).tag(sync=True)
    add_to_one = traitlets.Float(0.0).tag(sync=True)
    one = traitlets.Int(0, help="index of the one token").tag(sync=True)
    chances: Any = traitlets.List(help="chances after the change").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str],
        logits: Any,
        *,
        title: str = "From logits to words",
        describe: str = "",
        badge: str = "measured on the trained model",
    ) -> None:
        """Checks the logits and writes the static form: the model's chances, and twice as sharp."""
        values = [round(value, 5) for value in numbers("logits", logits)]
        if len(values) < 2:
            raise ValueError(f"logits must hold at least 2 numbers, got {len(values)}")
        shown = seen_all(labels("tokens", tokens, len(values), "logit"))
        order = sorted(range(len(values)), key=lambda i: (-values[i], i))
        payload = {
            "tokens": shown,
            "logits": values,
            "order": order,
            "title": title,
            "describe": describe,
            "badge": badge,
        }
        stages = {
            "before": softmax(values),
            "3 added to all": softmax(changed_logits(values, add_to_all=3)),
            "times 2": softmax(changed_logits(values, times=2)),
            f"3 added to “{shown[order[1]]}”": softmax(
                changed_logits(values, add_to_one=3, one=order[1])
            ),
        }
        rows = (
            (shown[i], [f"<td>{percent(stage[i])}</td>" for stage in stages.values()])
            for i in order[:_SHOWN]
        )
        sentence = f"Every logit times 2: {describe_change(shown, order, values, times=2)}"
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            scroll("Chances before and after", html_table("word", stages, rows)),
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title}. {sentence}", one=order[1])


def softmax(logits: Sequence[float]) -> list[float]:
    """Returns exp of each logit over their sum."""
    best = max(logits)
    powers = [math.exp(value - best) for value in logits]
    return [power / sum(powers) for power in powers]


def changed_logits(
    logits: Sequence[float],
    *,
    add_to_all: float | int = 0,
    times: float | int = 1,
    add_to_one: float | int = 0,
    one: int = 0,
) -> list[float]:
    """Adds to every logit, multiplies, then adds to one of them."""
    return [
        times * (value + add_to_all) + (add_to_one if i == one else 0)
        for i, value in enumerate(logits)
    ]


def describe_change(
    tokens: Sequence[str], order: Sequence[int], logits: Sequence[float], **change: Any
) -> str:
    """Says what a change does to the ranking and to the most likely word."""
    after = changed_logits(logits, **change)
    again = sorted(range(len(after)), key=lambda i: (-after[i], i))
    top = order[0]
    word = "did not change" if again == list(order) else "changed"
    return (
        f"The ranking {word}. “{tokens[top]}” goes from {percent(softmax(logits)[top])} to "
        f"{percent(softmax(after)[top])}."
    )
