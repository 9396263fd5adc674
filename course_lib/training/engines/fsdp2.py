"""The engine of torch's own FSDP2, from the same checkpoints as ZeRO's."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed import Comm, handoff
from course_lib.training.engines import folder as folders
from course_lib.training.optimizer import adamw
from course_lib.training.precision import Precision


class Fsdp2Engine:
    """A model under ``fully_shard``.

    Args:
        model: From ``to_fsdp2``.
        optimizer: One of torch's, over the sharded parameters.
        comm: The ranks.
        keep_last: Checkpoints that stay in the folder; None keeps all.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        comm: Comm,
        keep_last: int | None = None,
    ) -> None:
        self.model, self.optimizer, self.comm = model, optimizer, comm
        self.device = next(model.parameters()).device
        self.precision: Precision = nullcontext
        self.keep_last = keep_last

    @classmethod
    def of(
        cls,
        module: nn.Module,
        comm: Comm,
        lr: float,
        weight_decay: float,
        precision: str,
        keep_last: int | None,
    ) -> "Fsdp2Engine":
        """Shard a whole model and put it under AdamW. Collective."""
        dtype = torch.bfloat16 if precision == "bfloat16" else None
        model = handoff.to_fsdp2(module, param_dtype=dtype)
        return cls(model, adamw(model, lr, weight_decay), comm, keep_last)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""
        (loss * self.comm.world_size).backward()  # FSDP2 divides by the number of ranks

    def clip(self, largest: float = math.inf) -> float:
        """Scale the gradient of all ranks to a norm, and return its norm before. Collective."""
        total = nn.utils.clip_grad_norm_(self.model.parameters(), largest)
        return float(total.full_tensor() if hasattr(total, "full_tensor") else total)

    def has_checkpoint(self, path: Path) -> bool:
        """Say whether the folder holds a finished checkpoint. Collective."""
        return folders.has_checkpoint(path, self.comm)

    def save(self, path: Path, step: int, state: dict[str, Any]) -> None:
        """Write ``path/step-N``. Collective."""
        handoff.save_fsdp2(path, step, self.model, self.optimizer, comm=self.comm, extra=state)
        folders.keep_newest(path, self.comm, self.keep_last)

    def load(self, path: Path, accept: Callable[[dict[str, Any]], None]) -> None:
        """Go back to the newest checkpoint. Collective."""
        accept(folders.newest_state(path, self.comm))
        handoff.load_fsdp2(path, self.model, self.optimizer, comm=self.comm)

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""
        whole = {}
        for name, value in self.model.state_dict().items():
            whole[name] = value.full_tensor() if hasattr(value, "full_tensor") else value
        return {name: value.detach().cpu() for name, value in whole.items()}
