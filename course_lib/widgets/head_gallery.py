"""All heads side by side: where each looks, and what is lost without it.

Chapter: 06_attention
"""

from collections.abc import Sequence
from typing import Any

import traitlets

from course_lib.widgets.attention_map import AttentionMap, weights_of
from course_lib.widgets.base import CourseWidget, table_of_numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, percent, scroll, shade
from course_lib.widgets.markup import table as html_table

_JOBS = ("the word before", "the word itself", "the first word", "one certain word", "no clear job")


class HeadGallery(CourseWidget):
    """Every head of a model on one sentence, and the accuracy when one is switched off.

    Args:
        weights: Attention weights of shape (L, H, T, T), each row a share of one.
        tokens: The T tokens as text.
        without: Accuracy (a share) without each head, of shape (L, H).
        baseline: Accuracy with all heads.
        query: Which token looks at first; the last one if left out.
        question: What is counted as right, and what to predict.
        jobs: Names of jobs that the reader may give to a head.
        title: The heading.
        describe: One sentence to read first.
        badge: Where the numbers come from.

    Raises:
        TypeError: If `without` is not a matrix of numbers.
        ValueError: If shapes do not fit, or an accuracy is not between 0 and 1.
    """

    _esm = bundle("head_gallery.js")
    jobs: Any = traitlets.Dict(help="head -> the job that the reader gave it").tag(sync=True)
    switched_off: Any = traitlets.List(help="layer and head, from 0").tag(sync=True)
    predicted = traitlets.Float(-1.0, help="predicted accuracy; -1 for none").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        weights: Any,
        tokens: Sequence[str],
        without: Any,
        baseline: float | int,
        *,
        query: int | None = None,
        question: str = "How many of the test sentences are still right without this head?",
        jobs: Sequence[str] = _JOBS,
        title: str = "What does each head do?",
        describe: str = "",
        badge: str = "measured on the trained model",
    ) -> None:
        """Checks the numbers and writes the static form."""
        shared = AttentionMap(weights, tokens, query=query, title=title, badge=badge)
        lost = table_of_numbers("without", without)
        packed = shared.payload["packed"]
        if (len(lost), len(lost[0])) != (len(packed), shared.payload["heads"]):
            raise ValueError(
                f"without must have one accuracy per head, shape "
                f"({len(packed)}, {shared.payload['heads']}), got ({len(lost)}, {len(lost[0])})"
            )
        if not all(0 <= x <= 1 for row in [*lost, [baseline]] for x in row):
            raise ValueError("without and baseline must be shares between 0 and 1")
        payload = {
            **shared.payload,
            "without": lost,
            "baseline": float(baseline),
            "query": shared.query,
            "question": question,
            "jobs": list(jobs),
            "describe": describe,
        }
        shared.close()
        sentence = describe_gallery(payload)
        heads = [(at, k) for at in range(len(packed)) for k in range(payload["heads"])]
        rows = ((f"layer {at + 1}, head {k + 1}", _cells(payload, at, k)) for at, k in heads)
        columns = ["itself", "the one before", "the first", "right without it"]
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            scroll("Habits of each head", html_table("head", columns, rows, kind="cw-heat")),
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title} {sentence}")


def habits_of(payload: dict[str, Any], layer: int, head: int) -> dict[str, float]:
    """Returns the mean weight on the word itself, the one before and the first.

    The mean is over the words after the first, for which the three can differ.
    """
    rows = {i: weights_of(payload, layer, head, i) for i in range(1, payload["size"])}
    n = len(rows)
    return {
        "itself": sum(row[i] for i, row in rows.items()) / n,
        "previous": sum(row[i - 1] for i, row in rows.items()) / n,
        "first": sum(row[0] for row in rows.values()) / n,
    }


def job_of(payload: dict[str, Any], layer: int, head: int) -> str:
    """Names what a head does: a job that takes half of its weights on average, or none."""
    habits = habits_of(payload, layer, head)
    found = [
        (habits["previous"], "the word before"),
        (habits["itself"], "the word itself"),
        (habits["first"], "the first word"),
    ]
    rows = {i: weights_of(payload, layer, head, i) for i in range(payload["size"])}
    for at in range(1, payload["size"] - 2):  # a word that two later ones can look at
        later = [rows[i][at] for i in range(at + 1, payload["size"])]
        found.append((sum(later) / len(later), f"one certain word, “{payload['shown'][at]}”"))
    share, name = max(found, key=lambda pair: pair[0])
    return "no clear job" if share < 0.5 else f"{name}: {percent(share)}"


def describe_gallery(payload: dict[str, Any]) -> str:
    """Says which head is the costliest to lose and which the cheapest."""
    flat = [
        (accuracy, f"layer {at + 1}, head {k + 1}")
        for at, row in enumerate(payload["without"])
        for k, accuracy in enumerate(row)
    ]
    worst = min(flat, key=lambda pair: pair[0])
    best = max(flat, key=lambda pair: pair[0])
    return (
        f"With all heads {percent(payload['baseline'])} are right. Without {worst[1]}: "
        f"{percent(worst[0])}, the costliest loss. Without {best[1]}: {percent(best[0])}, "
        "the cheapest."
    )


def _cells(payload: dict[str, Any], layer: int, head: int) -> list[str]:
    shares = habits_of(payload, layer, head).values()
    cells = [f'<td class="sh{shade(share)}">{percent(share)}</td>' for share in shares]
    return [*cells, f"<td>{percent(payload['without'][layer][head])}</td>"]
