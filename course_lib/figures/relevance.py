"""Figures of the first chapter: who is relevant to whom, how learning goes, how far it reads.

Chapter: 01_relevance
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.heat import heat_map
from course_lib.figures.phone import PHONE_INCHES
from course_lib.shapes import Float


@plain_numbers
def relevance_map(
    weights: Float[Tensor, "T S"],
    words: Sequence[str],
    *,
    title: str = "how much each word (row) takes from each word (column)",
) -> FigureWithText:
    """Draw one relevance map: a row for each word that looks, a column for each word looked at.

    Args:
        weights: Positive shares, each row summing to 1.
        words: The T words; T and S must be equal.
        title: Line above the map.

    Returns:
        The figure; its table is the map.

    Raises:
        ValueError: If the words do not fit, or a row does not sum to 1.
    """
    _check_map(weights, words)
    T = len(words)
    figure, axes = new_figure(width=1.6 + 0.62 * T, height=1.2 + 0.36 * T)
    sides = (palette.query, palette.key)
    heat_map(axes, weights, words, words, decimals=2, low=0.0, high=1.0, concepts=sides)
    axes.set_title(title, fontsize=9, color=palette.ink)
    alt = (
        f"A table of shares for the words {', '.join(words)}, rows looking at columns. "
        f"{_strongest(weights, words, T - 1)}."
    )
    rows = [[word, *row] for word, row in zip(words, weights.tolist(), strict=True)]
    return FigureWithText(figure, alt, [["from \\ to", *words], *rows])


@plain_numbers
def relevance_heads(
    weights: Float[Tensor, "L H T S"], words: Sequence[str], *, query: int = -1
) -> FigureWithText:
    """Draw the map of every head of every layer, small, layer below layer.

    Up to 16 tokens are named at the edges; with more, names would not be legible.

    Args:
        weights: Attention weights as ``attention_maps`` gives them, without the batch.
        words: The T tokens as text.
        query: The token whose row is described and listed in the table.

    Returns:
        The figure; its table lists, for that token, the three largest shares of each head.

    Raises:
        ValueError: If words, weights or the query do not fit.
    """
    L, H, T, _ = weights.shape
    if not -T <= query < T:
        raise ValueError(f"query must be a token from {-T} to {T - 1}, got {query}")
    query %= T
    figure, axes = new_figure(L, H, width=1.9 * H, height=2.1 * L, squeeze=False)
    table: list[list[object]] = [["layer", "head", "largest", "second", "third"]]
    parts = []
    for layer in range(L):
        for head in range(H):
            one, panel = weights[layer, head], axes[layer][head]
            _check_map(one, words)
            panel.imshow(one.numpy(), cmap=palette.map, vmin=0, vmax=1)
            _name(panel, words if T <= 16 else [], first=head == 0, last=layer == L - 1)
            panel.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=8, color=palette.ink)
            for spine in panel.spines.values():
                spine.set_visible(False)
            top = one[query].topk(min(3, T))
            shares = [
                f"{words[place]} {value:.2f}"
                for value, place in zip(top.values.tolist(), top.indices.tolist(), strict=True)
            ]
            table.append([layer + 1, head + 1, *shares, *[""] * (3 - len(shares))])
            parts.append(f"head {layer + 1}.{head + 1} at “{words[int(top.indices[0])]}”")
    alt = (
        f"{L} times {H} small maps, one for each head, for the tokens {' '.join(words)}. "
        f"The last look of “{words[query]}” is strongest in {', '.join(parts)}."
    )
    return FigureWithText(figure, alt, table)


@plain_numbers
def learning_curve(
    evaluations: Sequence[tuple[int, float]], baselines: Mapping[str, float]
) -> FigureWithText:
    """Draw held-out loss by update, with what simpler predictors reach as level lines.

    Args:
        evaluations: Pairs (updates made, loss), as in ``History.evaluations``.
        baselines: Loss of each baseline by its name.

    Returns:
        The figure; its table lists the evaluations, then the baselines.

    Raises:
        ValueError: If there is no evaluation.
    """
    if not evaluations:
        raise ValueError("evaluations must hold at least 1 pair, got 0")
    steps, losses = zip(*evaluations, strict=True)
    compared = ", ".join(f"the {name} {loss:.2f}" for name, loss in baselines.items())
    alt = (
        f"Held-out loss falls from {losses[0]:.2f} to {losses[-1]:.2f} nats a token in {steps[-1]} "
        f"updates; {compared}."
    )
    rows = [[f"after {step} updates", loss] for step, loss in evaluations]
    rows += [[name, loss] for name, loss in baselines.items()]
    figure, phone = (_draw_learning(evaluations, baselines, narrow) for narrow in (False, True))
    return FigureWithText(figure, alt, [["predictor", "nats a token"], *rows], phone=phone)


def _draw_learning(
    evaluations: Sequence[tuple[int, float]], baselines: Mapping[str, float], phone: bool
) -> Figure:
    """Draw the curve; on a phone its names stand below it, since there is no room between lines."""
    steps, losses = zip(*evaluations, strict=True)
    width, height = (PHONE_INCHES, 3.0 + 0.22 * len(baselines)) if phone else (6.2, 3.2)
    figure, axes = new_figure(width=width, height=height)
    name = f"transformer {losses[-1]:.2f}"
    axes.plot(steps, losses, color=palette.blue, marker="o", lw=1.8, label=name)
    for index, (baseline, loss) in enumerate(baselines.items()):
        line = palette.lines[1 + index % (len(palette.lines) - 1)]
        label = f"{baseline} {loss:.2f}"
        axes.axhline(loss, color=palette.ink, ls=line, lw=1.1, label=label)
    low, high = min([*losses, *baselines.values()]), max([*losses, *baselines.values()])
    span = high - low or 1.0  # of a level line, too, there is a picture
    axes.set_ylim(low - 0.14 * span, high + 0.1 * span)
    axes.set_xlabel("updates")
    axes.set_ylabel("held-out loss, nats a token")
    if phone:
        figure.legend(loc="outside lower center", fontsize=9, frameon=False)
        return figure
    axes.annotate(
        name,
        (steps[-1], losses[-1]),
        xytext=(7, 0),  # beside the lines: between them there may be no room
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        fontsize=9,
        color=palette.blue,
    )
    for names, lowest in _close_together(baselines, 0.08 * span):
        axes.annotate(
            ", ".join(names),
            (steps[-1], lowest),
            xytext=(0, 4 if len(names) == 1 else -13),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=palette.ink,
        )
    return figure


def _close_together(levels: Mapping[str, float], gap: float) -> list[tuple[list[str], float]]:
    """Join the names of levels that leave no room between them, with the lowest of each group."""
    groups: list[tuple[list[str], float]] = []
    for name, level in sorted(levels.items(), key=lambda pair: -pair[1]):
        label = f"{name} {level:.2f}"
        if groups and groups[-1][1] - level < gap:
            groups[-1] = ([*groups[-1][0], label], level)
        else:
            groups.append(([label], level))
    return groups


@plain_numbers
def reach_curve(losses: Mapping[int, float], floor: Mapping[str, float]) -> FigureWithText:
    """Draw the loss of a model that may read only the last k tokens, for growing k.

    Args:
        losses: Loss by number of tokens read; the numbers are drawn on a scale of doublings.
        floor: Loss of other predictors by name, as level lines.

    Returns:
        The figure; its table lists what is drawn.

    Raises:
        ValueError: If there is nothing to draw.
    """
    if not losses:
        raise ValueError("losses must hold at least 1 length, got 0")
    figure, axes = new_figure(width=6.2, height=3.0)
    axes.plot(list(losses), list(losses.values()), color=palette.blue, marker="o", lw=1.8)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(losses), [str(length) for length in losses])
    axes.minorticks_off()
    for index, (name, loss) in enumerate(floor.items()):
        axes.axhline(loss, color=palette.ink, ls=palette.lines[1 + index % 3], lw=1.1)
        axes.annotate(
            f"{name} {loss:.2f}",
            (list(losses)[-1], loss),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=palette.ink,
        )
    axes.set_xlabel("tokens the model may read")
    axes.set_ylabel("nats a token")
    first, *_, last = losses
    alt = (
        f"Loss of the same model by the number of tokens it may read: {losses[first]:.2f} with "
        f"{first}, {losses[last]:.2f} with {last}."
    )
    rows = [[f"{length} tokens", loss] for length, loss in losses.items()]
    rows += [[name, loss] for name, loss in floor.items()]
    return FigureWithText(figure, alt, [["reads", "nats a token"], *rows])


def _check_map(weights: Tensor, words: Sequence[str]) -> None:
    T, S = weights.shape
    if not T == S == len(words):
        raise ValueError(f"weights {T} x {S} and {len(words)} words must be of one length")
    sums = weights.sum(-1)
    if (weights < 0).any() or (sums - 1).abs().max() > 4e-3:  # 16 bits are as coarse as that
        raise ValueError(
            "weights must be 0 or more with rows that sum to 1, "
            f"got row sums from {sums.min():.3f} to {sums.max():.3f}"
        )


def _name(panel: Axes, words: Sequence[str], *, first: bool, last: bool) -> None:
    """Write the words at the left of the first panel of a row and below the lowest ones."""
    places = range(len(words))
    panel.set_yticks(places, words, fontsize=7)
    panel.set_xticks(places, words, fontsize=7, rotation=60)
    panel.tick_params(length=0, labelleft=first, labelbottom=last)


def _strongest(weights: Tensor, words: Sequence[str], query: int) -> str:
    best = int(weights[query].argmax())
    share = weights[query, best].item()
    return f"“{words[query]}” takes most, {share:.2f}, from “{words[best]}”"
