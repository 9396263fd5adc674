"""The staircase of ZeRO: which training states each stage shards over the ranks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sharded:
    """What a rank holds only its part of; the rest it holds whole.

    Attributes:
        optimizer: the optimizer's state, such as Adam's moments, and its copy of the parameters.
        gradients: the sum of the gradients.
        parameters: the parameters, between their uses.
    """

    optimizer: bool
    gradients: bool
    parameters: bool


STAGES = {
    0: Sharded(optimizer=False, gradients=False, parameters=False),  # plain data parallelism
    1: Sharded(optimizer=True, gradients=False, parameters=False),
    2: Sharded(optimizer=True, gradients=True, parameters=False),
    3: Sharded(optimizer=True, gradients=True, parameters=True),
}


def check_stage(stage: int) -> None:
    """Raise ``ValueError`` unless ``stage`` is 0, 1, 2 or 3."""
    if isinstance(stage, bool) or not isinstance(stage, int) or stage not in STAGES:
        raise ValueError(f"stage must be 0, 1, 2 or 3, got {stage!r}")
