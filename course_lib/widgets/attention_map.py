"""Which words a word attends to: predict first, then look, layer by layer and head by head.

Chapter: 01_relevance
"""

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, labels
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, legend, listed, percent, scroll, seen_all, shade
from course_lib.widgets.markup import table as html_table

_UNIT = 10_000  # weights travel as whole ten-thousandths


class AttentionMap(CourseWidget):
    """Attention weights of a trained model over one sentence.

    A row is a share of one: what one word (the query) gives to each word (the keys). It is not
    what that word receives, and not the model's prediction.

    Args:
        weights: Attention weights of shape (L, H, T, T), each row a share of one.
        tokens: The T tokens as text.
        query: Which token looks at first; the last one if left out.
        truth: Which tokens matter by the grammar: query index to key indices.
        title: The heading.
        describe: One sentence to read first.
        badge: Where the weights come from.

    Raises:
        TypeError: If `weights` is not an array of numbers.
        ValueError: If shapes or indices do not fit, or a row does not sum to 1.
    """

    _esm = bundle("attention_map.js")
    layer = traitlets.Int(0, help="layer shown, from 0").tag(sync=True)
    head = traitlets.Int(-1, help="head shown, from 0; -1 is the average").tag(sync=True)
    query = traitlets.Int(0, help="token that looks, from 0").tag(sync=True)
    marked: Any = traitlets.List(help="tokens the reader marked").tag(sync=True)
    revealed = traitlets.Bool(False, help="whether the weights are shown").tag(sync=True)

    def __init__(
        self,
        weights: Any,
        tokens: Sequence[str],
        *,
        query: int | None = None,
        truth: Mapping[int, Sequence[int]] | None = None,
        title: str = "Which words matter to which",
        describe: str = "",
        badge: str = "measured on the trained model",
    ) -> None:
        """Checks and packs the weights, and writes the static form."""
        rows = _checked(weights)
        size = len(rows[0][0])
        texts = labels("tokens", tokens, size, "query of weights")
        query = size - 1 if query is None else query
        truth = {} if truth is None else dict(truth)
        _check_indices(size, query, truth)
        causal = all(
            value == 0
            for layer in rows
            for head in layer
            for i, row in enumerate(head)
            for value in row[i + 1 :]
        )
        shown = seen_all(texts)
        payload = {
            "packed": [[_pack(head, causal) for head in layer] for layer in rows],
            "heads": len(rows[0]),
            "size": size,
            "causal": causal,
            "shown": shown,
            "names": names_of(shown),
            "truth": {str(i): list(keys) for i, keys in truth.items()},
            "title": title,
            "describe": describe,
            "badge": badge,
        }
        last = len(rows) - 1
        sentence = describe_look(payload, last, -1, query)
        drawn = html_table(
            "from ↓ to →",
            shown,
            ((shown[i], _cells(payload, last, i)) for i in range(size)),
            kind="cw-heat by-query to-key",
        )
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p><strong>{escape(sentence)}</strong></p>",
            scroll("Attention weights, from each word to each word", drawn),
            legend(0.0, 1.0, percent),
        )
        super().__init__(payload, static, f"{title}. {sentence}", query=query, layer=last)


def _checked(weights: Any) -> list[list[list[list[float]]]]:
    """Converts weights of shape (L, H, T, T) to nested lists and checks that rows sum to 1.

    Rows of 16 bits sum to 1 only as well as their format can say it, so they are divided by what
    they sum to.
    """
    if hasattr(weights, "detach"):
        weights = weights.detach().cpu()
    shape = tuple(getattr(weights, "shape", ()))
    if len(shape) != 4 or shape[2] != shape[3] or 0 in shape:
        raise ValueError(f"weights must be an array of shape (L, H, T, T), got shape {shape}")
    half = str(weights.dtype).rpartition(".")[2] in ("bfloat16", "float16")
    allowed = 1e-2 if half else 1e-3
    rows = weights.tolist()
    for at, layer in enumerate(rows):
        for k, head in enumerate(layer):
            for i, row in enumerate(head):
                total = sum(row)
                if min(row) < 0 or not abs(total - 1) < allowed:
                    raise ValueError(
                        f"weights[{at}, {k}, {i}] must be at least 0 and sum to 1, "
                        f"got a sum of {total:.4f} and a smallest value of {min(row):.4f}"
                    )
                if half:
                    row[:] = [value / total for value in row]
    return rows


def _check_indices(size: int, query: int, truth: Mapping[int, Sequence[int]]) -> None:
    for name, value in [("query", query), *(("truth", i) for i in truth)] + [
        ("truth", j) for keys in truth.values() for j in keys
    ]:
        if not 0 <= value < size:
            raise ValueError(f"{name} must be a token index from 0 to {size - 1}, got {value}")


def _pack(head: list[list[float]], causal: bool) -> list[int]:
    """Rounds one head to whole ten-thousandths, row after row, without hidden cells."""
    return [
        round(value * _UNIT)
        for i, row in enumerate(head)
        for value in (row[: i + 1] if causal else row)
    ]


def names_of(shown: Sequence[str]) -> list[str]:
    """Names tokens in a sentence; one that occurs twice also gets its place."""
    return [
        f"“{text}” (place {i + 1})" if shown.count(text) > 1 else f"“{text}”"
        for i, text in enumerate(shown)
    ]


def weights_of(payload: dict[str, Any], layer: int, head: int, i: int) -> list[float]:
    """Returns what query `i` gives to every key, in one head or averaged (head -1)."""
    size, causal = payload["size"], payload["causal"]
    start, length = (i * (i + 1) // 2, i + 1) if causal else (i * size, size)
    heads = payload["packed"][layer]
    chosen = heads if head < 0 else [heads[head]]
    row = [sum(one[start + j] for one in chosen) / len(chosen) / _UNIT for j in range(length)]
    return row + [0.0] * (size - length)


def describe_look(payload: dict[str, Any], layer: int, head: int, i: int) -> str:
    """Says where one word looks, strongest first."""
    row = weights_of(payload, layer, head, i)
    best = [j for j in sorted(range(len(row)), key=lambda j: (-row[j], j))[:3] if row[j] > 0]
    parts = [f"{percent(row[j])} to {payload['names'][j]}" for j in best]
    where = (
        f"averaged over the {payload['heads']} heads of layer {layer + 1}"
        if head < 0
        else f"in layer {layer + 1}, head {head + 1}"
    )
    return f"{payload['names'][i]} gives {listed(parts)}, {where}."


def _cells(payload: dict[str, Any], layer: int, i: int) -> list[str]:
    row = weights_of(payload, layer, -1, i)
    length = i + 1 if payload["causal"] else payload["size"]
    return [
        f'<td class="sh{shade(value)}">{percent(value)}</td>'
        if j < length
        else '<td class="gone">hidden</td>'
        for j, value in enumerate(row)
    ]
