"""Figures of the architecture chapters: the stacks in outline, and every part with its shape.

Chapter: 08_detailed_architecture
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers
from course_lib.figures.phone import PHONE_INCHES
from course_lib.model.block import Stack
from course_lib.model.transformer import Transformer


class Stop(NamedTuple):
    """One part of a model on the way of a token.

    Attributes:
        name: The part's place in the model, such as "decoder.blocks.0.attention".
        shape: Shape of what leaves it.
        n_parameters: Parameters in it.
    """

    name: str
    shape: tuple[int, ...]
    n_parameters: int


@plain_numbers
def shape_trace(model: Transformer, tokens: Tensor, **inputs: Any) -> list[Stop]:
    """Run a model once and note what leaves each part, in the order in which it is used.

    Args:
        model: Any family.
        tokens: As for ``model(tokens)``.
        **inputs: Further inputs of the model, such as ``source``.

    Returns:
        One stop for each embedding, norm, attention, feed-forward network and head.
    """
    stops: list[Stop] = []

    def note(name: str) -> Any:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            n_parameters = sum(p.numel() for p in module.parameters())
            stops.append(Stop(name, tuple(output.shape), n_parameters))

        return hook

    wanted = ("embedding", "head", "norm", "attention", "feed_forward", "segments", "table")
    handles = [
        module.register_forward_hook(note(name))
        for name, module in model.named_modules()
        if name.split(".")[-1].endswith(wanted)
    ]
    try:
        with torch.no_grad():
            model(tokens, **inputs)
    finally:
        for handle in handles:
            handle.remove()
    return stops


@plain_numbers
def simplified_architecture(model: Transformer) -> FigureWithText:
    """Draw the stacks a model has: what goes in, what repeats, what comes out.

    Everything in the picture is read from the model: which stacks there are, how many layers, which
    parts a layer holds and how many parameters each part has.

    Args:
        model: Any family; on the meta device is enough.

    Returns:
        The figure; its table counts the parameters of each part.
    """
    stacks = {
        name: stack
        for name, stack in (("encoder", model.encoder), ("decoder", model.decoder))
        if stack is not None
    }
    room = 0.6 if "decoder" in stacks else 0.0  # beside the decoder, for the way back
    figure, axes = new_figure(width=4.2 * len(stacks) - 0.6, height=5.0)
    axes.axis("off")
    axes.set(xlim=(0, 4.4 * len(stacks) - 1.2 + room), ylim=(0, 9.2))
    for column, (name, stack) in enumerate(stacks.items()):
        _column(axes, (4.4 * column + 0.2, 0.0), name, stack, last=column == len(stacks) - 1)
    if len(stacks) == 2:
        _arrow(axes, (3.06, 5.2), (4.74, 4.2), palette.vermilion)
        axes.text(3.8, 5.1, "one vector\nper input\ntoken", fontsize=9, ha="center")
    phone = _stacks_for_phone(stacks, room) if len(stacks) == 2 else None
    parts = parameters_by_part(model)
    total = sum(count for _, count in parts)
    described = [
        f"the {name} has {len(stack.blocks)} layers of {', '.join(_parts(stack.blocks[0]))}"
        for name, stack in stacks.items()
    ]
    alt = (
        f"A model in outline: {'; '.join(described)}. ".replace("\n", " ")
        + ("Each decoder layer also reads the encoder's output. " if len(stacks) == 2 else "")
        + "On top, a head and softmax make probabilities. "
        + ("The token chosen by them goes back in below, in a loop. " if room else "")
        + f"{total:,} parameters in all."
    )
    rows = [["part", "parameters"], *parts, ["all", total]]
    return FigureWithText(figure, alt, rows, phone=phone)


def _stacks_for_phone(stacks: Mapping[str, Stack], room: float) -> Figure:
    """Draw the decoder above the encoder, which it reads by a way on the left."""
    figure, axes = new_figure(width=PHONE_INCHES, height=8.4)
    axes.axis("off")
    axes.set(xlim=(-1.5, 2.9 + room), ylim=(0, 15.8))
    for (name, stack), y in zip(stacks.items(), (0.0, 6.9), strict=True):
        _column(axes, (0.0, y), name, stack, last=y > 0)
    axes.plot([-0.06, -0.5, -0.5], [5.2, 5.2, 10.9], color=palette.vermilion, lw=1.4)
    _arrow(axes, (-0.51, 10.9), (0.16, 10.9), palette.vermilion)
    axes.text(-0.62, 7.6, "one vector\nper input\ntoken", fontsize=9, ha="right", va="center")
    return figure


@plain_numbers
def detailed_architecture(
    stops: Sequence[Stop], *, whole: bool = False, n_layers: int | None = None, order: str = ""
) -> FigureWithText:
    """Draw every part of a model in the order of use, with the shape of what leaves it.

    Parts that add to the stream are drawn with the way around them.

    Args:
        stops: What ``shape_trace`` returned.
        whole: Draw what is no part of a model, too: what each side reads, and the softmax.
        n_layers: How often the blocks that are drawn are there; None says nothing about it.
        order: What is added to the embedding, which is no part with an output of its own either.

    Returns:
        The figure; its table has one row for each stop.

    Raises:
        ValueError: If there is no stop.
    """
    if not stops:
        raise ValueError("stops must hold at least 1 stop, got 0")
    in_encoder = [index for index, stop in enumerate(stops) if stop.name.startswith("encoder.")]
    cut = in_encoder[-1] + 1 if in_encoder and "decoder." in str(stops) else 0
    sides = [side for side in (stops[:cut], stops[cut:]) if side]
    figure, phone = (
        _draw_sides(sides, stacked=stacked, whole=whole, n_layers=n_layers, order=order)
        for stacked in (False, True)
    )
    shapes = f"from {_times(stops[0].shape)} to {_times(stops[-1].shape)}"
    n_adding = sum(stop.name.endswith(("attention", "feed_forward")) for stop in stops)
    repeated = "" if n_layers is None else f" The blocks are there {n_layers} times."
    alt = (
        f"{len(stops)} parts in the order of use, {shapes}. {n_adding} of them, the attentions and "
        "feed-forward networks, add their output to the stream that passes by them."
        f"{repeated}{' A softmax makes probabilities at the end.' if whole else ''}"
    )
    table = [[stop.name, _times(stop.shape), stop.n_parameters] for stop in stops]
    head = ["part", "shape of its output", "parameters"]
    return FigureWithText(figure, alt, [head, *table], phone=phone)


def _draw_sides(
    sides: Sequence[Sequence[Stop]],
    *,
    stacked: bool,
    whole: bool,
    n_layers: int | None,
    order: str,
) -> Figure:
    """Draw the encoder and the decoder side by side, or for a phone one below the other."""
    extra = 1 if whole else 0  # a row above, for what is read, and one below, for the softmax
    left = 0.5 if n_layers is None else 0.9
    apart = left + 3.7
    heights = [len(side) + 2 * extra for side in sides]
    wide = PHONE_INCHES if stacked else apart * len(sides)
    high = sum(heights) + 0.4 * (len(sides) - 1) if stacked else max(heights)
    figure, axes = new_figure(width=wide, height=0.8 + 0.42 * high)
    axes.axis("off")
    axes.set(xlim=(0, apart if stacked else apart * len(sides)), ylim=(high + 0.2, -0.6))
    for column, side in enumerate(sides):
        x = left if stacked else apart * column + left
        top = (heights[0] + 0.4) * column if stacked else 0.0
        _draw_side(axes, side, x, top + extra, order=order, says_reads=stacked)
        if whole:
            reads = "inputs" if column + 1 < len(sides) else "outputs (shifted right)"
            axes.text(x + 1.1, top + 0.4, reads, fontsize=9, ha="center", va="center")
            _arrow(axes, (x + 1.1, top + 0.62), (x + 1.1, top + 0.98), palette.ink)
        if n_layers is not None:
            rows = [row for row, stop in enumerate(side, extra) if ".blocks." in stop.name]
            ends = top + min(rows) - 0.1, top + max(rows) + 0.72
            _bracket(axes, x - 0.5, *ends, f"{n_layers} ×")
    end = top + len(sides[-1]) + extra
    if whole:
        _arrow(axes, (x + 1.1, end - 0.36), (x + 1.1, end - 0.02), palette.ink)
        _box(axes, x, float(end), 2.2, 0.62, "softmax", "white", fontsize=_POINTS)
        axes.text(x + 2.35, end + 0.31, "probabilities", fontsize=_POINTS, va="center")
    if len(sides) == 2 and not stacked:
        for row, stop in enumerate(sides[1], start=extra):
            if stop.name.endswith("cross_attention"):
                begin = (left + 3.3, len(sides[0]) + extra - 0.69)
                _arrow(axes, begin, (apart + left - 0.04, row + 0.31), palette.blue)
    return figure


def _draw_side(
    axes: Axes, side: Sequence[Stop], x: float, top: float, *, order: str, says_reads: bool
) -> None:
    """Draw the parts of one side from top to bottom, each with the shape of what leaves it.

    Args:
        axes: Where to draw.
        side: The parts.
        x: Left edge of their boxes.
        top: Upper edge of the first.
        order: What is added to the embedding.
        says_reads: Whether words say that cross-attention reads the encoder, and no arrow does.
    """
    for row, stop in enumerate(side):
        y = top + row
        adds = stop.name.endswith(("attention", "feed_forward"))
        colour = palette.sky if adds else ("#eeeeee" if "norm" in stop.name else "white")
        _box(axes, x, y, 2.2, 0.62, _short(stop.name), colour, fontsize=_POINTS)
        axes.text(x + 2.35, y + 0.31, " × ".join(map(str, stop.shape)), fontsize=_POINTS,
                  va="center")  # fmt: skip
        if says_reads and stop.name.endswith("cross_attention"):
            axes.text(x + 2.35, y - 0.12, "reads the encoder", fontsize=_POINTS, va="center",
                      color=palette.blue)  # fmt: skip
        if order and stop.name == "embedding":
            axes.text(x + 2.35, y + 0.81, order, fontsize=_POINTS, va="center")
        if row + 1 < len(side):
            _arrow(axes, (x + 1.1, y + 0.64), (x + 1.1, y + 0.98), palette.ink)
        if adds:
            # With the norm first, the way around begins before the norm.
            begin = y - (1.2 if side[row - 1].name == f"{stop.name}_norm" else 0.2)
            path = [begin, begin, y + 0.8, y + 0.8]
            axes.plot([x + 1.1, x - 0.25, x - 0.25, x + 1.1], path, color=palette.vermilion, lw=1.2)
            axes.text(x - 0.32, y + 0.3, "+", color=palette.vermilion, ha="right")


_POINTS = 8.5


def _bracket(axes: Axes, x: float, top: float, bottom: float, name: str) -> None:
    """Draw a bracket at the left of some rows, and its name beside it."""
    ends = [x + 0.08, x, x, x + 0.08]
    axes.plot(ends, [top, top, bottom, bottom], color=palette.faint, lw=1.2)
    axes.text(x - 0.06, top + 0.3, name, fontsize=9, ha="right", va="center")


def parameters_by_part(model: Transformer) -> list[list[Any]]:
    """Count the parameters of a model by what they are for; the counts add up to all of them.

    Args:
        model: Any family; on the meta device is enough.

    Returns:
        Rows of part and count, parts without parameters left out.
    """
    kinds = {
        "token embedding": lambda name: name.startswith("embedding."),
        "positions and segments": lambda name: ".positions." in name or ".segments." in name,
        "attention over the encoder": lambda name: ".cross_attention." in name,
        "self-attention": lambda name: ".attention." in name,
        "feed-forward": lambda name: ".feed_forward." in name,
        "head": lambda name: name.startswith("head."),
        "norms": lambda name: True,
    }
    counts = dict.fromkeys(kinds, 0)
    for name, parameter in model.named_parameters():
        counts[next(kind for kind, fits in kinds.items() if fits(name))] += parameter.numel()
    return [[kind, count] for kind, count in counts.items() if count]


@plain_numbers
def training_curves(
    losses: Mapping[str, Sequence[float]], *, level: float | None = None, level_name: str = ""
) -> FigureWithText:
    """Draw the losses of several models that were trained for the same number of steps.

    Args:
        losses: For each model its loss at every step, in nats per token.
        level: A loss to compare with, drawn as a level line.
        level_name: What reaches that loss.

    Returns:
        The figure; its table has ten steps or fewer.

    Raises:
        ValueError: If there is no model, or the series differ in length.
    """
    lengths = {name: len(series) for name, series in losses.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"losses must hold series of one length, got {lengths}")
    n_steps = next(iter(lengths.values()))
    figure, axes = new_figure(height=3.4)
    steps = range(1, n_steps + 1)
    for index, (name, series) in enumerate(losses.items()):
        line, marker = palette.lines[index % 4], palette.markers[index % 5]
        colour = palette.series[2 * index % 6]
        axes.plot(steps, series, line, marker=marker, markevery=5, color=colour, label=name)
    if level is not None:
        axes.axhline(level, color=palette.faint, lw=1, label=level_name)
    axes.set(xlabel="training step", ylabel="loss, nats per token")
    axes.legend(frameon=False, fontsize=9)
    ends = "; ".join(f"{name}: {s[0]:.2f} to {s[-1]:.2f}" for name, s in losses.items())
    known = "" if level is None else f" Level line at {level:.2f}: {level_name}."
    alt = f"Loss over {n_steps} training steps. {ends}.{known}"
    shown = sorted({round(i * (n_steps - 1) / 9) for i in range(10)})
    rows = [[i + 1, *(round(float(s[i]), 3) for s in losses.values())] for i in shown]
    return FigureWithText(figure, alt, [["step", *losses], *rows])


def _column(
    axes: Axes, corner: tuple[float, float], name: str, stack: Stack, *, last: bool
) -> None:
    """Draw one stack from its input, below, to its output, above."""
    x, y = corner
    parts = _parts(stack.blocks[0])
    _box(axes, x, y + 0.6, 2.8, 0.7, "embedding + positions", "white")
    writes = name == "decoder"
    below = "tokens so far" if writes else "tokens" if last else "input tokens"
    axes.text(x + 1.4, y + 0.2, below, ha="center", fontsize=9)
    _arrow(axes, (x + 1.4, y + 1.35), (x + 1.4, y + 1.85), palette.ink)
    frame = FancyBboxPatch((x, y + 1.95), 2.8, 4.4, boxstyle="round,pad=0.04", fill=False,
                           edgecolor=palette.blue, linestyle="--")  # fmt: skip
    axes.add_patch(frame)
    axes.text(x + 1.4, y + 6.5, f"{name}: {len(stack.blocks)} layers like this one", ha="center",
              fontsize=9, color=palette.blue)  # fmt: skip
    for index, part in enumerate(parts):
        _box(axes, x + 0.2, y + 2.2 + 1.35 * index, 2.4, 1.0, part, palette.sky)
        if index:
            foot = y + 1.9 + 1.35 * index
            _arrow(axes, (x + 1.4, foot), (x + 1.4, foot + 0.26), palette.ink)
    if last:
        _arrow(axes, (x + 1.4, y + 6.85), (x + 1.4, y + 7.25), palette.ink)
        _box(axes, x, y + 7.3, 2.8, 0.7, "head + softmax", "white")
        axes.text(x + 1.4, y + 8.3, "a probability for\nevery token", ha="center", fontsize=9)
    if writes:
        back = palette.vermilion
        axes.plot([x + 2.85, x + 3.15, x + 3.15], [y + 7.65, y + 7.65, y + 0.3], color=back, lw=1.4)
        _arrow(axes, (x + 3.16, y + 0.3), (x + 2.45, y + 0.3), back)
        axes.text(x + 3.3, y + 4.0, "the chosen token goes back in", fontsize=9, rotation=90,
                  va="center")  # fmt: skip


def _parts(block: nn.Module) -> list[str]:
    """Name the parts a block holds, in the order of use."""
    names = {
        "attention": "self-attention",
        "cross_attention": "attention over\nthe encoder's output",
        "feed_forward": "feed-forward",
    }
    return [words for name, words in names.items() if hasattr(block, name)]


def _box(
    axes: Axes,
    x: float,
    y: float,
    w: float,
    h: float,
    text: str,
    colour: str,
    *,
    fontsize: float = 9.0,
) -> None:
    style = "round,pad=0.02"
    axes.add_patch(
        FancyBboxPatch((x, y), w, h, boxstyle=style, facecolor=colour, edgecolor=palette.ink)
    )
    ink = palette.ink if colour == "white" else palette.on_light
    axes.text(x + w / 2, y + h / 2, text, ha="center", va="center", fontsize=fontsize, color=ink)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.4})


def _short(name: str) -> str:
    pieces = [piece for piece in name.split(".") if piece not in ("encoder", "decoder", "blocks")]
    words = " ".join(f"layer {int(p) + 1}" if p.isdigit() else p.replace("_", " ") for p in pieces)
    return words.replace("positions table", "positions")


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
