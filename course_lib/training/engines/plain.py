"""The engine of one process: any module, any optimizer, one checkpoint file."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.training.checkpoint import open_checkpoint, save_checkpoint
from course_lib.training.precision import precision_context


class OneRank:
    """Ranks that are one: what travels between ranks stays where it is."""

    rank, world_size = 0, 1

    def sum_over_ranks(self, values: Tensor) -> Tensor:
        """Return the values, which nobody adds to."""
        return values

    def gather_objects(self, value: Any) -> list[Any]:
        """Return the only value."""
        return [value]


class PlainEngine:
    """A model in this process alone, also where other ranks exist.

    Args:
        model: Any module; it stays on its device.
        optimizer: One of torch's, over its parameters.
        precision: ``"float32"``, or ``"bfloat16"`` for the forward pass.

    Raises:
        ValueError: If the model has no parameter, or the precision is none.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, precision: str = "float32"
    ) -> None:
        parameter = next(model.parameters(), None)
        if parameter is None:
            raise ValueError("model has no parameter to train")
        self.model, self.optimizer, self.comm = model, optimizer, OneRank()
        self.device = parameter.device
        self.precision = precision_context(precision, self.device)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of the loss."""
        loss.backward()

    def clip(self, largest: float = math.inf) -> float:
        """Scale the gradient to a norm, and return its norm before."""
        return float(nn.utils.clip_grad_norm_(self.model.parameters(), largest))

    def has_checkpoint(self, path: Path) -> bool:
        """Say whether the file is there."""
        if path.is_dir():
            raise ValueError(
                f"checkpoint {path} is a folder, as sharded training writes it; one process "
                "keeps its run in a file"
            )
        return path.exists()

    def save(self, path: Path, step: int, state: dict[str, Any]) -> None:
        """Write the run to one file."""
        save_checkpoint(path, self.model, self.optimizer, step=step, state=state)

    def load(self, path: Path, accept: Callable[[dict[str, Any]], None]) -> None:
        """Check everything, then put it back."""
        saved = open_checkpoint(path)
        saved.check(self.model, self.optimizer)
        accept(saved.state)
        saved.put(self.model, self.optimizer)

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names."""
        return {name: value.detach() for name, value in self.model.state_dict().items()}
