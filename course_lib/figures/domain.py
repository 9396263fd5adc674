"""Figures of domain adaptation: what a mixture of sources is made of, and a law beside its runs.

Chapter: 19_domain_adaptation
"""

from collections.abc import Sequence

from course_lib.adaptation.bloomberg import DataSource
from course_lib.adaptation.scaling import ScalingFit, ScalingRun
from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers


@plain_numbers
def sources_of(rows: Sequence[DataSource]) -> FigureWithText:
    """Draw how many tokens each source of a data table has, part by part.

    A part that has more tokens than its sources together, since small ones are left out of the
    table, gets a bar for the rest.

    Args:
        rows: Of the table: parts, their sources, and at most one total, which is not drawn.

    Returns:
        The figure; its table has tokens, the share that the source of the table prints, and how
        many characters a token and a document are.

    Raises:
        ValueError: If there is no part, or a source belongs to none.
    """
    parts = {row.name: row for row in rows if any(one.part == row.name for one in rows)}
    if not parts:
        raise ValueError("rows must hold a part with a source, got none")
    stray = [row.name for row in rows if row.part is not None and row.part not in parts]
    if stray:
        raise ValueError(f"rows must hold the part of every source, got none of {stray}")
    total = sum(part.tokens for part in parts.values())
    lines: list[tuple[str, float, str]] = []
    for number, (name, part) in enumerate(parts.items()):
        sources = [row for row in rows if row.part == name]
        lines.append((name, part.tokens, palette.ink))
        lines += [(f"   {row.name}", row.tokens, palette.series[number]) for row in sources]
        rest = part.tokens - sum(row.tokens for row in sources)
        if rest > len(sources):  # rounding may leave one a source
            lines.append(("   small ones", rest, palette.series[number]))
    figure, axes = new_figure(width=6.0, height=0.24 * len(lines) + 0.7)
    places = range(len(lines), 0, -1)
    axes.barh(places, [n for _, n, _ in lines], color=[c for *_, c in lines], height=0.7)
    for place, (_, n, _) in zip(places, lines, strict=True):
        axes.annotate(f"{n / total:.1%}", (n, place), (4, 0), textcoords="offset points",
                      va="center", fontsize=9, color=palette.ink)  # fmt: skip
    axes.set_yticks(list(places), [name for name, *_ in lines])
    axes.set_xlim(0, 1.15 * max(n for _, n, _ in lines))
    axes.set_xticks([])
    axes.set_xlabel("tokens, and their share of all")
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    table = [["source", "billion tokens", "share", "characters a token", "characters a document"]]
    table += [
        [row.name, f"{row.tokens / 10:.1f}", f"{row.percent:.2f}%",
         f"{row.characters_a_token:.2f}", f"{row.characters_a_document:,}"]
        for row in rows
    ]  # fmt: skip
    said = ", ".join(
        f"{name} {part.tokens / 10:.0f} billion tokens, {part.tokens / total:.1%}"
        for name, part in parts.items()
    )
    most = max((row for row in rows if row.part is not None), key=lambda row: row.tokens)
    alt = f"Bars of tokens. {said}. The largest source is {most.name}: {most.tokens / total:.1%}."
    return FigureWithText(figure, alt, table)


@plain_numbers
def law_and_runs(fit: ScalingFit, held_out: Sequence[ScalingRun]) -> FigureWithText:
    """Draw runs over their length, a line of the fitted law for each size, and runs held out.

    Args:
        fit: A law with the runs that it was fitted to.
        held_out: Runs that it was not fitted to; each is drawn with its 90 % interval.

    Returns:
        The figure; its table has every run with what the law says of it.
    """
    sizes = sorted({run.n_parameters for run in (*fit.runs, *held_out)})
    lengths = sorted({run.n_tokens for run in (*fit.runs, *held_out)})
    figure, axes = new_figure(width=6.0, height=3.4)
    table = [["parameters", "samples", "loss", "the law says", "90 % from", "to", ""]]
    for number, size in enumerate(sizes):
        colour = palette.series[number % len(palette.series)]
        line = [fit.law.loss(size, length) for length in lengths]
        axes.plot(lengths, line, color=colour, linewidth=1.2)
        axes.annotate(f"{size:,}", (lengths[0], line[0]), (-6, 0), textcoords="offset points",
                      ha="right", va="center", fontsize=8, color=palette.ink)  # fmt: skip
        for runs, shape in ((fit.runs, "o"), (held_out, "D")):
            for run in runs:
                if run.n_parameters != size:
                    continue
                said = fit.predict(run.n_parameters, run.n_tokens)
                if shape == "D":
                    axes.plot([run.n_tokens] * 2, [said.low, said.high], color=palette.ink)
                axes.plot(run.n_tokens, run.loss, shape, color=colour, markersize=5)
                table.append(
                    [f"{run.n_parameters:,}", f"{run.n_tokens:,}"]
                    + [f"{value:.3f}" for value in (run.loss, *said)]
                    + ["held out" if shape == "D" else ""]
                )
    axes.set_xscale("log")
    axes.set_xlim(lengths[0] / 2.4, lengths[-1] * 1.2)  # room for the sizes, on a phone too
    axes.set_xticks(lengths, [f"{length / 1000:.0f}" for length in lengths])
    axes.minorticks_off()
    axes.set_xlabel("thousand samples; a line for each size")
    axes.set_ylabel("loss, nats")
    inside = sum(
        said.low <= run.loss <= said.high
        for run in held_out
        for said in [fit.predict(run.n_parameters, run.n_tokens)]
    )
    alt = (
        f"{len(fit.runs)} runs of {len(sizes)} sizes, whose loss falls with their length, on the "
        f"curves of one law. Of {len(held_out)} held-out runs {inside} lie in the 90 % interval."
    )
    return FigureWithText(figure, alt, table)
