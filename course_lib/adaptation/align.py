"""Aligning a model with preferences, through the one training loop."""

import copy
import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.adaptation.distill import BothLogits
from course_lib.adaptation.preferences import (
    Preference,
    answer_example,
    check_preferences,
    dpo_loss,
)
from course_lib.checks import check_module, check_numbers, check_whole
from course_lib.data import batches
from course_lib.objectives import IGNORE, Example, token_losses
from course_lib.training import History, adamw, linear, train
from course_lib.training.batch import predict_logits


def align(
    model: nn.Module,
    pairs: Sequence[Preference],
    *,
    steps: int,
    batch_size: int = 16,
    beta: float | int = 0.1,
    likelihood: float | int = 0.0,
    lr: float = 1e-4,
    weight_decay: float = 0.0,
    warmup: float = 0.1,
    pad_id: int = 0,
    seed: int = 0,
    reference: nn.Module | None = None,
    **settings: Any,
) -> History:
    """Train a model to prefer what was preferred, by DPO.

    Too high a rate, or too many steps, and the model collapses: the margin still grows, while the
    chosen answers themselves become less and less likely. Watch them, with `preference_loss` on
    pairs held out, and not the loss alone.

    Args:
        model: Already trained; it is changed. With changes of low rank only these are.
        pairs: Prompts with two answers each.
        steps: Updates of the whole run.
        batch_size: Pairs of an update; all of them, where there are less.
        beta: As in `dpo_loss`.
        likelihood: As in `dpo_loss`.
        lr: Peak learning rate of AdamW.
        weight_decay: Of matrices.
        warmup: Share of the updates before the full rate.
        pad_id: What inputs hold behind the end of a row.
        seed: Draws the order of the pairs, and dropout.
        reference: The model to stay near; None copies the model as it is now.
        **settings: Passed on to `train`.

    Returns:
        The course of the run.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the pairs say nothing, or a number is out of range.

    Source: Rafailov et al. 2023, "Direct Preference Optimization", section 4.
    """
    check_module(model)
    check_preferences(pairs)
    [steps, batch_size, pad_id, seed] = check_whole(
        steps=steps, batch_size=batch_size, pad_id=pad_id, seed=seed
    )
    [beta, likelihood, warmup] = check_numbers(beta=beta, likelihood=likelihood, warmup=warmup)
    if not 0 <= warmup <= 1:
        raise ValueError(f"warmup must be a share of the steps, 0 to 1, got {warmup}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if reference is model:
        raise ValueError("reference must be another model than model, got the same")
    if reference is not None:
        check_module(reference, "reference")
    before = copy.deepcopy(model) if reference is None else reference
    before.eval()

    def objective(numbers: Tensor, generator: torch.Generator) -> Example:
        batch = [pairs[number] for number in numbers[:, 0].tolist()]
        return answer_example(
            [pair.prompt for pair in batch] * 2,
            [pair.chosen for pair in batch] + [pair.rejected for pair in batch],
            pad_id,
        )

    def predict(trained: nn.Module, example: Example) -> Any:
        with torch.no_grad():
            said = predict_logits(before, example)
        return BothLogits(predict_logits(trained, example), said)

    def loss(both: Any, targets: Tensor) -> Tensor:
        now, then = (-token_losses(logits, targets).sum(1) for logits in both)
        n = len(now) // 2
        counts = (targets[:n] != IGNORE).sum(1) if likelihood else None
        return dpo_loss(
            now[:n], now[n:], then[:n], then[n:], beta=beta, likelihood=likelihood, n_tokens=counts
        ).loss

    numbers = torch.arange(len(pairs))[:, None]
    known = hashlib.sha256(repr([tuple(map(tuple, pair)) for pair in pairs]).encode()).hexdigest()
    run = {"pairs": known[:16], "beta": beta, "likelihood": likelihood, **settings.pop("run", {})}
    history = train(
        model,
        batches(
            numbers, min(batch_size, len(pairs)), generator=torch.Generator().manual_seed(seed)
        ),
        optimizer=adamw(model, lr, weight_decay),
        steps=steps,
        schedule=linear(steps=steps, warmup=int(warmup * steps)),
        objective=objective,
        predict=predict,
        loss=loss,
        seed=seed,
        run=run,
        **settings,
    )
    model.eval()
    return history
