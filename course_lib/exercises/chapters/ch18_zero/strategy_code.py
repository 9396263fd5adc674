"""Chapter 18, code: the first stage that fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch18_zero import CHAPTER
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


def first_stage(n_parameters: int, n_ranks: int, room: int, activations: int) -> int:
    """Try the stages in their order; the first one that leaves room for activations is taken."""
    parts = [2, 2, 12]  # bytes each: parameters, gradients, optimizer
    for stage in range(4):
        whole = sum(parts[: 3 - stage])
        cut = sum(parts[3 - stage :])
        held = n_parameters * whole + n_parameters * cut / n_ranks
        if held + activations <= room:
            return stage
    return -1


def _one_formula_each(n_parameters: int, n_ranks: int, room: int, activations: int) -> int:
    p, left = n_parameters, room - activations
    if 16 * p <= left:
        return 0
    if 4 * p + 12 * p / n_ranks <= left:
        return 1
    if 2 * p + 14 * p / n_ranks <= left:
        return 2
    return 3 if 16 * p / n_ranks <= left else -1


def _as_arrays(n_parameters: int, n_ranks: int, room: int, activations: int) -> int:
    whole = np.array([16, 4, 2, 0])
    held = n_parameters * (whole + (16 - whole) / n_ranks)
    fits = np.flatnonzero(held + activations <= room)
    return int(fits[0]) if len(fits) else -1


def _from_the_last(n_parameters: int, n_ranks: int, room: int, activations: int) -> int:
    chosen = -1
    for stage, whole in ((3, 0), (2, 2), (1, 4), (0, 16)):
        a_parameter = whole + (16 - whole) / n_ranks
        chosen = stage if n_parameters * a_parameter + activations <= room else chosen
    return chosen


def strategy_case(draw: Draw) -> dict[str, Any]:
    """Draw sizes whose bytes are whole numbers, and room that often fits one stage exactly."""
    n_ranks = draw.pick([2, 1, 4, 8, 16, 64])
    n_parameters = n_ranks * draw.pick([1, 10, 300, 1_000_000, 125_000_000])
    activations = draw.pick([0, 1, 3, 5]) * n_parameters
    whole = draw.pick([16, 4, 2, 0])
    exact = n_parameters * whole + (16 - whole) * (n_parameters // n_ranks) + activations
    spare = draw.pick([0, -1, 1, n_parameters, -n_parameters])
    room = max(0, exact + spare)
    return {
        "n_parameters": n_parameters,
        "n_ranks": n_ranks,
        "room": room,
        "activations": activations,
    }


STRATEGY_WRONG = {
    "no-activations": Wrong(
        edit(first_stage, ("held + activations <= room", "held <= room")),
        "You leave no room for the activations. The states fit, and the first batch does not.",
    ),
    "activations-are-cut-up": Wrong(
        edit(first_stage, ("held + activations", "held + activations / n_ranks")),
        "You divide the activations by the ranks. They belong to a rank's own part of the batch, "
        "and no stage cuts them up.",
    ),
    "no-float32-copy": Wrong(
        edit(first_stage, ("[2, 2, 12]", "[2, 2, 8]")),
        "You leave out the optimizer's float32 copy of the weights: Adam in mixed precision keeps "
        "4 + 4 + 4 bytes for each parameter.",
    ),
    "float32-gradients": Wrong(
        edit(first_stage, ("[2, 2, 12]", "[2, 4, 12]")),
        "You take 4 bytes for a gradient. In mixed precision it has 16 bits: 2 bytes.",
    ),
    "must-be-smaller": Wrong(
        edit(first_stage, ("<= room", "< room")),
        "You refuse a stage that fills the room to the last byte. It fits.",
    ),
    "the-last-that-fits": Wrong(
        edit(first_stage, ("range(4)", "(3, 2, 1, 0)")),
        "You begin with the last stage and take it. Its traffic is the highest: take the first "
        "stage that fits.",
    ),
    "three-always-fits": Wrong(
        edit(first_stage, ("return -1", "return 3")),
        "You return 3 where nothing fits. Stage 3 has a size, too: then answer -1.",
    ),
    "everything-is-cut-up": Wrong(
        edit(first_stage, ("n_parameters * whole + n_parameters * cut / n_ranks",
                           "n_parameters * 16 / n_ranks")),
        "You divide all 16 bytes by the ranks at every stage. Only stage 3 cuts up everything; "
        "stages 1 and 2 leave 4 and 2 bytes whole.",
    ),
    "order-of-the-parts": Wrong(
        edit(first_stage, ("[2, 2, 12]", "[12, 2, 2]")),
        "You cut up the parameters first. Stage 1 cuts up the optimizer's state, the largest part.",
    ),
}  # fmt: skip

_STRATEGY = '''
def first_stage(n_parameters, n_ranks, room, activations):
    """The first stage, 0 to 3, that fits `room` bytes a rank; else -1."""
    parts = [2, 2, 12]  # bytes each: parameters, gradients, optimizer
    for stage in range(4):
        # what stays whole on every rank, and what is cut up
        whole = ...
        cut = ...
        # what one rank holds, and whether its activations fit beside it
        ...
    return ...
'''

_STRATEGY_BARE = '''
def first_stage(n_parameters, n_ranks, room, activations):
    """The first stage, 0 to 3, that fits `room` bytes a rank; else -1."""
    return ...
'''

EXERCISES = [
    Spec(
        id="18.c3",
        version=1,
        chapter=CHAPTER,
        section="zeRO",
        kind="code",
        title="The first stage that fits",
        prompt="""
        Write `first_stage(n_parameters, n_ranks, room, activations)`. A model trains in mixed
        precision with Adam: 2, 2 and 12 bytes a parameter. Each rank has `room` bytes, of which its
        own activations take `activations` bytes. Return the first stage, 0 for DDP to 3, at which
        everything fits, to the last byte; -1 if none does.
        """,
        code=Code(
            reference=first_stage,
            starters=[("the sizes blank", _STRATEGY), ("the whole blank", _STRATEGY_BARE)],
            also_correct=[_one_formula_each, _as_arrays, _from_the_last],
            wrong=STRATEGY_WRONG,
            generate=strategy_case,
            properties=[equals_reference()],
            cases=60,
        ),
        hints=[
            "Stage by stage, the optimizer's state, the gradients and the parameters are cut up.",
            "Stage 1 holds 4 bytes a parameter whole, and 12 divided by the number of ranks.",
        ],
        explain="""
        The first that fits, since no later one sends less: DDP, ZeRO-1 and ZeRO-2 send as much as
        each other, and ZeRO-3 half as much again. Where none fits, more ranks help only stage 3 to
        the end; else another cut is needed, or memory elsewhere.
        """,
    ),
]
