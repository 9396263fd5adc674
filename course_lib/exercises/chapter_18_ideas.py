"""Chapter 18, ideas and predictions: what each stage shards, and what more GPUs change."""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.distributed.memory.accounting import model_state_bytes, transformer_parameters
from course_lib.exercises.spec import Choice, Match, Option, Row, Spec

CHAPTER = "18_multi_gpu_zero"
SECTION = "Multi-GPU compute strategies"

NOTHING = "nothing"
STATE = "the optimizer's state"
GRADIENTS = "the optimizer's state and the gradients"
ALL = "the optimizer's state, the gradients and the parameters"
ACTIVATIONS = "the activations"


def gigabytes(stage: int, gpus: int, parameters: float = 7.5e9) -> float:
    """Compute the model states on one GPU, in GB."""
    return model_state_bytes(parameters, gpus, stage).total / 1e9


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
        id="18.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: weights of a stack",
        prompt="From the page on the detailed architecture.",
        parts=[
            Choice(
                prompt="24 blocks of width D = 2,048, each with attention and a feed-forward "
                "network four times as wide. About how many weights is that?",
                options=[
                    Option(
                        "1.2 billion",
                        lambda: abs(transformer_parameters(24, 2048) / 1.2e9 - 1) < 0.05,
                        "12 D² a block: 4 D² for attention, 8 D² for the feed-forward network.",
                    ),
                    Option(
                        "0.4 billion",
                        lambda: abs(transformer_parameters(24, 2048) / 0.4e9 - 1) < 0.05,
                        "That is attention alone, 4 D² a block. The feed-forward network has "
                        "twice as many.",
                        "attention-alone",
                    ),
                    Option(
                        "0.1 billion",
                        lambda: abs(transformer_parameters(24, 2048) / 0.1e9 - 1) < 0.05,
                        "One matrix of D × D a block would be that. A block has matrices of "
                        "12 D² together.",
                        "one-matrix",
                    ),
                ],
            )
        ],
        hints=["Attention has four matrices of D × D. How large are the other two?"],
        explain="12 L D² counts a stack's weights well enough to choose a machine by.",
    ),
    Spec(
        id="18.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: a mean of two batches",
        prompt="From the page on the feed-forward network and softmax.",
        parts=[
            Choice(
                prompt="A batch of 10 tokens has a mean loss of 2, another one of 30 tokens a mean "
                "loss of 4. What is the mean loss of all 40 tokens?",
                options=[
                    Option(
                        "3.5",
                        lambda: (10 * 2 + 30 * 4) / 40 == 3.5,
                        "Each token counts once: (10 · 2 + 30 · 4) / 40.",
                    ),
                    Option(
                        "3",
                        lambda: (10 * 2 + 30 * 4) / 40 == 3,
                        "That is the mean of the two means. It gives a token of the small batch "
                        "three times the weight of one of the large batch.",
                        "mean-of-means",
                    ),
                    Option(
                        "6",
                        False,
                        "Means are not added up; sums are, and then divided by the number of "
                        "tokens.",
                        "sum-of-means",
                    ),
                ],
            )
        ],
        hints=["Add up the losses of all tokens first."],
        explain="Add sums and counts, divide once. It will matter on this page.",
    ),
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
    Spec(
        id="18.b",
        version=1,
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
        16 bytes a parameter; 4 + 12/N; 2 + 14/N; 16/N. What is not divided by N sets the floor.
        """,
    ),
]
