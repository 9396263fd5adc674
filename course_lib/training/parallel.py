"""A training run on many ranks: the same batches, cut among them, and one set of weights.

Chapter: 18_multi_gpu_zero
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from course_lib.data import batches
from course_lib.distributed import Comm, init_from_env, latest_valid
from course_lib.model.transformer import Transformer
from course_lib.objectives import IGNORE, Example, causal_example, causal_loss
from course_lib.training.checkpoint import save_checkpoint
from course_lib.training.engines import Engine, open_engine
from course_lib.training.interrupt import InterruptBetweenSteps
from course_lib.training.job import Job, Outcome, speaker
from course_lib.training.schedule import warmup_cosine


def run(job: Job) -> Outcome:
    """Train on this rank; every rank of the run has to call it.

    The ranks are those of torchrun or of ``course_lib.distributed.launch``, or this process
    alone. An update takes its rows in the same order whatever the number of ranks: pass m of rank
    r takes slice ``m * W + r`` of the batch.

    Args:
        job: The run.

    Returns:
        Its course, the same on every rank.

    Raises:
        ValueError: If the rows do not divide over the ranks, or a checkpoint is of another run.
        FloatingPointError: On all ranks, if loss or gradient is no longer finite.
        CheckpointError: On all ranks, if a checkpoint cannot be written or read.

    Chapter: 18_multi_gpu_zero
    """
    comm = init_from_env()
    check_division(job.batch_size, comm.world_size, job.settings.accumulate)
    device = _device(comm)
    model = Transformer(job.config, generator=torch.Generator().manual_seed(job.seed)).to(device)
    engine = open_engine(model, job.settings, comm)
    losses: list[float] = []
    evaluations: list[tuple[int, float]] = []
    if job.resume and job.output is not None:
        found = comm.gather_objects(_has_checkpoint(job))[0]
        if found:
            extra = _same_run(engine.load(job.output)["extra"], job)
            losses = list(extra["losses"])
            evaluations = [(int(step), float(value)) for step, value in extra["evaluations"]]
    first_step, n_tokens, start = len(losses), 0, time.perf_counter()
    served = batches(
        job.rows, job.batch_size, generator=torch.Generator().manual_seed(job.seed + 1)
    )
    for _ in range(first_step):
        next(served)
    factor = warmup_cosine(steps=job.steps, warmup=job.warmup)

    def measure() -> None:
        if job.held_out is not None and len(losses) not in dict(evaluations):
            evaluations.append((len(losses), evaluate_shared(engine, job.held_out, comm, device)))

    saved: set[int] = {first_step} if losses else set()

    def save() -> None:
        if job.output is not None and len(losses) not in saved:
            extra = {"run": job.identity(), "losses": losses, "evaluations": evaluations}
            engine.save(job.output, len(losses), extra)
            saved.add(len(losses))

    say = speaker(job, comm.rank, first_step)
    engine.model.train()
    with InterruptBetweenSteps() as interrupt:
        if not losses:
            measure()
        while len(losses) < job.steps:
            if interrupt.requested and comm.world_size == 1:
                break  # with more ranks an interrupt ends them all: the last checkpoint stays
            loss, count = _step(engine, next(served), job, comm, device, len(losses), factor)
            losses.append(loss)
            n_tokens += count
            say(loss)
            done = len(losses)
            if job.evaluate_every and done % job.evaluate_every == 0:
                measure()
            if job.checkpoint_every and done % job.checkpoint_every == 0:
                save()
    interrupted = len(losses) < job.steps
    seconds = time.perf_counter() - start
    if not interrupted:
        measure()
    save()
    say(None)
    outcome = Outcome(losses, evaluations, first_step, n_tokens / seconds, interrupted)
    if not interrupted and job.output is not None:
        _write_results(job, engine, comm, outcome)
    return outcome


def check_division(batch_size: int, n_ranks: int, accumulate: int) -> None:
    """Raise ``ValueError`` unless a batch divides over ranks and backward passes."""
    if batch_size % (n_ranks * accumulate):
        raise ValueError(
            f"batch_size {batch_size} does not divide over {n_ranks} ranks with {accumulate} "
            f"backward passes each; it must be a multiple of {n_ranks * accumulate}"
        )


def _device(comm: Comm) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if comm.group is not None and torch.distributed.get_backend(comm.group) != "nccl":
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _step(
    engine: Engine,
    batch: Tensor,
    job: Job,
    comm: Comm,
    device: torch.device,
    step: int,
    factor: Callable[[int], float],
) -> tuple[float, int]:
    """Make one update; return the mean loss over all targets of all ranks, and their number."""
    total = int((batch[:, 1:] != IGNORE).sum())  # every rank sees the whole batch's ids
    n = job.settings.accumulate
    parts = batch.chunk(n * comm.world_size)
    # Anew in every step, so that dropout needs no saved state to go on after a pause.
    torch.manual_seed((job.seed * 1_000_003 + step) * 4096 + comm.rank)
    mean = torch.zeros(1, dtype=torch.float64, device=device)
    for micro in range(n):
        example = _on(causal_example(parts[micro * comm.world_size + comm.rank]), device)
        count = int((example.targets != IGNORE).sum())
        loss = causal_loss(engine.model(example.inputs), example.targets) * (count / total)
        engine.backward(loss)
        mean += loss.detach()
    value = float(comm.sum_over_ranks(mean))
    norm = engine.update(job.settings.lr * factor(step)) if math.isfinite(value) else math.nan
    if not (math.isfinite(value) and math.isfinite(norm)):
        raise FloatingPointError(f"loss {value} and gradient norm {norm} at step {step}")
    return value, total


def _on(example: Example, device: torch.device) -> Example:
    return Example(example.inputs.to(device), example.targets.to(device))


@torch.no_grad()
def evaluate_shared(
    engine: Engine,
    rows: Int[Tensor, "M T_plus_1"],
    comm: Comm,
    device: torch.device,
    batch_size: int = 32,
) -> float:
    """Give the mean loss over all targets of held-out rows, each rank reading its share.

    All ranks make the same number of forward passes, which stage 3 needs: a rank without rows
    left reads some again and counts nothing.

    Args:
        engine: Holds the model.
        rows: Rows of ids, the same on every rank.
        comm: The ranks.
        device: Where the model lives.
        batch_size: Rows of one forward pass on a rank.

    Returns:
        Nats a token.
    """
    engine.model.eval()
    parts = rows.split(batch_size)
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for first in range(0, len(parts), comm.world_size):
        mine = first + comm.rank
        example = _on(causal_example(parts[min(mine, len(parts) - 1)]), device)
        loss = causal_loss(engine.model(example.inputs), example.targets)
        if mine < len(parts):
            count = (example.targets != IGNORE).sum()
            sums += torch.stack([loss.double() * count, count.double()])
    engine.model.train()
    total, count = comm.sum_over_ranks(sums).tolist()
    return float(total / count)


def _has_checkpoint(job: Job) -> bool:
    assert job.output is not None
    if job.settings.strategy == "deepspeed":
        return (job.output / "deepspeed" / "latest").exists()
    return latest_valid(job.output) is not None


def _same_run(extra: dict[str, Any], job: Job) -> dict[str, Any]:
    mine = json.loads(json.dumps(job.identity()))
    for name, theirs in extra["run"].items():
        if mine[name] != theirs:
            raise ValueError(
                f"{job.output} holds another run: {name} was {theirs}, now it is {mine[name]}"
            )
    return extra


def _write_results(job: Job, engine: Engine, comm: Comm, outcome: Outcome) -> None:
    """Write ``model.safetensors``, for one process, and ``history.json``."""
    weights = engine.weights()
    if comm.rank == 0:
        assert job.output is not None
        model = Transformer(job.config, device="meta")
        model.load_state_dict({n: w.float().cpu() for n, w in weights.items()}, assign=True)
        save_checkpoint(job.output / "model.safetensors", model, step=job.steps)
        path = job.output / "history.json"
        part = path.with_name(path.name + ".part")
        history = {"losses": outcome.losses, "evaluations": outcome.evaluations}
        part.write_text(json.dumps({"run": job.identity(), **history}, indent=1) + "\n")
        os.replace(part, path)
    comm.barrier()
