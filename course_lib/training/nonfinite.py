"""What is left to look at when a loss is no longer a number."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from course_lib.objectives import Example
from course_lib.training.checkpoint import save_tensors


class NonFiniteError(FloatingPointError):
    """The loss or the gradient of an update is infinite or not a number.

    The weights are those before that update.

    Attributes:
        step: Updates made before.
        loss: Of the update, in nats.
        norm: Of its gradient.
        batches: What the update read.
        path: Where these batches are kept; None where the run has no checkpoint.
    """

    def __init__(
        self,
        step: int,
        loss: float,
        norm: float,
        batches: Sequence[Tensor | Example],
        path: Path | None,
    ) -> None:
        where = "" if path is None else f"; its batches are kept in {path}"
        super().__init__(f"loss {loss} and gradient norm {norm} at step {step}{where}")
        self.step, self.loss, self.norm, self.path = step, loss, norm, path
        self.batches = list(batches)


def keep_batch(
    checkpoint: Path | None, step: int, batches: Sequence[Tensor | Example]
) -> Path | None:
    """Write the batches of an update beside the checkpoint, as safetensors.

    Args:
        checkpoint: The run's file or folder; None keeps nothing.
        step: Updates made before.
        batches: Each becomes ``"n"``, or ``"n.inputs"``, ``"n.targets"`` and ``"n.source"``.

    Returns:
        The file.
    """
    if checkpoint is None:
        return None
    name = f"nonfinite-{step:08d}.safetensors"
    inside = checkpoint.is_dir() or not checkpoint.suffix
    path = checkpoint / name if inside else checkpoint.with_name(f"{checkpoint.stem}.{name}")
    tensors: dict[str, torch.Tensor] = {}
    for number, batch in enumerate(batches):
        if isinstance(batch, Example):
            parts = {f"{number}.{key}": value for key, value in vars(batch).items()}
            tensors |= {key: value for key, value in parts.items() if value is not None}
        else:
            tensors[str(number)] = batch
    save_tensors(path, tensors)
    return path
