"""Figures of the multi-GPU chapter: what each rank holds, and what more ranks change.

Chapter: 18_multi_gpu_zero
"""

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.distributed.memory.report import Report
from course_lib.figures.base import FigureWithText, new_figure, palette, plain_numbers

STAGES = ("DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3")
PARTS = ("parameters", "gradients", "optimizer")
_HATCHES = ("", "//", "..")


@plain_numbers
def multi_gpu(reports: Sequence[Report]) -> FigureWithText:
    """Draw what every rank holds at each stage, as measured.

    Args:
        reports: One of ``course_lib.distributed.report()`` for each stage to draw, made while
            gradients are there.

    Returns:
        The figure; its table has one row for each stage and rank, in bytes.

    Raises:
        ValueError: If there is no report, or they are of different models or numbers of ranks.
    """
    if not reports:
        raise ValueError("reports must hold at least 1 report, got 0")
    for name in ("n_parameters", "world_size"):
        found = sorted({getattr(report, name) for report in reports})
        if len(found) > 1:
            raise ValueError(f"reports must agree on {name}, got {found}")
    n_ranks, n_parameters = reports[0].world_size, reports[0].n_parameters
    figure, panels = new_figure(
        1, len(reports), width=0.9 + 1.45 * len(reports), height=3.5, sharey=True, squeeze=False
    )
    table: list[list[Any]] = [["stage and rank", *PARTS, "all"]]
    said = []
    for axes, report in zip(panels[0], reports, strict=True):
        name = STAGES[report.stage]
        for rank, held in enumerate(report.measured):
            bottom = 0.0
            for part, colour, hatch in zip(PARTS, palette.series, _HATCHES, strict=False):
                size = getattr(held, part) / 1e6
                axes.bar(
                    rank,
                    size,
                    bottom=bottom,
                    color=colour,
                    hatch=hatch,
                    edgecolor="white",
                    label=part if rank == 0 else None,
                )
                bottom += size
            sizes = [f"{getattr(held, part):,.0f}" for part in PARTS]
            table.append([f"{name}, rank {rank}", *sizes, f"{held.total:,.0f}"])
        most = max(held.total for held in report.measured)
        said.append(f"{name} {most / 1e6:.2f} MB")
        axes.set_title(f"{name}\n{most / n_parameters:.1f} bytes\na parameter", fontsize=9)
        axes.set_xticks(range(n_ranks), [f"rank {rank}" for rank in range(n_ranks)], fontsize=8)
    panels[0][0].set_ylabel("MB held")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    alt = (
        f"Model states of {n_parameters:,} parameters on {n_ranks} ranks, measured: stacked bars "
        f"of parameters, gradients and optimizer state. On the fullest rank: {', '.join(said)}."
    )
    return FigureWithText(figure, alt, table)


@plain_numbers
def memory_by_ranks(
    n_parameters: float | int,
    ranks: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
    *,
    memory_gb: float | int = 80,
) -> FigureWithText:
    """Draw the bytes of model states on one GPU against the number of GPUs, by the formula.

    Args:
        n_parameters: Number of parameters.
        ranks: Numbers of GPUs, rising.
        memory_gb: Memory of one GPU, drawn as a line, in GB of 1e9 bytes.

    Returns:
        The figure; its table has one row for each number of GPUs.

    Raises:
        ValueError: If the numbers of GPUs do not rise, or a size is not positive.

    Source: Rajbhandari et al. 2020, section 5 (the formulas).
    """
    if list(ranks) != sorted(set(ranks)) or not ranks or ranks[0] < 1:
        raise ValueError(f"ranks must rise from 1 or more, got {list(ranks)}")
    if not (n_parameters > 0 and memory_gb > 0):
        raise ValueError(f"sizes must be positive, got {n_parameters} and {memory_gb}")
    figure, axes = new_figure(width=6.4, height=3.6)
    table: list[list[Any]] = [["GPUs", *STAGES]]
    columns = [[model_state_bytes(n_parameters, n, s).total / 1e9 for n in ranks] for s in range(4)]
    said = []
    for stage, values in enumerate(columns):
        axes.plot(
            ranks,
            values,
            palette.lines[stage],
            marker=palette.markers[stage],
            color=palette.series[stage],
            label=STAGES[stage],
            markersize=4,
        )
        fits = [n for n, value in zip(ranks, values, strict=True) if value <= memory_gb]
        said.append(f"{STAGES[stage]} {f'from {fits[0]} GPUs' if fits else 'never'}")
    axes.axhline(memory_gb, color=palette.ink, lw=1)
    axes.text(ranks[-1], memory_gb, f"{memory_gb:g} GB", ha="right", va="bottom", fontsize=9)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(ranks, [str(n) for n in ranks])
    axes.minorticks_off()
    axes.set(xlabel="GPUs", ylabel="GB on each GPU")
    axes.legend(frameon=False, fontsize=9)
    for index, n in enumerate(ranks):
        table.append([n, *(f"{values[index]:,.1f}" for values in columns)])
    alt = (
        f"Model states of {n_parameters / 1e9:g} billion parameters on each GPU, for {ranks[0]} to "
        f"{ranks[-1]} GPUs. They fit {memory_gb:g} GB: {', '.join(said)}."
    )
    return FigureWithText(figure, alt, table)


@plain_numbers
def memory_over_a_step(
    levels: Mapping[int, Mapping[str, Sequence[float | int]]], floors: Mapping[int, float | int]
) -> FigureWithText:
    """Draw what one rank holds while a training step runs, stage by stage.

    Args:
        levels: Stage -> phase ("forward", ...) -> bytes held after each allocation and release.
        floors: Stage -> bytes held between two steps.

    Returns:
        The figure; its table has one row for each stage: the floor, and the most in each phase.

    Raises:
        ValueError: If there is no stage, or the stages differ in their phases.
    """
    phases = {stage: tuple(of_stage) for stage, of_stage in levels.items()}
    if len(set(phases.values())) != 1 or levels.keys() != floors.keys():
        raise ValueError(f"levels must hold stages of the same phases, got {phases}")
    names = next(iter(phases.values()))
    figure, panels = new_figure(1, len(names), width=7.2, height=3.6, sharey=True, squeeze=False)
    for place, (axes, name) in enumerate(zip(panels[0], names, strict=True)):
        for stage, of_stage in levels.items():
            values = [value / 1e6 for value in of_stage[name]]
            share = [(i + 1) / len(values) for i in range(len(values))]
            axes.plot(
                share,
                values,
                palette.lines[stage],
                color=palette.series[stage],
                label=STAGES[stage] if place == 0 else None,
                lw=1.4,
            )
        axes.set_title(name, fontsize=10)
        axes.set_xticks([])
    most_of_all = max(max(values) for held in levels.values() for values in held.values())
    panels[0][0].set_ylim(0, 1.05 * most_of_all / 1e6)
    panels[0][0].set_ylabel("MB held by one rank")
    figure.supxlabel("allocations and releases, in the order of time", fontsize=9)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    table: list[list[Any]] = [["stage", "between steps", *(f"most in {name}" for name in names)]]
    said = []
    for stage, of_stage in levels.items():
        most = [max(of_stage[name]) / 1e6 for name in names]
        table.append([STAGES[stage], *(f"{mb:.1f} MB" for mb in (floors[stage] / 1e6, *most))])
        said.append(f"{STAGES[stage]} from {floors[stage] / 1e6:.1f} to {max(most):.1f} MB")
    alt = f"Memory of one rank during a step, measured: {', '.join(said)}."
    return FigureWithText(figure, alt, table)
