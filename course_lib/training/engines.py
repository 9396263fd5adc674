"""One training step over many ranks, by whichever engine holds the model.

Each engine averages over the targets of *all* ranks: a rank's loss comes in as its share of the
sum, so a rank with fewer targets does not weigh as much as one with more.

Chapter: 18_multi_gpu_zero
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from course_lib.distributed import Comm, ShardedOptimizer, load, save, zero_shard
from course_lib.training.optimizer import adamw

STRATEGIES = ("ddp", "zero1", "zero2", "zero3", "fsdp2", "deepspeed")
_STAGES = {"ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3}


@dataclass(frozen=True)
class Settings:
    """What an engine needs to know.

    Attributes:
        strategy: One of ``STRATEGIES``.
        lr: Peak learning rate of AdamW.
        weight_decay: Of matrices.
        clip: Largest norm of the gradient; None does not clip.
        bf16: Whether to compute in bfloat16.
        micro_batch: Rows of one backward pass.
        accumulate: Backward passes of an update.
        deepspeed_stage: ZeRO stage of DeepSpeed.
    """

    strategy: str
    lr: float
    weight_decay: float
    clip: float | None
    bf16: bool
    micro_batch: int
    accumulate: int
    deepspeed_stage: int = 3


@runtime_checkable
class Engine(Protocol):
    """What the loop asks of whoever holds the model."""

    model: nn.Module

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""

    def update(self, lr: float) -> float:
        """Step all parameters and return the norm of the gradient before clipping."""

    def save(self, folder: Path, step: int, extra: dict[str, Any]) -> None:
        """Write a checkpoint. Collective."""

    def load(self, folder: Path) -> dict[str, Any]:
        """Go back to the newest checkpoint and return its manifest. Collective."""

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""


class ZeroEngine:
    """Plain data parallelism and the three stages of ZeRO, by ``course_lib.distributed``."""

    def __init__(self, module: nn.Module, settings: Settings, comm: Comm) -> None:
        plain = adamw(module, settings.lr, settings.weight_decay)
        name_of = {id(p): name for name, p in module.named_parameters()}
        groups = [
            {
                "names": [name_of[id(p)] for p in group["params"]],
                "weight_decay": group["weight_decay"],
            }
            for group in plain.param_groups
        ]
        self.clip = settings.clip
        self.zero = zero_shard(
            module,
            stage=_STAGES[settings.strategy],
            comm=comm,
            param_dtype=torch.bfloat16 if settings.bf16 else None,
            average=False,
        )
        self.model: nn.Module = self.zero
        defaults = {name: plain.defaults[name] for name in ("lr", "betas", "eps")}
        self.optimizer = ShardedOptimizer(
            self.zero, lambda parts: torch.optim.AdamW(parts, fused=True, **defaults), groups=groups
        )

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""
        loss.backward()

    def update(self, lr: float) -> float:
        """Step all parameters and return the norm of the gradient before clipping."""
        norm = float(self.optimizer.clip_grad_norm_(self.clip or math.inf))
        if math.isfinite(norm):
            for group in self.optimizer.param_groups:
                group["lr"] = lr
            self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def save(self, folder: Path, step: int, extra: dict[str, Any]) -> None:
        """Write a checkpoint. Collective."""
        save(folder, step, self.zero, self.optimizer, extra=extra)

    def load(self, folder: Path) -> dict[str, Any]:
        """Go back to the newest checkpoint and return its manifest. Collective."""
        return load(folder, self.zero, self.optimizer)

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""
        return self.zero.full_state_dict()


class Fsdp2Engine:
    """torch's FSDP2, from the same checkpoints."""

    def __init__(self, module: nn.Module, settings: Settings, comm: Comm) -> None:
        from course_lib.distributed import handoff

        self.handoff, self.comm, self.clip = handoff, comm, settings.clip
        dtype = torch.bfloat16 if settings.bf16 else None
        self.model: nn.Module = handoff.to_fsdp2(module, param_dtype=dtype)
        self.optimizer = adamw(self.model, settings.lr, settings.weight_decay)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""
        (loss * self.comm.world_size).backward()  # FSDP2 divides by the number of ranks

    def update(self, lr: float) -> float:
        """Step all parameters and return the norm of the gradient before clipping."""
        total = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip or math.inf)
        norm = float(total.full_tensor() if hasattr(total, "full_tensor") else total)
        if math.isfinite(norm):
            for group in self.optimizer.param_groups:
                group["lr"] = lr
            self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def save(self, folder: Path, step: int, extra: dict[str, Any]) -> None:
        """Write a checkpoint. Collective."""
        self.handoff.save_fsdp2(
            folder, step, self.model, self.optimizer, comm=self.comm, extra=extra
        )

    def load(self, folder: Path) -> dict[str, Any]:
        """Go back to the newest checkpoint and return its manifest. Collective."""
        return self.handoff.load_fsdp2(folder, self.model, self.optimizer, comm=self.comm)

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""
        whole = {}
        for name, value in self.model.state_dict().items():
            whole[name] = value.full_tensor() if hasattr(value, "full_tensor") else value
        return {name: value.detach().cpu() for name, value in whole.items()}


class DeepSpeedEngine:
    """DeepSpeed, where it is installed; its checkpoints are its own.

    The tests run it against a stand-in, since DeepSpeed is no part of the environment.
    """

    def __init__(self, module: nn.Module, settings: Settings, comm: Comm) -> None:
        # An optional peer, loaded only when asked for by name: no part of the package needs it.
        deepspeed = importlib.import_module("deepspeed")

        from course_lib.distributed.handoff import deepspeed_config

        config = deepspeed_config(
            settings.deepspeed_stage,
            micro_batch=settings.micro_batch,
            accumulation=settings.accumulate,
            learning_rate=settings.lr,
            weight_decay=settings.weight_decay,
            clip=settings.clip or 0.0,
            bf16=settings.bf16,
        )
        config.pop("optimizer")  # ours, with its two groups
        groups = adamw(module, settings.lr, settings.weight_decay)
        self.passes, self.accumulate = 0, settings.accumulate
        self.factor = comm.world_size * settings.accumulate  # DeepSpeed divides by both
        self.model, *_ = deepspeed.initialize(model=module, optimizer=groups, config=config)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of this rank's share of the loss."""
        self.passes += 1
        engine: Any = self.model
        engine.backward(loss * self.factor)
        if self.passes % self.accumulate:
            engine.step()  # counts the passes; only the last one of an update moves weights

    def update(self, lr: float) -> float:
        """Step all parameters and return the norm of the gradient before clipping."""
        engine: Any = self.model
        for group in engine.optimizer.param_groups:
            group["lr"] = lr
        engine.step()
        norm = engine.get_global_grad_norm()
        return float(norm) if norm is not None else 0.0

    def save(self, folder: Path, step: int, extra: dict[str, Any]) -> None:
        """Write a checkpoint in DeepSpeed's own form. Collective."""
        engine: Any = self.model
        state = {"content": {"step": step, "extra": extra}}
        engine.save_checkpoint(
            str(folder / "deepspeed"), tag=f"step-{step:08d}", client_state=state
        )

    def load(self, folder: Path) -> dict[str, Any]:
        """Go back to DeepSpeed's newest checkpoint and return what was saved with it."""
        engine: Any = self.model
        _, state = engine.load_checkpoint(str(folder / "deepspeed"))
        content: dict[str, Any] = state["content"]
        return content

    def weights(self) -> dict[str, Tensor]:
        """Return all weights under their own names. Collective."""
        deepspeed = importlib.import_module("deepspeed")
        engine: Any = self.model
        named = dict(engine.module.named_parameters(remove_duplicate=False))
        whole = {}
        for name, value in named.items():
            with deepspeed.zero.GatheredParameters([value]):
                whole[name] = value.detach().float().cpu().clone()
        return whole


def open_engine(module: nn.Module, settings: Settings, comm: Comm) -> Engine:
    """Hand a model to the engine of a strategy. Collective.

    Args:
        module: The whole model, with the same values on every rank.
        settings: What to do with it.
        comm: The ranks.

    Returns:
        The engine; use the model only through it from now on.

    Raises:
        ValueError: If the strategy is none, or its library is not installed.
    """
    check_strategy(settings.strategy)
    others: dict[str, Callable[..., Engine]] = {"fsdp2": Fsdp2Engine, "deepspeed": DeepSpeedEngine}
    return others.get(settings.strategy, ZeroEngine)(module, settings, comm)


def check_strategy(strategy: str) -> None:
    """Raise ``ValueError`` if a strategy is unknown, or its library is not installed."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {strategy!r}")
    if strategy == "deepspeed" and importlib.util.find_spec("deepspeed") is None:
        raise ValueError(
            "strategy 'deepspeed' needs the package deepspeed, which is not installed; "
            "'zero3' and 'fsdp2' shard the same states"
        )
