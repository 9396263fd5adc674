"""Small networks that learn facts, of which a few are met all the time and most hardly ever.

A world in which a scaling law can be understood: the best loss is known, a fact that was never met
cannot be known, and a network that is too narrow cannot hold them all. Networks of all widths are
trained side by side on the same samples, so that a whole grid of runs takes seconds.

Shapes: N facts with a code of C numbers, M of them asked for, R networks, E answers.

Chapter: 19_domain_adaptation
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.adaptation.scaling import ScalingRun
from course_lib.shapes import Bool, Float, Int

N_FACTS, N_ANSWERS, N_BITS = 20_000, 16, 48
"""Facts, what each may be, and numbers of the random code that stands for a fact."""
_RARITY, _NOISE = 1.5, 0.1
_BATCH, _RATE, _DECAY = 128, 5e-3, 0.3
_ASKED_AT_ONCE = 2_000


@dataclass(frozen=True)
class FactWorld:
    """Facts with a code and an answer each; the k-th is met in proportion to k to the power -1.5.

    Attributes:
        codes: What a network reads, -1 or 1.
        answers: The right answer of each fact.
        chances: How often each is met; together 1.
    """

    codes: Float[Tensor, "N C"]
    answers: Int[Tensor, " N"]
    chances: Float[Tensor, " N"]

    @classmethod
    def draw(cls, generator: torch.Generator) -> "FactWorld":
        """Draw codes and answers.

        Args:
            generator: Draws them.
        """
        codes = torch.randint(2, (N_FACTS, N_BITS), generator=generator) * 2.0 - 1.0
        answers = torch.randint(N_ANSWERS, (N_FACTS,), generator=generator)
        chances = torch.arange(1, N_FACTS + 1, dtype=torch.float64) ** -_RARITY
        return cls(codes, answers, (chances / chances.sum()).float())

    def sample(
        self, n: int, generator: torch.Generator
    ) -> tuple[Int[Tensor, " M"], Int[Tensor, " M"]]:
        """Draw facts, and what is said of each: one time in ten any answer, right or not.

        Args:
            n: How many.
            generator: Draws them.

        Returns:
            The facts' numbers and the answers that are said.
        """
        steps = self.chances.double().cumsum(0)
        at = torch.rand(n, generator=generator, dtype=torch.float64) * steps[-1]
        facts = torch.searchsorted(steps, at, right=True).clamp_max(N_FACTS - 1)
        wrong = torch.rand(n, generator=generator) < _NOISE
        said = torch.randint(N_ANSWERS, (n,), generator=generator)
        return facts, torch.where(wrong, said, self.answers[facts])


def fact_floor() -> float:
    """Return the loss of whoever knows every fact, in nats: what is said is noisy."""
    other = _NOISE / N_ANSWERS
    right = 1 - _NOISE + other
    return -right * math.log(right) - (N_ANSWERS - 1) * other * math.log(other)


class SideBySide(nn.Module):
    """Networks with one hidden layer each, of several widths, computed as one.

    All are as wide as the widest, and units that a network does not have are held at 0: they
    change nothing and learn nothing.

    Args:
        widths: Hidden units of each network.
        generator: Its seed, with the width, draws the weights of each network.
    """

    def __init__(self, widths: Sequence[int], generator: torch.Generator) -> None:
        """Draws the weights, network by network, so that a network does not depend on the rest."""
        super().__init__()
        widest = max(widths)
        self.has: Bool[Tensor, "R 1 F"]
        self.register_buffer("has", torch.arange(widest) < torch.tensor(widths)[:, None, None])
        first = torch.zeros(len(widths), N_BITS, widest)
        second = torch.zeros(len(widths), widest, N_ANSWERS)
        start = generator.initial_seed()
        for place, width in enumerate(widths):
            draws = torch.Generator().manual_seed((start * 1_000_003 + width) % 2**63)
            first[place, :, :width] = torch.randn(N_BITS, width, generator=draws) / N_BITS**0.5
            second[place, :width] = torch.randn(width, N_ANSWERS, generator=draws) / width**0.5
        self.first, self.second = nn.Parameter(first), nn.Parameter(second)
        self.first_bias = nn.Parameter(torch.zeros(len(widths), 1, widest))
        self.second_bias = nn.Parameter(torch.zeros(len(widths), 1, N_ANSWERS))

    def forward(self, codes: Float[Tensor, "M C"]) -> Float[Tensor, "R M E"]:
        """Give each network's logits.

        Args:
            codes: Of the facts that are asked for.
        """
        hidden = torch.relu(codes @ self.first + self.first_bias) * self.has
        return hidden @ self.second + self.second_bias


def n_fact_parameters(width: int) -> int:
    """Count the weights of a network.

    Args:
        width: Its hidden units.
    """
    return width * (N_BITS + 1 + N_ANSWERS) + N_ANSWERS


def exact_losses(networks: SideBySide, world: FactWorld) -> list[float]:
    """Return each network's expected loss over all facts and all that may be said of them.

    Nothing is sampled, so two networks differ by what they know alone.

    Args:
        networks: Trained on `world`.
        world: What is asked for.

    Returns:
        Nats a sample, network by network.
    """
    other = _NOISE / N_ANSWERS
    total = torch.zeros(len(networks.first), dtype=torch.float64)
    with torch.inference_mode():
        for start in range(0, N_FACTS, _ASKED_AT_ONCE):
            some = slice(start, start + _ASKED_AT_ONCE)
            logs = networks(world.codes[some]).log_softmax(-1)
            right = _said(logs, world.answers[some])
            expected = (1 - _NOISE) * right + other * logs.sum(-1)
            total -= (expected * world.chances[some]).double().sum(-1)
    return total.tolist()


def fact_runs(widths: Sequence[int], samples: Sequence[int], *, seed: int) -> list[ScalingRun]:
    """Train a grid of networks, every width on every number of samples.

    The learning rate is constant and falls to 0 over the last 30 percent. So all lengths share one
    trunk, and each has an end of its own that starts from it: the grid costs little more than its
    longest runs.

    Args:
        widths: Hidden units, each once.
        samples: Lengths of the runs, each once, at least 1,280. Whole batches of 128 are read, and
            a run's `n_tokens` says how much that was.
        seed: Draws the world, the samples and the weights.

    Returns:
        The runs, by length, then in the order of `widths`; the loss is exact.

    Raises:
        ValueError: If there is no width or length, one comes twice, or one is too small, or two
            lengths are of as many batches.

    Source: Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations": a constant rate with ends of its own gives a grid at a fraction of its price; the
    world follows Hutter 2021, "Learning Curve Theory", and Michaud et al. 2023.
    """
    for name, values, least in (("widths", widths, 1), ("samples", samples, 10 * _BATCH)):
        if not values or len(set(values)) < len(values) or min(values) < least:
            raise ValueError(
                f"{name} must be different numbers, at least one, from {least} up, got {values}"
            )
    if len({n // _BATCH for n in samples}) < len(samples):
        raise ValueError(f"samples must be different numbers of batches of {_BATCH}, got {samples}")
    generator = torch.Generator().manual_seed(seed)
    world = FactWorld.draw(generator)
    trunk = SideBySide(widths, generator)
    rate = torch.optim.Adam(trunk.parameters(), lr=_RATE)
    stream = world.sample(max(samples) // _BATCH * _BATCH, generator)
    done, runs = 0, []
    for n in sorted(samples):
        steps = n // _BATCH
        cooling = int(steps * _DECAY)
        for step in range(done, steps - cooling):
            _update(trunk, rate, world, stream, step)
        done = steps - cooling
        end = copy.deepcopy(trunk)
        falling = torch.optim.Adam(end.parameters(), lr=_RATE)
        falling.load_state_dict(copy.deepcopy(rate.state_dict()))
        for step in range(done, steps):
            falling.param_groups[0]["lr"] = _RATE * (steps - step - 1) / cooling
            _update(end, falling, world, stream, step)
        runs += [
            ScalingRun(n_fact_parameters(width), steps * _BATCH, loss)
            for width, loss in zip(widths, exact_losses(end, world), strict=True)
        ]
    return runs


def _said(logs: Float[Tensor, "R M E"], said: Int[Tensor, " M"]) -> Float[Tensor, "R M"]:
    return logs.gather(-1, said.expand(len(logs), -1)[:, :, None])[:, :, 0]


def _update(
    networks: SideBySide,
    optimizer: torch.optim.Optimizer,
    world: FactWorld,
    stream: tuple[Int[Tensor, " M"], Int[Tensor, " M"]],
    step: int,
) -> None:
    facts, said = (part[step * _BATCH : (step + 1) * _BATCH] for part in stream)
    # The sum over networks: the loss of one moves the weights of no other.
    loss = -_said(networks(world.codes[facts]).log_softmax(-1), said).mean(1).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
