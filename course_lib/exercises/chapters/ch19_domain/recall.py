"""Chapter 19, warm-up: what a sharded model needs, and what a leak does to a loss."""

from __future__ import annotations

from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch19_domain import CHAPTER, SECTION

PARAMETERS, MEMORY = 50e9, 40e9


def _fits(gpus: int) -> bool:
    return model_state_bytes(PARAMETERS, gpus, 3).total < MEMORY


def _is_least(gpus: int) -> bool:
    """Whether so many GPUs hold the states, and half of them do not."""
    return _fits(gpus) and not _fits(gpus // 2)


EXERCISES = [
    Spec(
        id="19.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: a model in pieces",
        prompt="From the page on multi-GPU training.",
        parts=[
            Choice(
                prompt="A model of 50 billion parameters is trained in mixed precision with Adam, "
                "16 bytes for each parameter, under ZeRO-3 on GPUs of 40 GB. Which of these "
                "numbers of GPUs holds the model states?",
                options=[
                    Option(
                        "32",
                        lambda: _is_least(32),
                        "800 GB in 32 pieces are 25 GB on each, which leaves room for activations.",
                    ),
                    Option(
                        "2",
                        lambda: _is_least(2),
                        "That does not even hold the 16-bit weights, 100 GB. Gradients and the "
                        "optimizer's three numbers take seven times as much again.",
                        "weights-only",
                    ),
                    Option(
                        "16",
                        lambda: _is_least(16),
                        "800 GB in 16 pieces are 50 GB on each: more than a GPU has.",
                        "does-not-fit",
                    ),
                    Option(
                        "No number: every GPU holds the whole model.",
                        False,
                        "That is plain data parallelism. ZeRO-3 cuts up parameters, gradients and "
                        "the optimizer's state.",
                        "data-parallel",
                    ),
                ],
            )
        ],
        hints=["How many bytes are that in all? How many of them are on each GPU?"],
        explain="A model of this size is the subject of this page. It was trained on more GPUs, to "
        "be done in time.",
    ),
    Spec(
        id="19.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: a text on both sides",
        prompt="From the page on curation.",
        parts=[
            Choice(
                prompt="Some of the held-out documents stand in the training text, too. What does "
                "that do to the loss that is measured on them?",
                options=[
                    Option(
                        "It is too low, and nothing else shows it.",
                        True,
                        "The model has read the answers. The number looks like a better model.",
                    ),
                    Option(
                        "Nothing: a document that was read once is not remembered.",
                        False,
                        "One reading is enough to lower the loss on it, and documents that stand "
                        "twice in a crawl are read more often.",
                        "once-is-nothing",
                    ),
                    Option(
                        "It is too high, since the model has overfitted.",
                        False,
                        "Overfitting shows on text that was *not* read. On what was read, the loss "
                        "falls.",
                        "overfit-raises-all",
                    ),
                    Option(
                        "It is too low at first and right after more training.",
                        False,
                        "More training reads the leaked documents more often. Take them out.",
                        "training-heals",
                    ),
                ],
            )
        ],
        hints=["What has a model seen that has read the question and its answer?"],
        explain="""
        `check_apart` refuses held-out text that was also trained on. It would refuse that of this
        page, where documents of a sentence or two come again by chance; what guards its numbers is
        the known floor.
        """,
    ),
]
