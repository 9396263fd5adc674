"""One update's gradient: batches cut among the ranks, every target weighed alike."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.objectives import IGNORE, Example
from course_lib.shapes import Float
from course_lib.training.engines import Engine

Loss = Callable[[Tensor, Tensor], Tensor]
Objective = Callable[[Tensor, torch.Generator], Example]
Predict = Callable[[nn.Module, Example], Tensor]


def predict_logits(model: nn.Module, example: Example) -> Float[Tensor, "B T V"]:
    """Ask a model for the logits of a batch, with its encoder's input where there is one.

    Args:
        model: Called as ``model(inputs)``, with ``source``, ``keep`` and ``source_keep`` where the
            example has them.
        example: A batch.

    Returns:
        Logits for each place.
    """
    more = {name: getattr(example, name) for name in ("source", "keep", "source_keep")}
    return model(example.inputs, **{name: part for name, part in more.items() if part is not None})


def as_example(
    batch: Tensor | Example,
    objective: Objective,
    device: torch.device,
    generator: torch.Generator,
) -> Example:
    """Bring a batch into the form and to the place in which a model reads it.

    Args:
        batch: Rows of ids, or an example that needs no objective any more.
        objective: Makes an example from rows.
        device: Where the model lives.
        generator: What the objective draws from.

    Returns:
        The example on that device.
    """
    example = batch if isinstance(batch, Example) else objective(batch, generator)
    there = {name: part for name, part in vars(example).items() if part is not None}
    return Example(**{name: part.to(device) for name, part in there.items()})


def seed_of(*numbers: int | str) -> int:
    """Mix numbers into a seed: nearby ones give unrelated seeds."""
    mixed = hashlib.sha256("/".join(map(str, numbers)).encode()).digest()
    return int.from_bytes(mixed[:8], "big") >> 1


@contextmanager
def own_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Let dropout draw from a seed, and leave torch's own random state as it was.

    Dropout takes no generator. With a seed for each pass its draws depend neither on what ran
    before nor on the number of ranks, and a run goes on after a pause without any saved state.

    Args:
        seed: Of this pass.
        device: Where the model lives.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield


def cut(batch: Tensor | Example, rank: int, n_ranks: int) -> Tensor | Example:
    """Take a rank's rows of a batch: the same number for each.

    Raises:
        ValueError: If the rows do not divide.
    """
    if n_ranks == 1:
        return batch
    if isinstance(batch, Example):
        parts = {
            name: None if value is None else cut(value, rank, n_ranks)
            for name, value in vars(batch).items()
        }
        return Example(**parts)  # type: ignore[arg-type]
    if len(batch) % n_ranks:
        raise ValueError(f"a batch of {len(batch)} rows does not divide over {n_ranks} ranks")
    size = len(batch) // n_ranks
    return batch[rank * size : (rank + 1) * size]


def gradient(
    engine: Engine,
    batches: Sequence[Tensor | Example],
    step: int,
    *,
    objective: Objective,
    loss: Loss,
    predict: Predict,
    seed: int,
) -> tuple[float, int]:
    """Add up the gradient of the mean loss over all targets of some batches. Collective.

    Pass m of rank r works on slice ``m * W + r``. What a slice draws depends on its number alone,
    so W ranks with one pass and one rank with W passes do the same.

    Args:
        engine: Holds the model.
        batches: The same ones on every rank.
        step: Updates made before.
        objective: Makes an example from rows.
        loss: Mean over the targets that are not ``IGNORE``.
        predict: Asks the model for logits.
        seed: Of the run.

    Returns:
        The mean loss in nats, and the number of targets.

    Raises:
        ValueError: If there is no target, or a batch does not divide over the ranks.
    """
    comm: Any = engine.comm
    passes = []
    counts = torch.zeros(len(batches) * comm.world_size, dtype=torch.float64, device=engine.device)
    for number, batch in enumerate(batches):
        piece = number * comm.world_size + comm.rank
        draws = torch.Generator().manual_seed(seed_of(seed, step, piece, "objective"))
        part = cut(batch, comm.rank, comm.world_size)
        example = as_example(part, objective, engine.device, draws)
        passes.append((piece, example))
        counts[piece] = (example.targets != IGNORE).sum()
    of_piece = comm.sum_over_ranks(counts).tolist()
    total = int(sum(of_piece))
    if not total:
        raise ValueError("batches must hold at least 1 target that counts an update, got 0")
    parts = torch.zeros_like(counts)
    for piece, example in passes:
        dropout = own_draws(seed_of(seed, step, piece, "dropout"), engine.device)
        with dropout, engine.precision():
            logits = predict(engine.model, example)
            # A slice without targets still goes through the model: other ranks wait for it.
            mean = loss(logits, example.targets) if of_piece[piece] else 0 * logits.sum()
        # By tokens, not by batches: a short batch must not weigh as much as a full one.
        share = mean * (of_piece[piece] / total)
        engine.backward(share)
        parts[piece] = share.detach()
    return sum(comm.sum_over_ranks(parts).tolist()), total
