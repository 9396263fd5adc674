import re

import pytest
import torch
from torch import nn

from course_lib.distributed import ShardedOptimizer, zero_shard
from course_lib.distributed import report as measured
from course_lib.distributed.memory.accounting import ModelStateBytes
from course_lib.distributed.memory.report import Report
from course_lib.figures.distributed import memory_by_ranks, memory_over_a_step, multi_gpu
from course_lib.figures.svg import page_svg


def report(stage: int, world_size: int = 2, n_parameters: int = 1_000_000) -> Report:
    held = [ModelStateBytes(4e6 / (r + 1), 3e6, 2e6) for r in range(world_size)]
    return Report(stage, world_size, n_parameters, held[0], held, held, 0.0, 0, [0] * world_size)


def test_the_bars_are_what_was_measured() -> None:
    figure = multi_gpu([report(0), report(3)])
    assert figure.table[1] == ["DDP, rank 0", "4,000,000", "3,000,000", "2,000,000", "9,000,000"]
    assert figure.table[4][0] == "ZeRO-3, rank 1"
    assert "On the fullest rank: DDP 9.00 MB, ZeRO-3 9.00 MB" in figure.alt
    left = figure.figure.axes[0]
    tops = [bar.get_y() + bar.get_height() for bar in left.patches]
    assert max(tops) == pytest.approx(9.0)
    assert len(left.patches) == 6


def test_four_stages_fit_beside_a_list_of_contents() -> None:
    drawn = multi_gpu([report(stage) for stage in range(4)])
    (least,) = re.findall(r"min-width:(\d+)px", page_svg(drawn.figure, drawn.alt))
    assert int(least) <= 606  # what a page of 1,200 pixels has for it


def test_a_real_model_can_be_drawn() -> None:
    model = zero_shard(nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(2))), stage=1)
    optimizer = ShardedOptimizer(model, lambda groups: torch.optim.AdamW(groups))
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.ones(1, 64)).sum().backward()
        optimizer.step()
    figure = multi_gpu([measured(model, optimizer)])
    assert figure.table[1] == ["ZeRO-1, rank 0", "32,768", "32,768", "65,536", "131,072"]


def test_the_curves_are_the_formula() -> None:
    figure = memory_by_ranks(7.5e9, (1, 64), memory_gb=32)
    assert figure.table[2] == [64, "120.0", "31.4", "16.6", "1.9"]
    assert "DDP never, ZeRO-1 from 64 GPUs" in figure.alt


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 report"):
        multi_gpu([])
    with pytest.raises(ValueError, match=r"agree on world_size, got \[2, 3\]"):
        multi_gpu([report(0), report(1, world_size=3)])
    with pytest.raises(ValueError, match=r"ranks must rise from 1 or more, got \[2, 1\]"):
        memory_by_ranks(1e9, (2, 1))
    with pytest.raises(ValueError, match="sizes must be positive"):
        memory_by_ranks(0)


def test_a_step_is_drawn_as_it_was_measured() -> None:
    steps = {s: {"forward": [1e6, (2 + s) * 1e6], "step": [1e6]} for s in (0, 3)}
    figure = memory_over_a_step(steps, {0: 1e6, 3: 5e5})
    assert figure.table[2] == ["ZeRO-3", "0.5 MB", "5.0 MB", "1.0 MB"]
    assert "DDP from 1.0 to 2.0 MB, ZeRO-3 from 0.5 to 5.0 MB" in figure.alt
    assert figure.figure.axes[0].lines[1].get_ydata().tolist() == [1, 5]
    assert figure.figure.axes[1].get_ylim()[1] > 5  # the panels share what is the most of all
    with pytest.raises(ValueError, match="stages of the same phases"):
        memory_over_a_step({0: {"forward": [1]}, 1: {"step": [1]}}, {0: 1, 1: 1})
