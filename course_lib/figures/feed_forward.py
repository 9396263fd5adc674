"""Figures of the feed-forward chapter: from logits to probabilities, and the bends in between.

Chapter: 07_feed_forward_softmax
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.model.layers import ACTIVATIONS
from course_lib.shapes import Float


@plain_numbers
def logits_to_probabilities(
    logits: Float[Tensor, " V"], words: Sequence[str], *, top: int = 12
) -> FigureWithText:
    """Draw the highest logits beside the probabilities that softmax makes of all of them.

    Softmax runs over the whole vocabulary; the words that are not drawn share the last bar.

    Args:
        logits: One score for each word of the vocabulary.
        words: The V words.
        top: How many words to draw.

    Returns:
        The figure; its table has one row for each word drawn and one for the rest.

    Raises:
        ValueError: If there is not one word for each logit, or `top` does not fit.
    """
    V = logits.shape[0]
    if len(words) != V:
        raise ValueError(f"logits has {V} scores, words has {len(words)}")
    if not 1 <= top < V:
        raise ValueError(f"top must be from 1 to {V - 1}, got {top}")
    order = logits.argsort(descending=True, stable=True)[:top].tolist()
    p = logits.softmax(-1)
    names = [words[i] for i in order]
    scores, shares = [logits[i].item() for i in order], [p[i].item() for i in order]
    rest = 1.0 - sum(shares)
    figure, (left, right) = new_figure(1, 2, width=7.2, height=0.9 + 0.24 * (top + 1), sharey=True)
    places = range(top)
    left.barh(places, scores, color=palette.sky)
    left.axvline(0, color=palette.faint, lw=0.8)
    left.set_yticks([*places, top], [*names, f"the other {V - top}"], fontsize=9)
    left.set_ylim(top + 0.6, -0.6)
    left.set_xlabel("logit")
    right.barh([*places, top], [*shares, rest], color=[*[palette.blue] * top, palette.faint])
    right.set(xlabel="probability", xlim=(0, 1))
    for place, share in zip([*places, top], [*shares, rest], strict=True):
        right.text(share + 0.01, place, f"{share:.3f}", va="center", fontsize=8, color=palette.ink)
    alt = (
        f"The {top} highest of {V} logits, from {scores[0]:.2f} to {scores[-1]:.2f}, and their "
        f"probabilities. “{names[0]}” gets {shares[0]:.3f}; all words that are not drawn get "
        f"{rest:.3f} together."
    )
    table: list[list[Any]] = [["word", "logit", "probability"]]
    table += [[n, f"{s:.2f}", f"{q:.4f}"] for n, s, q in zip(names, scores, shares, strict=True)]
    table.append([f"the other {V - top}", "", f"{rest:.4f}"])
    return FigureWithText(figure, alt, table)


@plain_numbers
def activation_curves(names: Sequence[str] = ("relu", "gelu", "silu")) -> FigureWithText:
    """Draw the functions that bend a feed-forward layer, as the package computes them.

    Args:
        names: Keys of ``course_lib.model.layers.ACTIVATIONS``.

    Returns:
        The figure; its table gives each function at five places.

    Raises:
        ValueError: If a name is not one of them.
    """
    unknown = [name for name in names if name not in ACTIVATIONS]
    if unknown:
        raise ValueError(f"names must be among {', '.join(ACTIVATIONS)}, got {unknown[0]!r}")
    figure, axes = new_figure(height=3.0)
    x = torch.linspace(-4, 4, 321)
    for index, name in enumerate(names):
        y = ACTIVATIONS[name](x)
        axes.plot(x.tolist(), y.tolist(), palette.lines[index % 4], label=name, lw=2,
                  color=palette.series[index % 6])  # fmt: skip
    axes.set(xlabel="input", ylabel="output", ylim=(-0.6, 3))
    axes.legend(frameon=False)
    at = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
    table: list[list[Any]] = [["function", *(f"at {value:g}" for value in at.tolist())]]
    for name in names:
        # Adding 0 turns a negative zero into zero.
        table.append([name, *((value + 0.0) for value in ACTIVATIONS[name](at).tolist())])
    low = {name: ACTIVATIONS[name](x).min().item() for name in names}
    parts = "; ".join(
        f"{name} never goes below {math.floor(v * 100 + 0.5) / 100 + 0.0:.2f}"
        for name, v in low.items()
    )
    return FigureWithText(figure, f"Curves of {', '.join(names)} from -4 to 4. {parts}.", table)
