"""A whole training run as data: what to do, doing it on every rank, and saying how it went."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.data import batches
from course_lib.data.packing import rows_digest
from course_lib.distributed import Comm, init_from_env
from course_lib.distributed.memory.accounting import model_state_bytes
from course_lib.files import write_json
from course_lib.model.transformer import Transformer
from course_lib.objectives import causal_example
from course_lib.shapes import Int
from course_lib.training.checkpoint import save_checkpoint
from course_lib.training.curve import how_to_say
from course_lib.training.engines import STAGES, Engine, open_engine
from course_lib.training.history import History
from course_lib.training.loop import train
from course_lib.training.objective_settings import ObjectiveSettings
from course_lib.training.schedule import Schedule, warmup_cosine, warmup_stable_decay


@dataclass(frozen=True)
class Job:
    """A whole run, decided; every rank gets the same one.

    Attributes:
        config: The model.
        rows: Rows to learn from ("N T+1").
        held_out: Rows to measure on; None measures nothing.
        strategy: Who holds the model; ``"plain"`` is one process.
        steps: Updates of the whole run.
        batch_size: Rows of an update, over all ranks.
        objective: What the model is asked; None asks for the next token.
        decay: Last updates, in which alone the rate falls to 0, from a flat part; None lets it fall
            along a cosine to a tenth, all the way.
        warmup: Updates before the full learning rate; None: a twentieth of all.
        lr: Peak learning rate of AdamW.
        weight_decay: Of matrices.
        clip: Largest norm of the gradient; None does not clip.
        precision: Of the forward pass.
        accumulate: Backward passes of an update on each rank.
        seed: Draws the initial weights, the order of the rows, dropout and the objective's noise.
        output: Folder for checkpoints and results; None writes nothing.
        checkpoint_every: Updates between checkpoints; None: at the end only.
        keep_last: Checkpoints of a sharded run that stay; None keeps all.
        evaluate_every: Updates between measurements; None: at both ends only.
        resume: Go on from the newest whole checkpoint where there is one.
        progress: Whether rank 0 says how far it is.
        curve: Whether it does so with a curve of the losses.
    """

    config: TransformerConfig
    rows: Int[Tensor, "N T_plus_1"]
    held_out: Int[Tensor, "M T_plus_1"] | None
    strategy: str
    steps: int
    batch_size: int
    objective: ObjectiveSettings | None = None
    decay: int | None = None
    warmup: int | None = None
    lr: float = 1e-3
    weight_decay: float = 0.1
    clip: float | None = 1.0
    precision: str = "float32"
    accumulate: int = 1
    seed: int = 0
    output: Path | None = None
    checkpoint_every: int | None = None
    keep_last: int | None = None
    evaluate_every: int | None = None
    resume: bool = False
    progress: bool = True
    curve: bool = False

    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on; its length and its ranks may change."""
        names = ("batch_size", "warmup", "decay", "seed", "lr", "weight_decay", "clip", "precision")
        return {
            "config": self.config.to_dict(),
            "rows": rows_digest(self.rows),
            "objective": None if self.objective is None else self.objective.identity(),
            **{name: getattr(self, name) for name in names},
        }

    def schedule(self) -> Schedule:
        """Make the factor on the learning rate by step."""
        warmup = self.steps // 20 if self.warmup is None else self.warmup
        if self.decay is None:
            return warmup_cosine(steps=self.steps, warmup=warmup)
        return warmup_stable_decay(steps=self.steps, warmup=warmup, decay=self.decay)

    @property
    def checkpoint(self) -> Path | None:
        """Where the run is kept: a file of one process, or the folder of many."""
        if self.output is None or self.strategy != "plain":
            return self.output
        return self.output / "checkpoint.safetensors"


def check_division(batch_size: int, n_ranks: int, accumulate: int) -> None:
    """Raise ``ValueError`` unless an update's rows divide over ranks and passes."""
    if batch_size % (n_ranks * accumulate):
        raise ValueError(
            f"batch_size {batch_size} does not divide over {n_ranks} ranks with "
            f"{accumulate} backward passes each; it must be a multiple of {n_ranks * accumulate}"
        )


def run(job: Job) -> History:
    """Train on this rank; every rank of the run has to call it.

    The ranks are those of torchrun or of ``course_lib.distributed.launch``, or this process
    alone. It is a call of ``train`` and nothing else, so Python and command line agree to the bit.

    Args:
        job: The run.

    Returns:
        Its course, the same on every rank but for the seconds.

    Raises:
        ValueError: If the rows do not divide over the ranks, or a checkpoint is of another run.
        FloatingPointError: On all ranks, if loss or gradient is no longer finite.
        CheckpointError: On all ranks, if a checkpoint cannot be written or read.
    """
    comm = init_from_env()
    check_division(job.batch_size, comm.world_size, job.accumulate)
    device = _device(comm)
    model = Transformer(job.config, generator=torch.Generator().manual_seed(job.seed)).to(device)
    engine = open_engine(
        job.strategy,
        model,
        lr=job.lr,
        weight_decay=job.weight_decay,
        precision=job.precision,
        comm=comm,
        keep_last=job.keep_last,
    )
    order = torch.Generator().manual_seed(job.seed + 1)
    history = train(
        engine,
        batches(job.rows, job.batch_size, generator=order, parts=job.accumulate),
        steps=job.steps,
        schedule=job.schedule(),
        accumulate=job.accumulate,
        clip=job.clip,
        objective=causal_example if job.objective is None else job.objective.make(),
        seed=job.seed,
        held_out=job.held_out,
        evaluate_every=job.evaluate_every,
        checkpoint=job.checkpoint,
        checkpoint_every=job.checkpoint_every,
        resume=job.resume and job.output is not None,
        run=job.identity(),
        metrics=None if job.output is None else job.output / "metrics.jsonl",
        progress=job.progress and how_to_say(job.steps, job.curve),
    )
    if not history.interrupted and job.output is not None:
        _write_results(job, engine, comm, history)
    return history


def announcement(job: Job, n_ranks: int) -> str:
    """Say what is about to run, and what it will hold on each rank."""
    n = job.config.n_parameters()
    text = f"{n:,} parameters, {len(job.rows):,} rows, {job.strategy} on {n_ranks} rank(s)"
    states = model_state_bytes(
        n,
        n_ranks,
        STAGES[job.strategy],
        parameter_bytes=4,
        gradient_bytes=4,
        optimizer_bytes=8,
    )
    return text + f"; model states {states.total / 1e6:,.1f} MB a rank in float32"


def summary(history: History, job: Job) -> str:
    """Say how it went."""
    made = history.steps - history.resumed_at
    where = f"; results in {job.output}" if job.output is not None else ""
    if not made:
        return (
            f"nothing to do: the run of {history.steps} steps is complete, and a larger --steps "
            f"would go on from it{where}"
        )
    held_out = f", held out {history.evaluations[-1][1]:.3f}" if history.evaluations else ""
    before = f" after {history.resumed_at} made before" if history.resumed_at else ""
    state = "interrupted after" if history.interrupted else "trained"
    speed = sum(history.tokens[-made:]) / max(sum(history.seconds[-made:]), 1e-9)
    return (
        f"{state} {made} steps{before}, last loss {history.losses[-1]:.3f}{held_out}, "
        f"{speed:,.0f} tokens/s{where}"
    )


def _device(comm: Comm) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if comm.group is not None and torch.distributed.get_backend(comm.group) != "nccl":
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _write_results(job: Job, engine: Engine, comm: Comm, history: History) -> None:
    """Write the model for whoever uses it, and ``history.json``.

    A model of a published family becomes a checkpoint as the hub has them, which
    ``Transformer.from_pretrained`` and the reference library read; any other one becomes a
    checkpoint of ``save_checkpoint``.
    """
    weights = engine.weights()
    if comm.rank == 0:
        assert job.output is not None
        model = Transformer(job.config, device="meta")
        model.load_state_dict({n: w.float().cpu() for n, w in weights.items()}, assign=True)
        if job.objective is not None:
            end = job.objective.separator_id
            names = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
            model.published_fields = dict.fromkeys(names, end)
        try:
            model.save_pretrained(job.output)
        except ValueError as error:
            if "family" not in str(error):
                raise
            save_checkpoint(job.output / "model.safetensors", model, step=job.steps)
        content = {"run": job.identity(), **history.to_dict()}
        write_json(job.output / "history.json", content, indent=1)
    comm.barrier()
