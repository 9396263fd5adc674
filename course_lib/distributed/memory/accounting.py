"""Bytes and traffic by the formulas of the papers: arithmetic on plain numbers.

``budget.py`` says what one plan costs exactly, ``measure.py`` measures the same quantities.

Chapter: 18_multi_gpu_zero
"""

import math
from dataclasses import dataclass

from course_lib.checks import check_numbers, check_sizes
from course_lib.distributed.zero.stages import check_stage

Amount = int | float


@dataclass(frozen=True)
class ModelStateBytes:
    """Bytes of model states on one rank.

    Attributes:
        parameters: bytes of parameters.
        gradients: bytes of gradients.
        optimizer: bytes of optimizer state, with the float32 copy where there is one.
    """

    parameters: Amount
    gradients: Amount
    optimizer: Amount

    @property
    def total(self) -> float:
        """All three together."""
        return self.parameters + self.gradients + self.optimizer


def _check_amounts(**amounts: Amount) -> None:
    for name, amount in zip(amounts, check_numbers(**amounts), strict=True):
        if not 0 <= amount < math.inf:
            raise ValueError(f"{name} must be 0 or more and finite, got {amount}")


def model_state_bytes(
    n_parameters: Amount,
    n_ranks: int,
    stage: int,
    *,
    parameter_bytes: Amount = 2,
    gradient_bytes: Amount = 2,
    optimizer_bytes: Amount = 12,
) -> ModelStateBytes:
    """Return the paper's bytes of model states per rank.

    The defaults are the paper's mixed precision with Adam: 2 + 2 + 12 bytes per parameter, where
    12 is a float32 copy, a momentum and a variance. Float32 training is 4 + 4 + 8.

    Args:
        n_parameters: number of parameters (the paper's Psi).
        n_ranks: number of data-parallel ranks (the paper's N_d).
        stage: 0 (plain data parallelism), 1, 2 or 3.
        parameter_bytes: bytes per parameter.
        gradient_bytes: bytes per gradient element.
        optimizer_bytes: bytes of optimizer state per parameter (the paper's K).

    Raises:
        TypeError: n_ranks is no whole number, or another no number.
        ValueError: stage not in 0..3, n_ranks below 1, or another negative.

    Source: Rajbhandari et al. 2020, sections 3.1 and 5, Figure 1. A GB there is 1e9 bytes.
    """
    check_stage(stage)
    check_sizes(n_ranks=n_ranks)
    _check_amounts(
        n_parameters=n_parameters,
        parameter_bytes=parameter_bytes,
        gradient_bytes=gradient_bytes,
        optimizer_bytes=optimizer_bytes,
    )
    return ModelStateBytes(
        parameters=parameter_bytes * n_parameters / (n_ranks if stage >= 3 else 1),
        gradients=gradient_bytes * n_parameters / (n_ranks if stage >= 2 else 1),
        optimizer=optimizer_bytes * n_parameters / (n_ranks if stage >= 1 else 1),
    )


def communication_elements(n_parameters: Amount, stage: int, n_ranks: int | None = None) -> Amount:
    """Return the elements one rank sends in one training step.

    Stages 0 to 2 send each parameter's worth twice, stage 3 three times, so ZeRO's first two
    stages are free. Without ``n_ranks`` this is the paper's limit for many ranks; with it, the
    exact volume, which is ``(n_ranks - 1) / n_ranks`` of that.

    Args:
        n_parameters: number of parameters.
        stage: 0, 1, 2 or 3.
        n_ranks: number of ranks, or None for the limit.

    Raises:
        TypeError: n_ranks is no whole number, or n_parameters no number.
        ValueError: one is out of range.

    Source: Rajbhandari et al. 2020, section 7.
    """
    check_stage(stage)
    _check_amounts(n_parameters=n_parameters)
    volume = (3 if stage == 3 else 2) * n_parameters
    if n_ranks is None:
        return volume
    check_sizes(n_ranks=n_ranks)
    return volume * (n_ranks - 1) / n_ranks


def slow_link_elements(n_parameters: Amount, n_ranks: int, group: int, machine: int) -> float:
    """Return the elements one rank sends to other machines in a step of hybrid sharding.

    Each group of ranks shards the model as stage 3 does, and groups average the gradients of equal
    shards. A group inside a machine sends 1 / group of what plain data parallelism sends. A group
    of one is that; a group of all is stage 3. Each rank sends to every other directly.

    Args:
        n_parameters: number of parameters.
        n_ranks: number of ranks in all.
        group: ranks that share one copy of the model.
        machine: ranks of one machine, which send to each other over a fast link.

    Raises:
        TypeError: a number of ranks is no whole number, or n_parameters no number.
        ValueError: groups do not divide the ranks, or neither of group and machine divides the
            other.

    Source: Zhao et al. 2023, section 3.2.2, which counts peers on the same machine, too: 3 M for
        sharding over all ranks, 2 M / G for a group of one machine, each times (W - 1) / W.
    """
    _check_amounts(n_parameters=n_parameters)
    check_sizes(n_ranks=n_ranks, group=group, machine=machine)
    if n_ranks % group or n_ranks % machine:
        raise ValueError(
            f"n_ranks must be a multiple of group and of machine, got {n_ranks}, {group}, {machine}"
        )
    if group % machine and machine % group:
        raise ValueError(f"group or machine must divide the other, got {group} and {machine}")
    shard, copies = n_parameters / group, n_ranks // group
    gathered = 3 * shard * max(0, group - machine)  # two all-gathers and a reduce-scatter
    averaged = 2 * shard / copies * (copies - max(1, machine // group))  # an all-reduce
    return gathered + averaged


def transformer_parameters(n_layers: int, d_model: int) -> int:
    """Return ``12 L D^2``, the weights of L blocks without embeddings, biases and norms.

    Source: Rajbhandari et al. 2020, Table 4 lists sizes that this formula checks.
    """
    return 12 * n_layers * d_model * d_model


def activation_bytes(
    n_layers: int, d_model: int, n_sequences: int, n_tokens: int, element_bytes: Amount = 2
) -> float:
    """Return the bytes of activations without checkpointing, ``12 L D B T`` elements.

    Source: Rajbhandari et al. 2020, section 3.2, footnote 3.
    """
    return 12.0 * n_layers * d_model * n_sequences * n_tokens * element_bytes


def checkpoint_bytes(
    n_layers: int, d_model: int, n_sequences: int, n_tokens: int, element_bytes: Amount = 2
) -> float:
    """Return the bytes of activations when only each block's input is kept.

    Source: Rajbhandari et al. 2020, section 3.2.
    """
    return float(n_layers * d_model * n_sequences * n_tokens * element_bytes)
