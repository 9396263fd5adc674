"""Chapter 18, how many bytes one GPU sends in a step."""

from __future__ import annotations

from course_lib.distributed.memory.accounting import communication_elements
from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import byte_units
from course_lib.exercises.chapters.ch18_zero import CHAPTER

PARAMETERS, GPUS = 10e9, 8


def sent(stage: int, gpus: int = GPUS) -> float:
    """Compute the bytes that one GPU sends in a step, in 16 bits."""
    return 2 * communication_elements(PARAMETERS, stage, gpus)


def _traffic(identifier: str, stage: int, prompt: str, why: str, near: list[Near]) -> Number:
    common = [
        Near(
            lambda: sent(stage) * GPUS / (GPUS - 1),
            "That is the limit for many GPUs. Of 8 slots each GPU sends 7 in each half: "
            "(W - 1) / W of it.",
            "no-share-of-its-own",
        ),
        Near(
            lambda: 2 * sent(stage),
            "You took 4 bytes a number. Gradients and parameters travel in 16 bits here: 2 bytes.",
            "float32-on-the-link",
        ),
        Near(
            lambda: sent(stage) / 2,
            "You counted numbers, not bytes. Each has 2 bytes.",
            "numbers-not-bytes",
        ),
    ]
    return Number(
        id=identifier,
        prompt=prompt,
        key=lambda: sent(stage),
        tolerance=0.01,
        near=[*common, *near],
        units=byte_units(),
        low=0.0,
        unit_hint="a size with its unit, such as 99 GB",
        key_format="{:,.0f}",
        feedback=why,
        too_small="Too small. How often does each parameter's worth travel, and in how many bytes?",
        too_large="Too large. How often does each parameter's worth travel, and in how many bytes?",
    )


_LESS = Near(
    lambda: sent(1) * 12 / 16,
    "You made the traffic smaller with the part that is cut up. What is not stored here must still "
    "be gathered: the new weights.",
    "less-held-less-sent",
)

EXERCISES = [
    Spec(
        id="18.d2",
        version=1,
        chapter=CHAPTER,
        section="zeRO",
        kind="number",
        title="Bytes on the link",
        prompt="""
        10 billion parameters on 8 GPUs; gradients and parameters travel in 16 bits, round a ring.
        How many bytes does *one* GPU send in one training step?
        """,
        parts=[
            _traffic(
                "ddp",
                0,
                "DDP",
                "A reduce-scatter and an all-gather: 2 · 7/8 of 20 GB, that is 35 GB.",
                [
                    Near(
                        lambda: sent(3),
                        "That is ZeRO-3, which gathers the parameters twice. DDP sends gradients "
                        "only: one all-reduce.",
                        "stage-shifted",
                    )
                ],
            ),
            _traffic(
                "zero1",
                1,
                "ZeRO-1",
                "The same two halves, with the step between them: 35 GB, as under DDP.",
                [
                    _LESS,
                    Near(
                        lambda: sent(3),
                        "That is ZeRO-3. ZeRO-1 gathers the new weights once, after the step.",
                        "stage-shifted",
                    ),
                ],
            ),
            _traffic(
                "zero3",
                3,
                "ZeRO-3, by the paper's count",
                "Parameters are gathered forward and backward, gradients reduced: 3 · 7/8 of "
                "20 GB, that is 52.5 GB.",
                [
                    Near(
                        lambda: sent(0),
                        "That is what the other stages send. ZeRO-3 keeps no whole parameters, so "
                        "it gathers them forward and again backward.",
                        "stage-three-is-free",
                    )
                ],
            ),
        ],
        hints=[
            "How often does each parameter's worth travel: 2 times, or 3?",
            "One parameter's worth is 2 bytes, and a GPU sends 7/8 of it each time.",
        ],
        explain="""
        What is cut up is what a GPU holds, not what it sends. Only the last stage sends more, half
        as much again. At 12.5 GB a second 35 GB take 2.8 seconds, if nothing hides them.
        """,
    ),
]
