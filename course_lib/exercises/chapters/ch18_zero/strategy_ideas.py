"""Chapter 18, which strategy for which model and machine."""

from __future__ import annotations

from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.exercises.author.spec import Match, Row, Spec
from course_lib.exercises.chapters.ch18_zero import CHAPTER, SECTION

NAMES = ("DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3")
NONE = "no stage: another cut, or more GPUs"
SHARE = 0.75
BRIEFS = (  # parameters, GPUs, GB on each: one for each answer
    (1.5e9, 8, 40),
    (7e9, 8, 80),
    (13e9, 16, 80),
    (70e9, 64, 80),
    (70e9, 8, 80),
)


def held(parameters: float, gpus: int, stage: int) -> float:
    """Compute the model states on one GPU, in GB."""
    return model_state_bytes(parameters, gpus, stage).total / 1e9


def chosen(parameters: float, gpus: int, memory_gb: float | int) -> str:
    """Name the first stage whose states leave a quarter of a GPU free."""
    room = SHARE * memory_gb
    fitting = [stage for stage in range(4) if held(parameters, gpus, stage) <= room]
    return NAMES[fitting[0]] if fitting else NONE


def _said(stage: int, parameters: float, gpus: int, memory_gb: float | int) -> str:
    size, room = held(parameters, gpus, stage), SHARE * memory_gb
    right = chosen(parameters, gpus, memory_gb)
    line = f"{NAMES[stage]} holds {size:.1f} GB of states; {room:g} GB may be filled."
    if size > room:
        return f"{line} That is too much."
    if NAMES[stage] == right:
        return f"{line} It is the first that fits."
    return f"{line} It fits, but {right} does, too, and comes first."


def _row(parameters: float, gpus: int, memory_gb: float | int) -> Row:
    right = chosen(parameters, gpus, memory_gb)
    texts = {NAMES[stage]: _said(stage, parameters, gpus, memory_gb) for stage in range(4)}
    last = held(parameters, gpus, 3)
    end = "So no stage will do." if right == NONE else f"{right} fits."
    texts[NONE] = (
        f"Even with all cut up, the states are {last:.1f} GB on each GPU, and "
        f"{SHARE * memory_gb:g} GB may be filled. {end}"
    )
    order = [*NAMES, NONE]
    beliefs = {
        name: "more-room-than-there-is"
        if order.index(name) < order.index(right)
        else "sharded-first"
        for name in order
        if name != right
    }
    return Row(
        f"{parameters / 1e9:g} billion parameters on {gpus} GPUs of {memory_gb} GB",
        [right],
        texts,
        beliefs,
    )


EXERCISES = [
    Spec(
        id="18.f",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Which strategy?",
        prompt="""
        Mixed precision with Adam. A quarter of each GPU is to stay free for activations. Take the
        first stage whose model states fit the rest.
        """,
        parts=[
            Match(
                id="briefs",
                options=[*NAMES, NONE],
                rows=[_row(*brief) for brief in BRIEFS],
            )
        ],
        hints=[
            "16 P; 4 P + 12 P/W; 2 P + 14 P/W; 16 P/W bytes.",
            "Three quarters of 80 GB are 60 GB, of 40 GB 30 GB.",
        ],
        explain="""
        The rule takes the first that fits, since a later stage never sends less. 70 billion
        parameters need 16 · 70 / 60, that is at least 19 such GPUs under ZeRO-3.
        """,
    ),
]
