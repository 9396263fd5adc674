"""Chapter 18, numbers: seven billion parameters on eight GPUs."""

from __future__ import annotations

from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import byte_units
from course_lib.exercises.chapters.ch18_zero import CHAPTER

PARAMETERS, GPUS = 7e9, 8
NAMES = ("DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3")
FORMULAS = ("2 + 2 + 12", "2 + 2 + 12/8", "2 + (2 + 12)/8", "(2 + 2 + 12)/8")


def states(stage: int, *, gradient: int = 2, optimizer: int = 12) -> float:
    """Compute the bytes on one GPU."""
    return model_state_bytes(
        PARAMETERS, GPUS, stage, gradient_bytes=gradient, optimizer_bytes=optimizer
    ).total


def _number(stage: int) -> Number:
    """Ask for one stage. The tolerance is 1 %: two of the planted values are 2.4 % apart."""
    near = [
        Near(
            lambda: states(stage, optimizer=8),
            "You left out the optimizer's float32 copy of the weights: with it, Adam in mixed "
            "precision keeps 4 + 4 + 4 bytes for each parameter.",
            "no-float32-copy",
        ),
        Near(
            lambda: states(stage, gradient=4),
            "You took 4 bytes for a gradient. In the paper's mixed precision gradients are 16-bit "
            "numbers: 2 bytes.",
            "float32-gradients",
        ),
        Near(
            lambda: states(stage) / 2**30 * 1e9,
            "That number is in GiB, of 2³⁰ bytes. A GB is 10⁹ bytes; the numbers differ by 7 %.",
            "gib",
        ),
    ]
    if stage != 2:  # at stage 2 that value is the one of 4-byte gradients
        near.append(
            Near(
                lambda: states(stage) * 2**30 / 1e9,
                "The number is right in GB, of 10⁹ bytes, and you wrote GiB, of 2³⁰. The two "
                "differ by 7 %.",
                "gb",
            )
        )
    for other in (stage - 1, stage + 1):
        if other in range(4):
            near.append(
                Near(
                    lambda other=other: states(other),  # type: ignore[misc]
                    f"That is {NAMES[other]}. {NAMES[stage]} cuts up "
                    f"{'one thing more' if other < stage else 'one thing less'}.",
                    "stage-shifted",
                )
            )
    return Number(
        id=NAMES[stage].lower().replace("-", ""),
        prompt=f"{NAMES[stage]}, on one GPU",
        key=lambda: states(stage),
        tolerance=0.01,
        near=near,
        units=byte_units(),
        low=0.0,
        unit_hint="a size with its unit, such as 99 GB",
        key_format="{:,.0f}",
        feedback=f"({FORMULAS[stage]}) bytes for each of 7 · 10⁹ parameters: "
        f"{states(stage) / 1e9:g} GB.",
        too_small="Too small. Which of 2 + 2 + 12 bytes are divided by 8 here?",
        too_large="Too large. Which of 2 + 2 + 12 bytes are divided by 8 here?",
    )


EXERCISES = [
    Spec(
        id="18.d",
        version=1,
        chapter=CHAPTER,
        section="zeRO",
        kind="number",
        title="Seven billion parameters on eight GPUs",
        prompt="""
        Mixed precision with Adam: 16-bit parameters and gradients; in float32 a copy of the
        parameters, a momentum and a variance. How much do the model states take on each of 8 GPUs?
        """,
        parts=[_number(stage) for stage in range(4)],
        hints=[
            "For each parameter: 2 bytes, 2 bytes, and 4 + 4 + 4 bytes.",
            "Divide by 8 what the stage cuts up, then multiply by 7 billion.",
        ],
        explain="""
        112 GB fit no GPU of 80 GB. ZeRO-1 is enough here, at no extra traffic; whether there is
        room for activations, too, is another question.
        """,
    ),
]
