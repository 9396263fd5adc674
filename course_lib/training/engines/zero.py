"""The engine of plain data parallelism and ZeRO, by ``course_lib.distributed``."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed import Comm, ShardedOptimizer, ZeroModule, load, save, zero_shard
from course_lib.training.engines import folder as folders
from course_lib.training.optimizer import adamw
from course_lib.training.precision import Precision


class ZeroEngine:
    """A model cut up among ranks; the same weights at every stage and number of ranks.

    Args:
        model: From ``zero_shard``.
        optimizer: Its optimizer.
        keep_last: Checkpoints that stay in the folder; None keeps all.
    """

    def __init__(
        self, model: ZeroModule, optimizer: ShardedOptimizer, keep_last: int | None = None
    ) -> None:
        self.model: nn.Module = model
        self.zero, self.optimizer, self.comm = model, optimizer, model.comm
        self.device = next(model.parameters()).device
        self.precision: Precision = nullcontext
        self.keep_last = keep_last
        self.share = 1 / model.factor  # where zero_shard averages over the ranks, undo it

    @classmethod
    def of(
        cls,
        module: nn.Module,
        stage: int,
        comm: Comm,
        lr: float,
        weight_decay: float,
        precision: str,
        keep_last: int | None,
    ) -> "ZeroEngine":
        """Shard a whole model and put it under AdamW. Collective."""
        plain = adamw(module, lr, weight_decay)
        name_of = {id(p): name for name, p in module.named_parameters()}
        groups = [
            {
                "names": [name_of[id(p)] for p in group["params"]],
                "weight_decay": group["weight_decay"],
            }
            for group in plain.param_groups
        ]
        zero = zero_shard(
            module,
            stage=stage,
            comm=comm,
            param_dtype=torch.bfloat16 if precision == "bfloat16" else None,
            average=False,
        )
        defaults = {name: plain.defaults[name] for name in ("lr", "betas", "eps")}
        optimizer = ShardedOptimizer(
            zero, lambda parts: torch.optim.AdamW(parts, fused=True, **defaults), groups=groups
        )
        return cls(zero, optimizer, keep_last)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""
        (loss if self.share == 1 else loss * self.share).backward()

    def clip(self, largest: float = math.inf) -> float:
        """Scale the gradient of all ranks to a norm, and return its norm before. Collective."""
        return float(self.optimizer.clip_grad_norm_(largest))

    def has_checkpoint(self, path: Path) -> bool:
        """Say whether the folder holds a finished checkpoint. Collective."""
        return folders.has_checkpoint(path, self.comm)

    def save(self, path: Path, step: int, state: dict[str, Any]) -> None:
        """Write ``path/step-N``. Collective."""
        save(path, step, self.zero, self.optimizer, extra=state)
        folders.keep_newest(path, self.comm, self.keep_last)

    def load(self, path: Path, accept: Callable[[dict[str, Any]], None]) -> None:
        """Go back to the newest checkpoint. Collective."""
        accept(folders.newest_state(path, self.comm))
        load(path, self.zero, self.optimizer)

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""
        return self.zero.full_state_dict()
