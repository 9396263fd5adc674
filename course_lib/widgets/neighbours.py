"""The nearest words of a word in embedding space, beside a flat picture of that space.

Chapter: 04_embedding
"""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from course_lib.shapes import Float
from course_lib.widgets.base import CourseWidget, labels
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, percent, scroll, seen_all
from course_lib.widgets.markup import table as html_table


class Neighbours(CourseWidget):
    """Words of an embedding table: guess the nearest one, then see cosine and picture disagree.

    Args:
        embedding: The table, of shape (V, D).
        tokens: The V tokens as text.
        words: Which tokens may be asked about; the first eight if left out.
        k: How many neighbours are listed.
        title: The heading.
        describe: One sentence to read first.
        badge: Where the table comes from.

    Raises:
        ValueError: If shapes do not fit, there are fewer than 4 tokens, or a word is not a token.
    """

    _esm = bundle("neighbours.js")
    word = traitlets.Unicode().tag(sync=True)
    nearest: Any = traitlets.List(help="the words listed now").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        embedding: Any,
        tokens: Sequence[str],
        *,
        words: Sequence[str] | None = None,
        k: int = 8,
        title: str = "Neighbours in the embedding",
        describe: str = "",
        badge: str = "measured on the trained model",
    ) -> None:
        """Computes neighbours and picture, and writes the static form."""
        table = torch.as_tensor(embedding).detach().cpu().double()
        if table.dim() != 2 or len(table) < 4:
            raise ValueError(
                f"embedding must have shape (V, D) with V >= 4, got {tuple(table.shape)}"
            )
        names = seen_all(labels("tokens", tokens, len(table), "row of embedding"))
        asked = _indices(words, list(tokens), names)
        k = min(k, len(table) - 1)
        cosine = cosines(table)
        points, kept = flat_picture(table)
        order = _nearest(cosine)
        flat = _nearest(-torch.cdist(points, points))
        payload: dict[str, Any] = {
            "names": names,
            "words": asked,
            "near": {i: [[j, round(float(cosine[i, j]), 4)] for j in order[i][:k]] for i in asked},
            "flat": {i: flat[i] for i in asked},
            "guesses": {i: sorted({*order[i][:2], *flat[i][:2], order[i][-1]}) for i in asked},
            "points": [[round(x, 3), round(y, 3)] for x, y in points.tolist()],
            "kept": round(kept, 4),
            "width": table.shape[1],
            "title": title,
            "describe": describe,
            "badge": badge,
        }
        first = asked[0]
        rows = ((names[j], [f"<td>{fixed(c)}</td>"]) for j, c in payload["near"][first])
        sentence = describe_neighbours(payload, first)
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>{escape(sentence)}</p>",
            scroll("Nearest words", html_table(f"nearest to {names[first]}", ["cosine"], rows)),
        )
        super().__init__(payload, static, f"{title}. {sentence}", word=names[first])


def cosines(table: Float[Tensor, "V D"]) -> Float[Tensor, "V V"]:
    """Returns the cosine of every pair of rows; a row of zeros has cosine 0 with all."""
    unit = torch.nn.functional.normalize(table, dim=-1)
    return unit @ unit.T


def flat_picture(table: Float[Tensor, "V D"]) -> tuple[Float[Tensor, "V 2"], float]:
    """Projects the rows on their two main directions, and says what share of variance stays."""
    centred = table - table.mean(0)
    _, lengths, directions = torch.linalg.svd(centred, full_matrices=False)
    directions = directions * directions.sum(-1, keepdim=True).sign()  # a sign that is always so
    share = (lengths[:2] ** 2).sum() / (lengths**2).sum()
    return centred @ directions[:2].T, float(share)


def _nearest(closeness: Float[Tensor, "V V"]) -> list[list[int]]:
    """Returns for each row the other rows, closest first."""
    order: list[list[int]] = closeness.argsort(dim=-1, descending=True, stable=True).tolist()
    return [[j for j in row if j != i] for i, row in enumerate(order)]


def _indices(words: Sequence[str] | None, tokens: list[str], names: list[str]) -> list[int]:
    """Finds the asked words among the tokens, with or without the space in front."""
    if words is None:
        return list(range(min(8, len(tokens))))
    found = []
    for word in words:
        near = [i for i, token in enumerate(tokens) if word in (token, names[i], token.strip())]
        if not near:
            raise ValueError(f"words: {word!r} is not among the {len(tokens)} tokens")
        found.append(near[0])
    if not found:
        raise ValueError("words must hold at least one word, got none")
    return found


def describe_neighbours(payload: dict[str, Any], i: int) -> str:
    """Says the three nearest words by cosine and the nearest in the picture."""
    names = payload["names"]
    near = ", ".join(f"“{names[j]}” ({fixed(c)})" for j, c in payload["near"][i][:3])
    return (
        f"Nearest to “{names[i]}” by cosine: {near}. In the picture the nearest is "
        f"“{names[payload['flat'][i][0]]}”; the picture keeps {percent(payload['kept'])} of the "
        "variance."
    )
