"""Figures of the positions chapter: what is added, what it does to scores, how far it reaches.

Chapter: 05_positions
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.patches import Circle
from torch import Tensor

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.heat import heat_map
from course_lib.model.positions import Rotary
from course_lib.shapes import Float


@plain_numbers
def word_plus_position(
    words: Sequence[str],
    vectors: Float[Tensor, "T D"],
    places: Float[Tensor, "T D"],
    *,
    columns: int = 6,
) -> FigureWithText:
    """Draw the sum that a model reads: the word's vector plus the vector of its place.

    Args:
        words: The T words.
        vectors: Their rows of the embedding table, as the model scales them.
        places: What the scheme adds at each place.
        columns: How many of the D numbers are written out.

    Returns:
        The figure; its table has the numbers of the sum.

    Raises:
        ValueError: If the shapes and the words do not fit together, or `columns` does not fit.
    """
    T, D = vectors.shape
    if places.shape != vectors.shape or len(words) != T:
        raise ValueError(
            f"vectors {tuple(vectors.shape)}, places {tuple(places.shape)} and {len(words)} words "
            "do not fit"
        )
    if not 1 <= columns <= D:
        raise ValueError(f"columns must be from 1 to {D}, got {columns}")
    parts = [part.detach().float().cpu()[:, :columns] for part in (vectors, places)]
    parts.append(parts[0] + parts[1])
    most = max(float(part.abs().max()) for part in parts)
    figure, axes = new_figure(1, 3, width=8.4, height=0.9 + 0.4 * T)
    names = [f"{word}  ({t})" for t, word in enumerate(words)]
    titles = ("the word", "+  its place", "=  what the model reads")
    for one, part, title in zip(axes, parts, titles, strict=True):
        columns_shown = [str(c + 1) for c in range(columns)]
        heat_map(one, part, names, columns_shown, decimals=1, low=-most, high=most)
        # A phone, where they are below each other, names the rows of each.
        one.tick_params(labelleft=part is parts[0])
        one.set_title(title, fontsize=10, color=palette.ink)
    twice = [(i, j) for j in range(T) for i in range(j) if bool((parts[0][i] == parts[0][j]).all())]
    alt = f"Three tables of {T} words by {columns} of {D} numbers: the words, the places, the sum."
    if twice:
        i, j = twice[0]
        alt += (
            f" “{words[i]}” stands at places {i} and {j}: the same numbers on the left, others in "
            "the sum."
        )
    head: list[Any] = ["word", "place", *(f"sum {c + 1}" for c in range(columns))]
    rows = [[words[t], t, *parts[2][t].tolist()] for t in range(T)]
    return FigureWithText(figure, alt, [head, *rows])


@plain_numbers
def turning_arrows(
    query: Float[Tensor, " 2"],
    key: Float[Tensor, " 2"],
    places: Sequence[tuple[int, int]],
    *,
    speed: float,
) -> FigureWithText:
    """Draw one pair of numbers of a query and of a key as arrows, turned by their places.

    The angle between the arrows, and so their product, depends on the distance alone.

    Args:
        query: Two numbers of a query, before the turn.
        key: The same two of a key.
        places: Places of the query and of the key, one picture each.
        speed: Radians that the pair turns from one place to the next.

    Returns:
        The figure; its table has the angle and the product of each picture.

    Raises:
        ValueError: If there is no pair of places, or a vector has no length.
    """
    if not places:
        raise ValueError("places must hold at least one pair, got none")
    if not (query.any() and key.any()):
        raise ValueError(f"query and key must not be zero, got {query.tolist()}, {key.tolist()}")
    wheel = Rotary((speed,))
    longest = float(max(query.norm(), key.norm()))
    figure, axes = new_figure(1, len(places), width=2.5 * len(places), height=2.9, squeeze=False)
    table: list[list[Any]] = [["query at", "key at", "tokens apart", "angle, degrees", "product"]]
    for one, (t, s) in zip(axes[0], places, strict=True):
        turned = [
            wheel.rotate(vector[None, None, None].float(), torch.tensor([place]))[0, 0, 0]
            for vector, place in ((query, t), (key, s))
        ]
        for (x, y), name, colour in zip(
            (arrow.tolist() for arrow in turned),
            (f"query at {t}", f"key at {s}"),
            (palette.blue, palette.vermilion),
            strict=True,
        ):
            one.annotate("", (x, y), (0, 0), arrowprops=dict(arrowstyle="->", color=colour, lw=2))
            beyond = 1 + 0.25 * longest / (x * x + y * y) ** 0.5
            side = "left" if x > longest / 2 else "right" if x < -longest / 2 else "center"
            one.text(x * beyond, y * beyond, name, fontsize=9, color=palette.ink, ha=side,
                     va="center")  # fmt: skip
        product = float(turned[0] @ turned[1])
        cosine = product / float(turned[0].norm() * turned[1].norm())
        angle = float(torch.tensor(cosine).clamp(-1, 1).arccos().rad2deg())
        edge = 1.75 * longest
        one.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
        one.axis("off")
        one.add_patch(Circle((0, 0), longest, fill=False, ec=palette.faint, ls=":"))
        one.set_title(f"{t - s} apart: {angle:.0f}°", fontsize=10, color=palette.ink)
        table.append([t, s, t - s, f"{angle:.1f}", f"{product:.2f}"])
    parts = [f"query at {row[0]}, key at {row[1]}: {row[3]} degrees apart" for row in table[1:]]
    alt = f"A query and a key as arrows, each turned by its place. {'; '.join(parts)}."
    return FigureWithText(figure, alt, table)


@plain_numbers
def score_by_distance(
    curves: Mapping[str, Float[Tensor, "N M"]], *, names: Sequence[str] | None = None
) -> FigureWithText:
    """Draw, for several schemes, how the score of a pair changes with its distance alone.

    Args:
        curves: For each scheme, N curves (such as one for each head) over the distances 0 to M-1.
        names: What the N curves are, for the legend of the first scheme with more than one.

    Returns:
        The figure; its table gives the first curve of each scheme at some distances.

    Raises:
        ValueError: If there is no scheme, or the curves differ in length.
    """
    lengths = {curve.shape[1] for curve in curves.values()}
    if len(lengths) != 1:
        raise ValueError(f"curves must be of one length, got {sorted(lengths)}")
    M = lengths.pop()
    figure, axes = new_figure(1, len(curves), width=2.5 * len(curves), height=2.7, squeeze=False)
    legend = names is not None
    for one, (title, curve) in zip(axes[0], curves.items(), strict=True):
        for n, line in enumerate(curve.tolist()):
            one.plot(range(M), line, palette.lines[n % 4], color=palette.series[n % 6], lw=1.6,
                     label=names[n] if names and n < len(names) else None)  # fmt: skip
        one.set_title(title, fontsize=10, color=palette.ink)
        one.set_xlabel("tokens apart", fontsize=9)
        if legend and len(curve) > 1:
            one.legend(frameon=False, fontsize=8)
            legend = False
    axes[0][0].set_ylabel("score", fontsize=9)
    shown = [d for d in (0, 1, 2, 3, 4, 8, 16, 32, 64) if d < M]
    ends = "; ".join(
        f"{title} {c[0, 0]:.2f} at distance 0, {c[0, -1]:.2f} at {M - 1}"
        for title, c in curves.items()
    )
    alt = f"Score by distance, a panel for each scheme. The first curve of each: {ends}."
    table: list[list[Any]] = [["tokens apart", *curves]]
    table += [[d, *(float(c[0, d]) for c in curves.values())] for d in shown]
    return FigureWithText(figure, alt, table)


@plain_numbers
def longer_texts(
    lengths: Sequence[int], losses: Mapping[str, Sequence[float]], *, trained: int
) -> FigureWithText:
    """Draw the loss of models of several schemes on texts longer than those of training.

    Args:
        lengths: Tokens to read, rising.
        losses: For each scheme, the loss at these lengths; fewer where it goes no further.
        trained: The length in training.

    Returns:
        The figure; its table has one row for each scheme.

    Raises:
        ValueError: If a scheme has no losses or too many, or `trained` is not among the lengths.
    """
    if trained not in lengths:
        raise ValueError(f"trained={trained} must be among the lengths {list(lengths)}")
    figure, axes = new_figure(height=3.6)
    for index, (name, series) in enumerate(losses.items()):
        if not 1 <= len(series) <= len(lengths):
            raise ValueError(
                f"losses[{name!r}] must have 1 to {len(lengths)} numbers, got {len(series)}"
            )
        axes.plot(lengths[: len(series)], series, palette.lines[index % 4],
                  marker=palette.markers[index % 5], color=palette.series[index % 6],
                  label=name)  # fmt: skip
    axes.axvline(trained, color=palette.faint, lw=0.8, ls=":")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(lengths), [str(length) for length in lengths])
    axes.set(xlabel="tokens to read", ylabel="loss, nats a token")
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    parts = []
    for name, series in losses.items():
        if len(series) < len(lengths):
            parts.append(f"{name}: {series[0]:.2f}, nothing beyond {lengths[len(series) - 1]}")
        else:
            parts.append(f"{name}: {series[0]:.2f} to {series[-1]:.2f}")
    alt = (
        f"Loss by length of text, {lengths[0]} to {lengths[-1]} tokens, trained on {trained}. "
        f"{'; '.join(parts)}."
    )
    table: list[list[Any]] = [["scheme", *(f"{length} tokens" for length in lengths)]]
    for name, series in losses.items():
        gone = ["-"] * (len(lengths) - len(series))
        table.append([name, *(f"{value:.2f}" for value in series), *gone])
    return FigureWithText(figure, alt, table)
