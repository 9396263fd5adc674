"""Figures of the attention chapter: who looks at whom, step by step, and what a head is worth.

Chapter: 06_attention
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.heat import heat_map
from course_lib.model.attention import attention_weights
from course_lib.model.masks import causal_mask
from course_lib.shapes import Float


@plain_numbers
def attention_links(
    weights: Float[Tensor, "H T S"],
    words: Sequence[str],
    *,
    titles: Sequence[str] | None = None,
    query: int | None = None,
) -> FigureWithText:
    """Draw each head as lines from the words that ask to the words they take from.

    The thicker a line, the larger the weight; the lines that leave one word on the right add up
    to one. Weights under 0.02 are not drawn, and stay in the table.

    Args:
        weights: One matrix a head, rows summing to one.
        words: The T words; T and S must be equal.
        titles: One a head; "head 1", "head 2" and so on if left out.
        query: Draw only the lines that leave this word, counted from 0; negative from the end.

    Returns:
        The figure; its table has one row for each head and word that asks.

    Raises:
        ValueError: If words, titles or the query do not fit the weights.
    """
    H, T, S = weights.shape
    if T != S or len(words) != T:
        raise ValueError(f"weights {T} x {S} and {len(words)} words must be of one length")
    titles = [f"head {h + 1}" for h in range(H)] if titles is None else list(titles)
    if len(titles) != H:
        raise ValueError(f"titles must name {H} heads, got {len(titles)}")
    if query is not None and not -T <= query < T:
        raise ValueError(f"query must be a word from {-T} to {T - 1}, got {query}")
    asking = range(T) if query is None else [query % T]
    figure, axes = new_figure(
        1, H, width=max(3.6, 2.1 * H), height=0.6 + 0.26 * T, squeeze=False, sharey=True
    )
    for head, (one, title) in enumerate(zip(axes[0], titles, strict=True)):
        one.axis("off")
        one.set_title(title, fontsize=10, color=palette.ink)
        one.set(xlim=(-0.75, 1.75), ylim=(T - 0.5, -0.5))
        for row, word in enumerate(words):
            one.text(-0.06, row, word, ha="right", va="center", fontsize=9, color=palette.key)
            faint = palette.query if row in asking else palette.faint
            one.text(1.06, row, word, ha="left", va="center", fontsize=9, color=faint)
        for row in asking:
            for column, weight in enumerate(weights[head, row].tolist()):
                if weight >= 0.02:
                    colour = palette.series[head % len(palette.series)]
                    one.plot([1, 0], [row, column], color=colour, lw=4 * weight, alpha=0.75)
    rows = [
        [titles[head], words[row], *weights[head, row].tolist()]
        for head in range(H)
        for row in asking
    ]
    parts = []
    for head, title in enumerate(titles):
        row, column = max(
            ((row, int(weights[head, row].argmax())) for row in asking),
            key=lambda pair: weights[head, pair[0], pair[1]].item() * (pair[0] != 0),
        )
        weight = weights[head, row, column].item()
        parts.append(f"{title}: “{words[row]}” takes {weight:.2f} from “{words[column]}”")
    alt = (
        f"Words asking on the right, words answering on the left, lines as thick as the attention "
        f"weight, for {H} head{'s' * (H > 1)}. Thickest line of each: {'; '.join(parts)}."
    )
    head_row = ["head", "word that asks", *(f"from {i + 1} {w}" for i, w in enumerate(words))]
    return FigureWithText(figure, alt, [head_row, *rows])


@plain_numbers
def attention_stages(
    q: Float[Tensor, "T K"],
    k: Float[Tensor, "T K"],
    v: Float[Tensor, "T K"],
    words: Sequence[str],
    *,
    causal: bool = True,
) -> FigureWithText:
    """Draw the steps of attention as tables: scores, scaled, masked, weights, output.

    The weights come from ``course_lib.model.attention``, not from a second implementation.

    Args:
        q: One query a word.
        k: One key a word.
        v: One value a word.
        words: The T words.
        causal: Whether later words are hidden.

    Returns:
        The figure; its table has one row for each step and word.

    Raises:
        ValueError: If there is not one word for each query.
    """
    T, K = q.shape
    if len(words) != T:
        raise ValueError(f"q has {T} rows, words has {len(words)}")
    scores = q @ k.T
    scaled = scores / K**0.5
    hidden = ~causal_mask(T) if causal else torch.zeros(T, T, dtype=torch.bool)
    weights = attention_weights(q[None, None], k[None, None], causal=causal)[0, 0]
    steps: dict[str, Tensor] = {
        "1 score\nq · k": scores,
        "2 scale\n÷ √K": scaled,
        "3 mask\n−∞ where hidden": scaled.masked_fill(hidden, float("-inf")),
        "4 normalise\nsoftmax of the row": weights,
        "5 mix\nweights · v": weights @ v,
    }
    widths = [step.shape[1] for step in steps.values()]
    figure, axes = new_figure(
        1, len(steps), width=0.4 * sum(widths) + 1.5, height=1.1 + 0.42 * T, width_ratios=widths
    )
    rows: list[list[Any]] = []
    for index, (one, (title, step)) in enumerate(zip(axes, steps.items(), strict=True)):
        columns = words if step.shape[1] == T and index < 4 else [f"{i + 1}" for i in range(K)]
        across = palette.key if index < 4 else palette.value
        heat_map(one, step, words, columns, decimals=2, concepts=(palette.query, across))
        one.tick_params(labelleft=index == 0)  # a phone, where they are stacked, names all rows
        one.set_title(title, fontsize=9, color=palette.ink)
        name = title.replace("\n", ": ")
        for word, row in zip(words, step.tolist(), strict=True):
            cells = [f"{value:.2f}" if value != float("-inf") else "hidden" for value in row]
            rows.append([name, word, *cells, *[""] * (max(T, K) - len(cells))])
    top = int(weights[-1].argmax())
    alt = (
        f"Five tables for the words {', '.join(words)}: scores, scaled scores, masked scores, "
        f"weights and outputs. The last word, “{words[-1]}”, gives its largest weight, "
        f"{weights[-1, top]:.2f}, to “{words[top]}”."
    )
    head = ["step", "word that asks", *(str(i + 1) for i in range(max(T, K)))]
    return FigureWithText(figure, alt, [head, *rows])


@plain_numbers
def row_entropy(widths: Sequence[int], bits: Mapping[str, Sequence[float]]) -> FigureWithText:
    """Draw how evenly a row of weights is spread, against the width of a head.

    Args:
        widths: Head widths K, rising.
        bits: For each way to score, the mean entropy of a row in bits, one for each width.

    Returns:
        The figure.

    Raises:
        ValueError: If a series is not as long as ``widths``.
    """
    figure, axes = new_figure(height=3.2)
    for index, (name, series) in enumerate(bits.items()):
        if len(series) != len(widths):
            raise ValueError(f"bits[{name!r}] has {len(series)} numbers, widths has {len(widths)}")
        line, marker = palette.lines[index % 4], palette.markers[index % 5]
        axes.plot(
            widths, series, line, marker=marker, color=palette.series[2 * index % 6], label=name
        )
        axes.annotate(
            name,
            (widths[-1], series[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(widths), [str(width) for width in widths])
    axes.set(
        xlabel="width of a head, K", ylabel="entropy of a row of weights, bits", ylim=(0, None)
    )
    ends = "; ".join(f"{name}: {s[0]:.2f} to {s[-1]:.2f} bits" for name, s in bits.items())
    alt = f"Entropy of attention rows as the head grows from {widths[0]} to {widths[-1]}. {ends}."
    table: list[list[Any]] = [
        ["K", *bits],
        *([width, *(float(s[i]) for s in bits.values())] for i, width in enumerate(widths)),
    ]
    return FigureWithText(figure, alt, table)


@plain_numbers
def head_report(
    paid: Float[Tensor, "H N"],
    lost: Float[Tensor, "H N"],
    links: Sequence[str],
) -> FigureWithText:
    """Set what each head looks at beside what breaks when it is switched off.

    Args:
        paid: Weight that each head gives to the word which decides the answer, for N kinds of
            link.
        lost: Accuracy lost on each kind when the head is off, as a share of 1.
        links: Names of the kinds.

    Returns:
        The figure; a head that pays much and loses nothing shows why weights are not importance.

    Raises:
        ValueError: If the shapes and the names do not fit together.
    """
    if paid.shape != lost.shape or paid.shape[1] != len(links):
        raise ValueError(
            f"paid {tuple(paid.shape)}, lost {tuple(lost.shape)} and {len(links)} links do not fit"
        )
    H = paid.shape[0]
    heads = [f"head {h + 1}" for h in range(H)]
    figure, axes = new_figure(1, 2, width=6.4, height=1.2 + 0.42 * H)
    for one, values, title in (
        (axes[0], paid, "weight paid to the\nword that decides"),
        (axes[1], lost, "accuracy lost when\nthe head is off"),
    ):
        heat_map(one, values, heads, links, low=0.0, high=1.0)
        one.tick_params(labelleft=values is paid)
        one.set_title(title, fontsize=10, color=palette.ink)
    parts = []
    for n, link in enumerate(links):
        most, costly = int(paid[:, n].argmax()), int(lost[:, n].argmax())
        parts.append(
            f"{link}: {heads[most]} pays most ({paid[most, n]:.2f}), "
            f"{heads[costly]} costs most when off ({lost[costly, n]:.2f})"
        )
    alt = f"Two tables of {H} heads by {len(links)} kinds of link. {'; '.join(parts)}."
    head_row: list[Any] = [
        "head", *(f"pays, {link}" for link in links), *(f"lost, {link}" for link in links),
    ]  # fmt: skip
    rows = [[name, *paid[h].tolist(), *lost[h].tolist()] for h, name in enumerate(heads)]
    return FigureWithText(figure, alt, [head_row, *rows])
