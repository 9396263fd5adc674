"""The training loop: predict, measure, correct, many times over."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.objectives import IGNORE, Example, causal_example, causal_loss
from course_lib.training.checkpoint import load_checkpoint, save_checkpoint
from course_lib.training.evaluation import (
    Loss,
    Objective,
    Predict,
    as_example,
    evaluate,
    predict_logits,
)
from course_lib.training.history import History
from course_lib.training.interrupt import InterruptBetweenSteps
from course_lib.training.precision import precision_context
from course_lib.training.schedule import Schedule, constant


def train(
    model: nn.Module,
    batches: Iterable[Tensor | Example],
    *,
    optimizer: torch.optim.Optimizer,
    steps: int,
    schedule: Schedule | None = None,
    loss: Loss = causal_loss,
    objective: Objective = causal_example,
    predict: Predict = predict_logits,
    accumulate: int = 1,
    clip: float | None = 1.0,
    precision: str = "float32",
    held_out: Int[Tensor, "N M"] | None = None,
    evaluate_every: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> History:
    """Train a model for a number of updates, and keep what is needed to go on later.

    An update reads ``accumulate`` batches and weighs every token of them alike, so that it equals
    one update on their union. A run that is interrupted (Ctrl-C, or the stop button of a notebook)
    finishes its update and returns what it has; with ``checkpoint`` it can be resumed and then
    ends with the very weights that it would have had without the pause, provided that ``batches``
    can save its place, as ``course_lib.data.batches`` can.

    Args:
        model: Any module; it stays on its device and is left in training mode.
        batches: Rows of ids ("B T+1"), or finished examples; must not run out.
        optimizer: Holds the peak learning rate, which ``schedule`` multiplies.
        steps: Updates of the whole run, those before a pause included.
        schedule: Factor on the learning rate by step; constant by default.
        loss: Mean over the targets that are not ``IGNORE``.
        objective: Makes an example from rows.
        predict: Asks the model for logits.
        accumulate: Batches an update.
        clip: Largest norm of all gradients together; None does not clip.
        precision: ``"float32"``, or ``"bfloat16"`` for the forward pass.
        held_out: Rows to evaluate on: before the first update, every ``evaluate_every``, and after
            the last.
        evaluate_every: Updates between evaluations; None leaves only the first and the last.
        checkpoint: File to keep the run in, written at the end and at an interrupt.
        checkpoint_every: Updates between writings of it; None leaves only those.
        resume: Go on from ``checkpoint`` where the file exists; otherwise begin.
        progress: Whether to show a bar.

    Returns:
        The course of the whole run, that before a pause included.

    Raises:
        ValueError: If a number is out of range, ``checkpoint`` exists and ``resume`` is not set, it
            does not belong to this model and data, ``batches`` runs out, or no target counts.
        FloatingPointError: If the loss or the gradient is no longer finite; the weights are those
            before that update.

    Chapter: 01_relevance
    """
    _check(steps, accumulate, clip, evaluate_every, checkpoint, checkpoint_every, resume)
    device = next(model.parameters()).device
    open_precision = precision_context(precision, device)
    schedule = schedule or constant()
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])

    history = History()
    if resume and checkpoint is not None and Path(checkpoint).exists():
        history = _restore(checkpoint, model, optimizer, batches)
    source = iter(batches)
    place = _place(batches)
    updating = False

    def measure() -> None:
        if held_out is not None and history.steps not in dict(history.evaluations):
            value = evaluate(model, held_out, loss=loss, objective=objective, predict=predict)
            history.evaluations.append((history.steps, value))

    def save() -> None:
        if checkpoint is not None:
            state = {"history": history.to_dict(), "place": place}
            save_checkpoint(checkpoint, model, optimizer, step=history.steps, state=state)

    model.train()
    bar = tqdm(
        total=steps,
        initial=history.steps,
        desc="training",
        unit="step",
        mininterval=1.0,
        disable=not progress,
    )
    with bar, InterruptBetweenSteps() as interrupt:
        try:
            if history.steps == 0:
                measure()
            while history.steps < steps and not interrupt.requested:
                start = time.perf_counter()
                examples = [
                    as_example(_next(source, history.steps), objective, device)
                    for _ in range(accumulate)
                ]
                mean, n_tokens = _gradient(model, examples, loss, predict, open_precision)
                norm = _clip(model, clip)
                if not (math.isfinite(mean) and math.isfinite(norm)):
                    optimizer.zero_grad(set_to_none=True)
                    raise FloatingPointError(
                        f"loss {mean} and gradient norm {norm} at step {history.steps}"
                    )
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * schedule(history.steps)
                updating = True
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

                place = _place(batches)
                history.losses.append(mean)
                history.learning_rates.append(optimizer.param_groups[0]["lr"])
                history.gradient_norms.append(norm)
                history.tokens.append(n_tokens)
                history.seconds.append(time.perf_counter() - start)
                updating = False

                bar.update()
                bar.set_postfix(loss=f"{mean:.3f}", refresh=False)
                if evaluate_every and history.steps % evaluate_every == 0:
                    measure()
                if checkpoint_every and history.steps % checkpoint_every == 0:
                    save()
            if history.steps == steps:
                measure()
        except KeyboardInterrupt:
            optimizer.zero_grad(set_to_none=True)
        history.interrupted = history.steps < steps
        if not updating:  # else some weights are new and some old: the last checkpoint is better
            save()
    return history


def _gradient(
    model: nn.Module,
    examples: list[Example],
    loss: Loss,
    predict: Predict,
    open_precision: Callable[[], AbstractContextManager[object]],
) -> tuple[float, int]:
    """Add up the gradient of the mean loss over all tokens of some batches."""
    counts = [int((example.targets != IGNORE).sum()) for example in examples]
    n_tokens = sum(counts)
    if not n_tokens:
        raise ValueError("batches must hold at least 1 target that counts an update, got 0")
    mean = 0.0
    for example, count in zip(examples, counts, strict=True):
        if count:
            with open_precision():
                part = loss(predict(model, example), example.targets)
            # By tokens, not by batches: a short batch must not weigh as much as a full one.
            part = part * (count / n_tokens)
            part.backward()
            mean += part.item()
    return mean, n_tokens


def _clip(model: nn.Module, clip: float | None) -> float:
    limit = math.inf if clip is None else clip
    return float(nn.utils.clip_grad_norm_(model.parameters(), limit))


def _next(source: Iterator[Tensor | Example], step: int) -> Tensor | Example:
    try:
        return next(source)
    except StopIteration:
        raise ValueError(f"batches ran out at step {step}; it must go on for ever") from None


def _place(batches: Any) -> dict[str, Any]:
    """Note where the data and the global random state (dropout draws from it) stand."""
    place: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        place["cuda"] = torch.cuda.get_rng_state_all()
    if hasattr(batches, "state_dict"):
        place["batches"] = batches.state_dict()
    return place


def _restore(
    checkpoint: str | os.PathLike[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Any,
) -> History:
    _, state = load_checkpoint(checkpoint, model, optimizer)
    place = state["place"]
    if ("batches" in place) != hasattr(batches, "load_state_dict"):
        raise ValueError(
            f"{checkpoint} cannot be resumed exactly: the place in the data was "
            f"{'saved' if 'batches' in place else 'not saved'}, but these batches "
            f"{'can' if hasattr(batches, 'load_state_dict') else 'cannot'} take it"
        )
    if "batches" in place:
        batches.load_state_dict(place["batches"])
    torch.set_rng_state(place["torch"])
    if "cuda" in place and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(place["cuda"])
    return History.from_dict(state["history"])


def _check(
    steps: int,
    accumulate: int,
    clip: float | None,
    evaluate_every: int | None,
    checkpoint: str | os.PathLike[str] | None,
    checkpoint_every: int | None,
    resume: bool,
) -> None:
    numbers = {
        "steps": steps,
        "accumulate": accumulate,
        "evaluate_every": evaluate_every,
        "checkpoint_every": checkpoint_every,
    }
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if clip is not None and not clip > 0:
        raise ValueError(f"clip must be positive, or None for no clipping, got {clip}")
    if checkpoint is None and (resume or checkpoint_every):
        wanted = "resume" if resume else "checkpoint_every"
        raise ValueError(f"{wanted} needs a checkpoint to work with, got checkpoint=None")
    if checkpoint is not None and Path(checkpoint).exists() and not resume:
        raise ValueError(
            f"checkpoint {checkpoint} exists: pass resume=True to go on from it, or another path"
        )
