"""Chapter 18, ideas: what is cut up."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch18_zero import CHAPTER, SECTION

NOTHING = "nothing"
STATE = "the optimizer's state"
GRADIENTS = "the optimizer's state and the gradients"
ALL = "the optimizer's state, the gradients and the parameters"
ACTIVATIONS = "the activations"


def _stage_row(name: str, right: str, reason: str) -> Row:
    others = {
        NOTHING: "Then every GPU would hold all three whole, which is plain data parallelism.",
        STATE: "Cutting up the optimizer's state alone is the first stage.",
        GRADIENTS: "Optimizer state and gradients, but not the parameters: the second stage.",
        ALL: "All three are cut up only in the last stage.",
        ACTIVATIONS: "The stages cut up what belongs to the *model*. Activations belong to a "
        "GPU's own part of the batch; another technique deals with them.",
    }
    beliefs = {
        NOTHING: "zero-shards-nothing",
        STATE: "stage-shifted",
        GRADIENTS: "stage-shifted",
        ALL: "ddp-shards-parameters" if name == "DDP" else "stage-shifted",
        ACTIVATIONS: "activations-are-sharded",
    }
    return Row(
        name,
        [right],
        {**others, right: reason},
        {option: belief for option, belief in beliefs.items() if option != right},
    )


EXERCISES = [
    Spec(
        id="18.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="What is cut up",
        prompt="""
        Several GPUs train one model, each on its own part of the batch. What does each strategy
        keep only in parts, one part on each GPU?
        """,
        parts=[
            Match(
                id="stages",
                options=[NOTHING, STATE, GRADIENTS, ALL, ACTIVATIONS],
                rows=[
                    _stage_row(
                        "DDP", NOTHING, "Every GPU holds everything; only the batch is cut up."
                    ),
                    _stage_row(
                        "ZeRO-1",
                        STATE,
                        "Each GPU updates its own part of the weights, and needs "
                        "the optimizer's state for that part only.",
                    ),  # fmt: skip
                    _stage_row(
                        "ZeRO-2",
                        GRADIENTS,
                        "Whoever updates a part needs only that part's "
                        "gradient; the rest may leave as soon as it has been sent.",
                    ),  # fmt: skip
                    _stage_row(
                        "ZeRO-3",
                        ALL,
                        "The weights too: a block's weights are put together when "
                        "the block runs, and dropped again.",
                    ),  # fmt: skip
                ],
            ),
            Choice(
                id="compute",
                prompt="Under ZeRO-3, what does one GPU compute?",
                options=[
                    Option(
                        "every layer as a whole, for its own part of the batch",
                        True,
                        "The layer's weights are gathered first. ZeRO is data parallelism: only "
                        "the *keeping* is divided.",
                    ),
                    Option(
                        "its part of every matrix product, for the whole batch",
                        False,
                        "That is tensor parallelism, another way to divide. It sends activations "
                        "about; ZeRO sends weights and gradients.",
                        "zero-is-tensor-parallel",
                    ),
                    Option(
                        "some of the layers, for the whole batch",
                        False,
                        "That is pipeline parallelism. Under ZeRO every GPU runs all layers.",
                        "zero-is-pipeline",
                    ),
                ],
            ),
        ],
        hints=["Each stage cuts up one thing more than the stage before it."],
        explain="""
        Optimizer state, then gradients, then parameters: the largest part first. What is computed
        is the same in all of them, and so is the result.
        """,
    ),
]
