"""The training loop: predict, measure, correct, many times over.

Chapter: 01_relevance
"""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from course_lib.checks import check_flags, check_mappings, check_numbers, check_whole
from course_lib.objectives import Example, causal_example, causal_loss
from course_lib.shapes import Int
from course_lib.training.alone import alone
from course_lib.training.batch import Loss, Objective, Predict, gradient, predict_logits
from course_lib.training.engines import Engine, engine_of
from course_lib.training.evaluation import evaluate
from course_lib.training.history import History
from course_lib.training.interrupt import InterruptBetweenSteps
from course_lib.training.nonfinite import NonFiniteError, keep_batch
from course_lib.training.progress import Bar, Metrics, Say
from course_lib.training.resume import accept, place_of
from course_lib.training.schedule import Schedule, constant


def train(
    model: nn.Module | Engine,
    batches: Iterable[Tensor | Example],
    *,
    optimizer: Any = None,
    steps: int,
    schedule: Schedule | None = None,
    loss: Loss = causal_loss,
    objective: Objective = causal_example,
    predict: Predict = predict_logits,
    accumulate: int = 1,
    clip: float | None = 1.0,
    precision: str = "float32",
    seed: int = 0,
    held_out: Int[Tensor, "N M"] | None = None,
    evaluate_every: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    run: Mapping[str, Any] | None = None,
    metrics: str | os.PathLike[str] | None = None,
    progress: bool | Say = True,
) -> History:
    """Train a model for a number of updates, and keep what is needed to go on later.

    An update reads ``accumulate`` batches and weighs every token of them alike, so that it equals
    one update on their union. A sharded model's ranks each take their part of every batch; all of
    them have to call this with the same arguments, and the result does not depend on their number.

    A run that is interrupted (Ctrl-C, or the stop button of a notebook) finishes its update and
    returns what it has; with ``checkpoint`` it can be resumed, also to be longer, and then has the
    very weights that it would have had without the pause, provided that ``batches`` can save its
    place, as ``course_lib.data.batches`` can.

    Args:
        model: Any module, a sharded one included, or an engine that holds one; it stays on its
            device and is left in training mode.
        batches: Rows of ids ("B T+1"), or finished examples; must not run out.
        optimizer: Holds the peak learning rate, which ``schedule`` multiplies. An engine has its
            own.
        steps: Updates of the whole run, those before a pause included.
        schedule: Factor on the learning rate by step; constant by default.
        loss: Mean over the targets that are not ``IGNORE``.
        objective: Makes an example from rows and a generator.
        predict: Asks the model for logits.
        accumulate: Batches an update.
        clip: Largest norm of all gradients together; None does not clip.
        precision: ``"float32"``, or ``"bfloat16"`` for the forward pass.
        seed: Of dropout and of what the objective draws; torch's own random state stays as it is.
        held_out: Rows to evaluate on: before the first update, every ``evaluate_every``, and after
            the last.
        evaluate_every: Updates between evaluations; None leaves only the first and the last.
        checkpoint: What to keep the run in, written at the end and at an interrupt: a file, or a
            folder where the model is sharded.
        checkpoint_every: Updates between writings of it; None leaves only those.
        resume: Go on from ``checkpoint`` where there is one; otherwise begin.
        run: Values, as JSON has them, that must not change when the run goes on.
        metrics: File that gets a JSON object a line for each update and evaluation.
        progress: Whether to show a bar, or what to call after each update instead, such as a
            `LiveCurve`.

    Returns:
        The course of the whole run, that before a pause included.

    Raises:
        ValueError: If a number is out of range, ``checkpoint`` exists and ``resume`` is not set, it
            does not belong to this model, data and run, ``batches`` runs out, or no target counts.
        TypeError: If an argument is of a wrong type, or model and optimizer do not belong together.
        NonFiniteError: A FloatingPointError: the loss or the gradient is no longer finite. The
            weights are those before that update, and its batches stand beside the checkpoint.
        BlockingIOError: If another run is writing ``checkpoint`` or ``metrics``.
        OSError: If a file cannot be written; the last checkpoint is whole, and can be resumed. A
            run that is complete can be read where nothing can be written, without ``metrics``.
    """
    if isinstance(batches, str) or not isinstance(batches, Iterable):
        raise TypeError(f"batches must be an iterable of rows, got {batches!r:.60}")
    [resume] = check_flags(resume=resume)
    if not callable(progress):
        [progress] = check_flags(progress=progress)
    if run is not None:
        check_mappings(run=run)
    steps, accumulate, seed, clip, evaluate_every, checkpoint_every = _check(
        steps, accumulate, clip, evaluate_every, checkpoint, checkpoint_every, resume, seed
    )
    if held_out is None and evaluate_every is not None:
        raise ValueError(f"evaluate_every {evaluate_every} needs held_out, got held_out=None")
    engine = engine_of(model, optimizer, precision)
    path = None if checkpoint is None else Path(checkpoint)
    schedule = schedule or constant()
    for group in engine.optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])

    with ExitStack() as open_things:
        keeper = alone(engine, path, None if metrics is None else Path(metrics))
        may_write = open_things.enter_context(keeper)
        history = History()
        if path is not None and engine.has_checkpoint(path):
            if not resume:
                raise ValueError(
                    f"checkpoint {checkpoint} exists: pass resume=True to go on from it, or "
                    "another path"
                )
            engine.load(path, lambda state: accept(state, path, history, batches, steps, run or {}))
        if not may_write and history.steps < steps:
            raise PermissionError(
                f"checkpoint {checkpoint} is in a folder that cannot be written, and the run has "
                f"made {history.steps} of {steps} steps"
            )
        source = iter(batches)
        place = place_of(batches)
        saved_at = history.steps or None
        updating = False

        def measure() -> None:
            if held_out is not None and history.steps not in dict(history.evaluations):
                value = evaluate(
                    engine, held_out, loss=loss, objective=objective, predict=predict, seed=seed
                )
                history.evaluations.append((history.steps, value))
                if log is not None:
                    log.evaluation(history.steps, value)

        def save() -> None:
            nonlocal saved_at
            if path is not None and saved_at != history.steps:
                same = json.loads(json.dumps(dict(run or {})))  # lists, where JSON knows no tuples
                state = {"history": history.to_dict(), "place": place, "run": same}
                engine.save(path, history.steps, state)
                saved_at = history.steps

        engine.model.train()
        single, first = engine.comm.world_size == 1, engine.comm.rank == 0
        log = (
            open_things.enter_context(Metrics(Path(metrics), history))
            if metrics and first
            else None
        )
        say: Say | None = progress if callable(progress) and first else None
        if progress is True and first:
            say = bar = Bar(steps, history.steps)
            open_things.callback(bar.close)
        interrupt = open_things.enter_context(InterruptBetweenSteps())
        try:
            if history.steps == 0:
                measure()
            # With more ranks an interrupt ends them all: the last checkpoint stays.
            while history.steps < steps and not (interrupt.requested and single):
                start = time.perf_counter()
                step = history.steps
                read = [_next(source, step) for _ in range(accumulate)]
                mean, n_tokens = gradient(
                    engine, read, step, objective=objective, loss=loss, predict=predict, seed=seed
                )
                norm = engine.clip(math.inf if clip is None else clip)
                if not (math.isfinite(mean) and math.isfinite(norm)):
                    engine.optimizer.zero_grad()
                    kept = keep_batch(path, step, read) if first else None
                    raise NonFiniteError(step, mean, norm, read, kept)
                for group in engine.optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * schedule(step)
                updating = True
                engine.optimizer.step()
                engine.optimizer.zero_grad()

                place = place_of(batches)
                history.losses.append(mean)
                history.learning_rates.append(engine.optimizer.param_groups[0]["lr"])
                history.gradient_norms.append(norm)
                history.tokens.append(n_tokens)
                history.seconds.append(time.perf_counter() - start)
                updating = False

                if log is not None:
                    log.update(history)
                if say is not None:
                    say(history)
                if evaluate_every and history.steps % evaluate_every == 0:
                    measure()
                if checkpoint_every and history.steps % checkpoint_every == 0:
                    save()
            if history.steps == steps:
                measure()
        except KeyboardInterrupt:
            if not single:
                raise
            engine.optimizer.zero_grad()
        history.interrupted = history.steps < steps
        if not updating:  # else some weights are new and some old: the last checkpoint is better
            save()
    return history


def _next(source: Iterator[Tensor | Example], step: int) -> Tensor | Example:
    try:
        return next(source)
    except StopIteration:
        raise ValueError(f"batches ran out at step {step}; it must go on for ever") from None


def _check(
    steps: int,
    accumulate: int,
    clip: float | None,
    evaluate_every: int | None,
    checkpoint: str | os.PathLike[str] | None,
    checkpoint_every: int | None,
    resume: bool,
    seed: int,
) -> list[Any]:
    wanted = {"steps": steps, "accumulate": accumulate}
    optional = {"evaluate_every": evaluate_every, "checkpoint_every": checkpoint_every}
    [*sizes, seed] = check_whole(**wanted, seed=seed)
    every = check_whole(None, **optional)
    for name, value in zip([*wanted, *optional], [*sizes, *every], strict=True):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    [clip] = check_numbers(None, clip=clip)
    if clip is not None and not clip > 0:
        raise ValueError(f"clip must be positive, or None for no clipping, got {clip}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must be 0 to 2**63 - 1, got {seed}")
    if checkpoint is None and (resume or checkpoint_every):
        asked = "resume" if resume else "checkpoint_every"
        raise ValueError(f"{asked} needs a checkpoint to work with, got checkpoint=None")
    return [*sizes, seed, clip, *every]
