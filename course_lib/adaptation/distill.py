"""Distillation: a small model learns the probabilities that a large one gives to every word."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_module, check_numbers
from course_lib.objectives import IGNORE, Example
from course_lib.objectives.causal import check_targets
from course_lib.shapes import Float, Int
from course_lib.training import History, train
from course_lib.training.batch import predict_logits


class BothLogits(NamedTuple):
    """What student and teacher say of the same batch."""

    student: Float[Tensor, "B T V"]
    teacher: Float[Tensor, "B T V"]


def distillation_loss(
    student: Float[Tensor, "B T V"],
    teacher: Float[Tensor, "B T V"],
    targets: Int[Tensor, "B T"],
    *,
    temperature: float | int = 1.0,
    hard: float | int = 0.0,
) -> Float[Tensor, ""]:
    """Average how far the student's distribution is from the teacher's, over the counting places.

    The soft part is ``temperature ** 2 * KL(teacher || student)``, both at the temperature. The
    square keeps its gradient as large as at temperature 1, so that ``hard`` means the same at any.
    It is 0, not the entropy, where both agree.

    Args:
        student: Logits of the model that learns.
        teacher: Logits of the model that is learned from; no gradient flows into them.
        targets: The words of the text, or ``IGNORE``.
        temperature: Above 1 shows more of the teacher's small probabilities.
        hard: Share of the ordinary loss on the words of the text, 0 to 1.

    Returns:
        Nats a place.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the shapes differ, a number is out of range, or no target counts.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2.
    """
    targets = check_targets(student, targets, "student")
    check_targets(teacher, targets, "teacher")
    [temperature, hard] = check_numbers(temperature=temperature, hard=hard)
    if student.shape != teacher.shape:
        raise ValueError(
            f"student and teacher must have one shape, got {tuple(student.shape)} and "
            f"{tuple(teacher.shape)}: they need one vocabulary"
        )
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature must be positive, got {temperature}")
    if not 0 <= hard <= 1:
        raise ValueError(f"hard must be a share, 0 to 1, got {hard}")
    counts = targets != IGNORE
    if not bool(counts.any()):
        raise ValueError("targets must hold at least 1 that counts, got 0")
    mine, theirs = student[counts].float(), teacher[counts].detach().float()  # (N, V)
    soft = F.kl_div(
        (mine / temperature).log_softmax(-1),
        (theirs / temperature).log_softmax(-1),
        reduction="batchmean",
        log_target=True,
    )
    soft = soft * temperature**2
    return soft if not hard else (1 - hard) * soft + hard * F.cross_entropy(mine, targets[counts])


def distill(
    student: nn.Module,
    teacher: nn.Module,
    batches: Iterable[Tensor | Example],
    *,
    optimizer: Any,
    steps: int,
    temperature: float | int = 1.0,
    hard: float | int = 0.0,
    **settings: Any,
) -> History:
    """Train a student on a teacher's probabilities, with the one training loop.

    Args:
        student: The model that learns.
        teacher: A trained model of the same vocabulary; it is read in evaluation mode and left as
            it was.
        batches: As in `course_lib.training.train`.
        optimizer: Of the student.
        steps: Updates.
        temperature: As in `distillation_loss`.
        hard: As in `distillation_loss`.
        **settings: Passed on to `train`.

    Returns:
        The course of the run; its losses are distillation losses, 0 at best without `hard`.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If student and teacher are one model, or as in `distillation_loss`.
    """
    check_module(student, "student")
    check_module(teacher, "teacher")
    [temperature, hard] = check_numbers(temperature=temperature, hard=hard)
    if student is teacher:
        raise ValueError("teacher must be another model than student, got the same")

    def predict(model: nn.Module, example: Example) -> Any:
        with torch.no_grad():
            said = predict_logits(teacher, example)
        return BothLogits(predict_logits(model, example), said)

    def loss(both: Any, targets: Tensor) -> Tensor:
        return distillation_loss(
            both.student, both.teacher, targets, temperature=temperature, hard=hard
        )

    was_training = teacher.training
    teacher.eval()
    try:
        return train(
            student,
            batches,
            optimizer=optimizer,
            steps=steps,
            loss=loss,
            predict=predict,
            **settings,
        )
    finally:
        teacher.train(was_training)
