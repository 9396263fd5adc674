"""Chapter 18, predictions: twice the GPUs."""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch18_zero import CHAPTER, SECTION


def gigabytes(stage: int, gpus: int, parameters: float = 7.5e9) -> float:
    """Compute the model states on one GPU, in GB."""
    return model_state_bytes(parameters, gpus, stage).total / 1e9


def _change(stage: int, texts: Mapping[str, str], belief: str) -> list[Option]:
    ratio = gigabytes(stage, 16) / gigabytes(stage, 8)
    ranges = {
        "stays the same": ratio > 0.999,
        "falls a little": 0.6 < ratio <= 0.999,
        "falls to about half": ratio <= 0.6,
    }
    return [
        Option(name, right, texts[name], None if right else belief)
        for name, right in ranges.items()
    ]


def _after_doubling() -> str:
    named = zip(("DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3"), range(4), strict=True)
    return "; ".join(
        f"{name} {gigabytes(stage, 8):.2f} to {gigabytes(stage, 16):.2f} GB"
        for name, stage in named
    )


EXERCISES = [
    Spec(
        id="18.b",
        version=2,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Twice the GPUs",
        prompt="""
        7.5 billion parameters, mixed precision with Adam. You go from 8 GPUs to 16. What happens to
        the model states on *one* GPU?
        """,
        parts=[
            Choice(
                id="ddp",
                prompt="DDP",
                shuffle=False,
                options=_change(
                    0,
                    {
                        "stays the same": "Each GPU keeps everything, however many there are.",
                        "falls a little": "Nothing is cut up, so there is nothing to share with "
                        "the new GPUs. They bring speed, no room.",
                        "falls to about half": "The *batch* is divided over more GPUs. Parameters, "
                        "gradients and optimizer state are not.",
                    },
                    "more-gpus-more-room",
                ),
            ),
            Choice(
                id="zero1",
                prompt="ZeRO-1",
                shuffle=False,
                options=_change(
                    1,
                    {
                        "stays the same": "The optimizer's state is cut into twice as many parts, "
                        "so it does fall.",
                        "falls a little": "Only the optimizer's part halves. Parameters and "
                        "gradients, 4 bytes a parameter, stay and now weigh most.",
                        "falls to about half": "Only what is cut up halves. Parameters and "
                        "gradients stay whole: 4 of the 5.5 bytes.",
                    },
                    "everything-is-cut-up",
                ),
            ),
            Choice(
                id="zero2",
                prompt="ZeRO-2",
                shuffle=False,
                options=_change(
                    2,
                    {
                        "stays the same": "Optimizer state and gradients are cut into twice as "
                        "many parts, so they do fall.",
                        "falls a little": "Of 3.75 bytes a parameter 2 stay, the parameters "
                        "themselves. Only the rest halves.",
                        "falls to about half": "14 of the 16 bytes are cut up, but on 8 GPUs they "
                        "have become 1.75 already; the 2 that stay weigh more.",
                    },
                    "everything-is-cut-up",
                ),
            ),
            Choice(
                id="zero3",
                prompt="ZeRO-3",
                shuffle=False,
                options=_change(
                    3,
                    {
                        "stays the same": "All three are cut up, so each new GPU takes its share.",
                        "falls a little": "No part of the model states stays whole, so all of it "
                        "halves.",
                        "falls to about half": "Everything is divided by the number of GPUs. No "
                        "other stage does that.",
                    },
                    "stage-three-keeps-parameters",
                ),
            ),
        ],
        reveal=lambda: (
            f"On one GPU, from 8 to 16: {_after_doubling()}. More GPUs help memory only as far as "
            "something is cut up."
        ),
        hints=["Which of 2 + 2 + 12 bytes are divided by the number of GPUs?"],
        explain="""
        16 bytes a parameter; 4 + 12/W; 2 + 14/W; 16/W. What is not divided by W sets the floor.
        """,
    ),
]
