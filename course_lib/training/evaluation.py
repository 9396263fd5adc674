"""Measuring a model on text it does not learn from."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.checks import check_whole
from course_lib.objectives import IGNORE, Example, causal_example, causal_loss
from course_lib.shapes import Int
from course_lib.training.batch import (
    Loss,
    Objective,
    Predict,
    as_example,
    predict_logits,
    seed_of,
)
from course_lib.training.engines import Engine
from course_lib.training.engines.plain import OneRank


def evaluate(
    model: nn.Module | Engine,
    held_out: Int[Tensor, "N M"] | Iterable[Tensor | Example],
    *,
    loss: Loss = causal_loss,
    objective: Objective = causal_example,
    predict: Predict = predict_logits,
    batch_size: int = 32,
    seed: int = 0,
) -> float:
    """Give the mean loss over every counting token of held-out data.

    Each token weighs the same, whatever batch it falls into. The model is in evaluation mode
    meanwhile (no dropout) and returns to the mode it was in. What the objective draws is the same
    in every call, so that two measurements differ by the model alone. The ranks of a sharded model
    read the batches in turn, and all get the result that one process would.

    Args:
        model: The module to measure, or the engine that holds it; then all ranks have to call.
        held_out: Rows of ids, or batches of them, or finished examples in batches.
        loss: Mean over the targets that are not ``IGNORE``.
        objective: Makes an example from rows.
        predict: Asks the model for logits.
        batch_size: Rows read at a time, where ``held_out`` is one tensor.
        seed: Of what the objective draws.

    Returns:
        Nats a token.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If no target counts, or the batch size is not positive.
    """
    [batch_size, seed] = check_whole(batch_size=batch_size, seed=seed)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if not isinstance(held_out, Iterable):
        raise TypeError(f"held_out must be rows of ids or batches of them, got {held_out!r:.60}")
    if isinstance(model, nn.Module):
        module, comm, device = model, OneRank(), next(model.parameters()).device
    elif not isinstance(model, Engine):
        raise TypeError(f"model must be a module or an engine, got {model!r:.60}")
    else:
        module, comm, device = model.model, model.comm, model.device
    parts = held_out.split(batch_size) if isinstance(held_out, Tensor) else held_out
    mine: list[tuple[float, int]] = []
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():  # not inference_mode, in which FSDP2 cannot gather
            for number, batch, counts in _turns(parts, comm):
                draws = torch.Generator().manual_seed(seed_of(seed, number, "held out"))
                example = as_example(batch, objective, device, draws)
                n = int((example.targets != IGNORE).sum())
                if n or comm.world_size > 1:
                    value = float(loss(predict(module, example), example.targets)) if n else 0.0
                    mine.append((value * n, n) if counts else (0.0, 0))
    finally:
        module.train(was_training)
    total, count = 0.0, 0
    everyone = comm.gather_objects(mine)
    for turn in zip(*everyone, strict=True):  # in the order of the batches, whoever read them
        for value, n in turn:
            total, count = total + value, count + n
    if not count:
        raise ValueError("held_out must hold at least 1 target that counts, got 0")
    return total / count


def _turns(parts: Iterable[Any], comm: Any) -> Iterable[tuple[int, Any, bool]]:
    """Deal batches out to the ranks, the same number to each.

    Stage 3 needs as many forward passes on every rank: one without a batch left reads another's
    once more and counts nothing.
    """
    turn: list[tuple[int, Any]] = []
    for numbered in enumerate(parts):
        turn.append(numbered)
        if len(turn) == comm.world_size:
            yield *turn[comm.rank], True
            turn = []
    if turn:
        yield *turn[min(comm.rank, len(turn) - 1)], comm.rank < len(turn)
