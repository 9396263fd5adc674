"""What a training run is to do, and what it leaves.

Chapter: 18_multi_gpu_zero
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from course_lib.config import TransformerConfig
from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.training.engines import Settings

_STAGES = {"ddp": 0, "zero1": 1, "zero2": 2, "zero3": 3, "fsdp2": 3}


@dataclass(frozen=True)
class Job:
    """A whole run, decided; every rank gets the same one.

    Attributes:
        config: The model.
        rows: Rows to learn from ("N T+1").
        held_out: Rows to measure on; None measures nothing.
        settings: Strategy and optimizer.
        steps: Updates of the whole run.
        batch_size: Rows of an update, over all ranks.
        warmup: Updates before the full learning rate.
        seed: Draws the initial weights, the order of the rows, and dropout.
        output: Folder for checkpoints and results; None writes nothing.
        checkpoint_every: Updates between checkpoints; None: at the end only.
        evaluate_every: Updates between measurements; None: at both ends only.
        resume: Go on from the newest whole checkpoint where there is one.
        progress: Whether rank 0 says how far it is.
    """

    config: TransformerConfig
    rows: Int[Tensor, "N T_plus_1"]
    held_out: Int[Tensor, "M T_plus_1"] | None
    settings: Settings
    steps: int
    batch_size: int
    warmup: int
    seed: int = 0
    output: Path | None = None
    checkpoint_every: int | None = None
    evaluate_every: int | None = None
    resume: bool = False
    progress: bool = True

    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on; how it is spread over ranks may change."""
        s = self.settings
        return {
            "config": self.config.to_dict(),
            "rows": [*self.rows.shape, int(self.rows.sum()), int((self.rows**2).sum())],
            "steps": self.steps,
            "batch_size": self.batch_size,
            "warmup": self.warmup,
            "seed": self.seed,
            "lr": s.lr,
            "weight_decay": s.weight_decay,
            "clip": s.clip,
            "bf16": s.bf16,
        }


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: losses by update, held-out losses, its own state bytes.

    Attributes:
        losses: Mean loss of each update's targets, in nats.
        evaluations: Pairs (updates made, held-out loss in nats a token).
        first_step: Updates that were made before this call.
        tokens_per_second: Targets of all ranks per second of this call.
        interrupted: Whether it was stopped before its last update.
    """

    losses: list[float]
    evaluations: list[tuple[int, float]]
    first_step: int
    tokens_per_second: float
    interrupted: bool


def announcement(job: Job, n_ranks: int) -> str:
    """Say what is about to run, and what it will hold on each rank."""
    n = job.config.n_parameters()
    text = f"{n:,} parameters, {len(job.rows):,} rows, {job.settings.strategy} on {n_ranks} rank(s)"
    stage = _STAGES.get(job.settings.strategy, job.settings.deepspeed_stage)
    states = model_state_bytes(
        n, n_ranks, stage, parameter_bytes=4, gradient_bytes=4, optimizer_bytes=8
    )
    return text + f"; model states {states.total / 1e6:,.1f} MB a rank in float32"


def summary(outcome: Outcome, job: Job) -> str:
    """Say how it went."""
    held_out = f", held out {outcome.evaluations[-1][1]:.3f}" if outcome.evaluations else ""
    last = f"{outcome.losses[-1]:.3f}" if outcome.losses else "none"
    where = f"; results in {job.output}" if job.output is not None else ""
    state = "interrupted after" if outcome.interrupted else "trained"
    return (
        f"{state} {len(outcome.losses)} steps, last loss {last}{held_out}, "
        f"{outcome.tokens_per_second:,.0f} tokens/s{where}"
    )


def speaker(job: Job, rank: int, done: int) -> Callable[[float | None], None]:
    """Return what rank 0 calls after each update: a bar on a terminal, lines elsewhere."""
    if not job.progress or rank != 0:
        return lambda loss: None
    if sys.stderr.isatty():
        bar = tqdm(total=job.steps, initial=done, desc="training", unit="step", mininterval=1.0)

        def move(loss: float | None) -> None:
            if loss is None:
                bar.close()
            else:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()

        return move
    state = {"done": done, "said": time.monotonic()}

    def tell(loss: float | None) -> None:
        if loss is None:
            return
        state["done"] += 1
        now = time.monotonic()
        if now - state["said"] > 5 or state["done"] in (1, job.steps):
            state["said"] = now
            print(f"step {int(state['done'])} of {job.steps}, loss {loss:.3f}", flush=True)

    return tell
