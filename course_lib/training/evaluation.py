"""Measuring a model on text it does not learn from."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.objectives import IGNORE, Example, causal_example, causal_loss

Loss = Callable[[Tensor, Tensor], Tensor]
Objective = Callable[[Tensor], Example]
Predict = Callable[[nn.Module, Example], Tensor]


def predict_logits(model: nn.Module, example: Example) -> Float[Tensor, "B T V"]:
    """Ask a model for the logits of a batch, with its encoder's input where there is one.

    Args:
        model: Called as ``model(inputs)`` or ``model(inputs, source=source)``.
        example: A batch.

    Returns:
        Logits for each place.

    Chapter: 15_causal_language_modeling
    """
    if example.source is None:
        return model(example.inputs)
    return model(example.inputs, source=example.source)


def as_example(batch: Tensor | Example, objective: Objective, device: torch.device) -> Example:
    """Bring a batch into the form and to the place in which a model reads it.

    Args:
        batch: Rows of ids, or an example that needs no objective any more.
        objective: Makes an example from rows.
        device: Where the model lives.

    Returns:
        The example on that device.

    Chapter: 15_causal_language_modeling
    """
    example = batch if isinstance(batch, Example) else objective(batch)
    return Example(
        inputs=example.inputs.to(device),
        targets=example.targets.to(device),
        source=None if example.source is None else example.source.to(device),
    )


def evaluate(
    model: nn.Module,
    held_out: Int[Tensor, "N M"] | Iterable[Tensor | Example],
    *,
    loss: Loss = causal_loss,
    objective: Objective = causal_example,
    predict: Predict = predict_logits,
    batch_size: int = 32,
) -> float:
    """Give the mean loss over every counting token of held-out data.

    Each token weighs the same, whatever batch it falls into. The model is in evaluation mode
    meanwhile (no dropout) and returns to the mode it was in.

    Args:
        model: The module to measure.
        held_out: Rows of ids, or batches of them, or finished examples in batches.
        loss: Mean over the targets that are not ``IGNORE``.
        objective: Makes an example from rows.
        predict: Asks the model for logits.
        batch_size: Rows read at a time, where ``held_out`` is one tensor.

    Returns:
        Nats a token.

    Raises:
        ValueError: If no target counts.

    Chapter: 15_causal_language_modeling
    """
    device = next(model.parameters()).device
    parts = held_out.split(batch_size) if isinstance(held_out, Tensor) else held_out
    total, count = 0.0, 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in parts:
                example = as_example(batch, objective, device)
                n = int((example.targets != IGNORE).sum())
                if n:
                    total += float(loss(predict(model, example), example.targets)) * n
                    count += n
    finally:
        model.train(was_training)
    if not count:
        raise ValueError("held_out must hold at least 1 target that counts, got 0")
    return total / count
