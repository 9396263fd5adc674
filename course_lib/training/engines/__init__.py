"""Who holds the model while it trains: one process, ZeRO's ranks, or FSDP2's.

The loop is written once, against the protocol below. An engine never averages: a rank's loss comes
in as its share of the sum over *all* targets of all ranks, so that a rank with fewer targets does
not weigh as much as one with more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from course_lib.training.engines.plain import PlainEngine
from course_lib.training.optimizer import adamw
from course_lib.training.precision import Precision

if TYPE_CHECKING:
    from course_lib.distributed import Comm

STRATEGIES = ("plain", "ddp", "zero1", "zero2", "zero3", "fsdp2")
STAGES = {"plain": 0, "ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3, "fsdp2": 3}


@runtime_checkable
class Engine(Protocol):
    """What the loop asks of whoever holds the model.

    Attributes:
        model: Called for logits.
        optimizer: Has ``param_groups``, ``step()`` and ``zero_grad()``.
        comm: The ranks that share each batch.
        device: Where batches have to be.
        precision: Opens the number format of a forward pass.
    """

    model: nn.Module
    optimizer: Any
    comm: Any
    device: torch.device
    precision: Precision

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""

    def clip(self, largest: float) -> float:
        """Scale the gradient of all ranks to a norm, and return its norm before. Collective."""

    def has_checkpoint(self, path: Path) -> bool:
        """Say whether there is something to go on from."""

    def save(self, path: Path, step: int, state: dict[str, Any]) -> None:
        """Write weights, optimizer and ``state``, wholly or not at all. Collective."""

    def load(self, path: Path, accept: Callable[[dict[str, Any]], None]) -> None:
        """Hand the newest ``state`` to ``accept``, then put the rest back. Collective."""

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""


def check_strategy(strategy: str) -> None:
    """Raise ``ValueError`` if there is no such strategy."""
    if strategy == "deepspeed":
        raise ValueError(
            "strategy 'deepspeed' does not run here: course_lib.distributed.deepspeed_config gives "
            "the settings for DeepSpeed itself; 'zero3' and 'fsdp2' shard the same states"
        )
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {strategy!r}")


def open_engine(
    strategy: str,
    module: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.1,
    precision: str = "float32",
    comm: Comm | None = None,
    keep_last: int | None = None,
) -> Engine:
    """Hand a model to the engine of a strategy, under AdamW. Collective.

    Args:
        strategy: One of ``STRATEGIES``.
        module: The whole model, with the same values on every rank.
        lr: Peak learning rate.
        weight_decay: Of matrices.
        precision: ``"float32"``, or ``"bfloat16"`` to compute in.
        comm: The ranks; None takes those of this process's group. ``"plain"`` has one rank.
        keep_last: Checkpoints that stay in the folder; None keeps all. ``"plain"`` has one file.

    Returns:
        The engine; use the model only through it from now on.

    Raises:
        ValueError: If there is no such strategy or precision, or ``"plain"`` is to share a batch.
    """
    check_strategy(strategy)
    if strategy == "plain":
        if comm is not None and comm.world_size > 1:
            raise ValueError(
                f"strategy 'plain' trains on one rank, got {comm.world_size}: 'ddp' is the same "
                "on many"
            )
        if keep_last is not None:
            raise ValueError("strategy 'plain' keeps one checkpoint file: leave out keep_last")
        return PlainEngine(module, adamw(module, lr, weight_decay), precision)

    from course_lib.distributed import Comm as Ranks

    comm = comm or Ranks()
    if strategy == "fsdp2":
        from course_lib.training.engines.fsdp2 import Fsdp2Engine

        return Fsdp2Engine.of(module, comm, lr, weight_decay, precision, keep_last)
    from course_lib.training.engines.zero import ZeroEngine

    return ZeroEngine.of(module, STAGES[strategy], comm, lr, weight_decay, precision, keep_last)


def engine_of(model: nn.Module | Engine, optimizer: Any, precision: str) -> Engine:
    """Find the engine for what ``train`` was given.

    Args:
        model: A module, sharded or not, or an engine.
        optimizer: Its optimizer; an engine has its own.
        precision: Of the forward pass; a sharded model has its own.

    Raises:
        TypeError: If model and optimizer do not belong together.
        ValueError: If a precision is asked of what has its own, or the optimizer is another
            model's.
    """
    if not isinstance(model, nn.Module):
        if not isinstance(model, Engine):
            raise TypeError(f"model must be a module or an engine, got {type(model).__name__}")
        if optimizer is not None:
            raise TypeError("optimizer must be left out: the engine has its own")
        _refuse_precision(precision, "the engine")
        return model
    from course_lib.distributed import ShardedOptimizer, ZeroModule

    if isinstance(model, ZeroModule):
        if not isinstance(optimizer, ShardedOptimizer):
            raise TypeError(
                "optimizer of a model from zero_shard must be a ShardedOptimizer, which steps the "
                f"elements a rank owns; got {type(optimizer).__name__}"
            )
        _refuse_precision(precision, "zero_shard(param_dtype=...)")
        from course_lib.training.engines.zero import ZeroEngine

        return ZeroEngine(model, optimizer)
    inner = [name for name, part in model.named_modules() if isinstance(part, ZeroModule)]
    if inner:
        raise TypeError(f"model holds a sharded model at {inner[0]!r}: pass that one to train")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer must be one of torch's, got {type(optimizer).__name__}")
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("optimizer holds none of the model's parameters: nothing would move")
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is not None and isinstance(model, fsdp.FSDPModule):
        from course_lib.distributed import Comm as Ranks
        from course_lib.training.engines.fsdp2 import Fsdp2Engine

        _refuse_precision(precision, "to_fsdp2(param_dtype=...)")
        return Fsdp2Engine(model, optimizer, Ranks())
    return PlainEngine(model, optimizer, precision)


def _refuse_precision(precision: str, owner: str) -> None:
    if precision != "float32":
        raise ValueError(f"precision {precision!r} must be given to {owner}, which decides on it")


__all__ = ["STAGES", "STRATEGIES", "Engine", "PlainEngine", "check_strategy", "engine_of",
           "open_engine"]  # fmt: skip
