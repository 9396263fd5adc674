"""What one rank holds while a training step runs, stage by stage: predict the peak, then step.

Chapter: 18_multi_gpu_zero
"""

import math
from collections.abc import Mapping
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, number, numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, listed, scroll
from course_lib.widgets.markup import table as html_table

STRETCHES = 32
NAMES = ("DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3")


class StepMemory(CourseWidget):
    """A reader says where a step's memory has its peak, then walks through the step.

    A phase of the step is cut into as many stretches at every stage, so that the stages can be
    compared moment by moment; a stretch is shown by the most that is held in it.

    Args:
        levels: Stage to phase to the bytes held after each allocation and release, as
            `memory_levels` gives them; the same phases at each stage.
        floors: Stage to the bytes held between two steps.
        n_parameters: Of the model.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a number is none.
        ValueError: If stages or phases differ, a stage is none of 0 to 3, a phase has no level, or
            a size is not positive.
    """

    _esm = bundle("step_memory.js")
    stage = traitlets.Int(0, help="the stage that is looked at").tag(sync=True)
    moment = traitlets.Int(0, help="stretches walked so far").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        levels: Mapping[int, Mapping[str, Any]],
        floors: Mapping[int, float | int],
        n_parameters: int,
        *,
        title: str = "A step's memory, moment by moment",
        describe: str = "",
    ) -> None:
        """Cuts the phases into stretches and writes the static form: the most in each phase."""
        if not levels or levels.keys() != floors.keys() or not set(levels) <= set(range(4)):
            raise ValueError(
                f"levels and floors must have the same stages of 0 to 3, got {list(levels)} and "
                f"{list(floors)}"
            )
        phases = {tuple(of_stage) for of_stage in levels.values()}
        if len(phases) != 1 or phases == {()}:
            raise ValueError(f"levels must have the same phases at each stage, got {phases}")
        if n_parameters < 1:
            raise ValueError(f"n_parameters must be at least 1, got {n_parameters}")
        payload: dict[str, Any] = {
            "phases": list(*phases),
            "stages": [
                {
                    "name": NAMES[stage],
                    "floor": _size(f"floors[{stage}]", floors[stage]),
                    "held": [
                        stretches(f"levels[{stage}][{phase!r}]", values)
                        for phase, values in levels[stage].items()
                    ],
                }
                for stage in sorted(levels)
            ],
            "parameters": int(n_parameters),
            "title": title,
            "describe": describe,
            "badge": "measured here",
        }
        rows = (
            (
                one["name"],
                [f"<td>{_both(payload, x)}</td>" for x in (one["floor"], *map(max, one["held"]))],
            )
            for one in payload["stages"]
        )
        columns = ["between steps", *(f"most in {phase}" for phase in payload["phases"])]
        said = describe_step(payload)
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>{escape(question_of(payload))}</p>",
            "<details><summary>What was measured</summary>"
            f"{scroll(title, html_table('stage', columns, rows))}<p>{escape(said)}</p></details>",
        )
        super().__init__(payload, static, f"{title}. {said}")


def _size(name: str, value: Any) -> float:
    size = number(name, value)
    if size <= 0:
        raise ValueError(f"{name} must be positive, got {size}")
    return size


def stretches(name: str, values: Any, n: int = STRETCHES) -> list[float]:
    """Cuts levels into stretches of equal length, and gives the most that is held in each.

    Fewer levels than stretches are repeated, so no peak is lost and none is made up.

    Args:
        name: Of the levels, for the error.
        values: Bytes, in the order of time.
        n: Number of stretches.

    Raises:
        ValueError: If there is no level, or one is not positive.
    """
    held = [_size(f"{name}[{i}]", value) for i, value in enumerate(numbers(name, values))]
    if not held:
        raise ValueError(f"{name} must have a level, got none")
    ends = [math.ceil((i + 1) * len(held) / n) for i in range(n)]
    starts = [i * len(held) // n for i in range(n)]
    return [max(held[start:end]) for start, end in zip(starts, ends, strict=True)]


def peak_of(stage: Mapping[str, Any]) -> tuple[int, int]:
    """Finds the first stretch in which a stage holds the most.

    Args:
        stage: One of a payload's stages.

    Returns:
        The number of its phase, and that of its stretch.
    """
    most = max(map(max, stage["held"]))
    return next((i, held.index(most)) for i, held in enumerate(stage["held"]) if most in held)


def _most(stage: Mapping[str, Any]) -> float:
    phase, stretch = peak_of(stage)
    return float(stage["held"][phase][stretch])


def _both(payload: Mapping[str, Any], size: float) -> str:
    return f"{fixed(size / 1e6, 1)} MB, {fixed(size / payload['parameters'], 1)} a parameter"


def question_of(payload: Mapping[str, Any]) -> str:
    """Says what is to be predicted."""
    return (
        "In which part of the step does one rank hold the most, at each stage? And how many bytes "
        f"a parameter is that under {payload['stages'][0]['name']}?"
    )


def describe_step(payload: Mapping[str, Any]) -> str:
    """Says from where to where each stage's memory goes, and in which phase it has its peak."""
    parts = [
        f"{one['name']} from {fixed(one['floor'] / 1e6, 1)} MB between steps to "
        f"{_both(payload, _most(one))} in {payload['phases'][peak_of(one)[0]]}"
        for one in payload["stages"]
    ]
    return f"One rank holds, at its peak: {listed(parts)}."


def describe_moment(payload: Mapping[str, Any], stage: int, moment: int) -> str:
    """Says what a stage holds at one moment of the step.

    Args:
        payload: Of a `StepMemory`.
        stage: Place in its stages.
        moment: Stretches since the step began, from 0.
    """
    one: Mapping[str, Any] = payload["stages"][stage]
    n = len(one["held"][0])
    phase, stretch = divmod(moment, n)
    size = one["held"][phase][stretch]
    where = f"{payload['phases'][phase]}, stretch {stretch + 1} of {n}"
    end = " This is its peak." if (phase, stretch) == peak_of(one) else ""
    more = _more(size - one["floor"])
    return f"{where}: {one['name']} holds {_both(payload, size)}, {more} between steps.{end}"


def _more(size: float) -> str:
    return f"{fixed(abs(size) / 1e6, 1)} MB {'more' if size >= 0 else 'less'} than"
