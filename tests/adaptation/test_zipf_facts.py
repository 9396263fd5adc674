"""Networks side by side are the networks one by one, and the world has the floor that is stated."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch.nn import functional as F

from course_lib.adaptation.zipf_facts import (
    N_ANSWERS,
    N_BITS,
    N_FACTS,
    FactWorld,
    SideBySide,
    exact_losses,
    fact_floor,
    fact_runs,
    n_fact_parameters,
)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_runs_depend_on_their_seed_alone_and_not_on_their_neighbours() -> None:
    """A network that is trained beside others is the one that is trained alone."""
    grid = fact_runs([4, 9, 16], [1_280, 2_560], seed=3)
    assert grid == fact_runs([4, 9, 16], [2_560, 1_280], seed=3)
    assert [(run.n_parameters, run.n_tokens) for run in grid[:3]] == [
        (n_fact_parameters(width), 1_280) for width in (4, 9, 16)
    ]
    for place, width in enumerate((4, 9, 16)):
        for alone, beside in zip(
            fact_runs([width], [1_280, 2_560], seed=3), grid[place::3], strict=True
        ):
            assert alone.loss == pytest.approx(beside.loss, rel=1e-4)
    assert fact_runs([4], [1_280], seed=4) != grid[:1]


def test_a_length_of_its_own_is_the_same_run_without_a_trunk_to_share() -> None:
    (alone,) = fact_runs([8], [2_560], seed=1)
    assert fact_runs([8], [1_280, 2_560], seed=1)[1] == alone


def test_units_that_a_network_does_not_have_do_nothing_and_learn_nothing() -> None:
    networks = SideBySide([3, 7], drawn())
    codes = torch.randn(5, N_BITS, generator=drawn(1))
    narrow = torch.relu(codes @ networks.first[0, :, :3] + networks.first_bias[0, :, :3])
    wanted = narrow @ networks.second[0, :3] + networks.second_bias[0]
    torch.testing.assert_close(networks(codes)[0], wanted)
    networks(codes).square().sum().backward()
    assert networks.first.grad is not None and networks.second.grad is not None
    assert not networks.first.grad[0, :, 3:].any() and not networks.second.grad[0, 3:].any()
    assert networks.first.grad[1, :, 3:].any()
    assert n_fact_parameters(7) == sum(parameter[1].numel() for parameter in networks.parameters())


class Knows(SideBySide):
    """Gives every fact the answer that it has, as often as it is given."""

    def __init__(self, world: FactWorld) -> None:
        super().__init__([1], drawn())
        share = torch.full((N_FACTS, N_ANSWERS), 0.1 / N_ANSWERS)
        share[torch.arange(N_FACTS), world.answers] += 0.9
        self.at, self.logs = 0, share.log()

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        self.at += len(codes)
        return self.logs[self.at - len(codes) : self.at][None]


def test_the_floor_is_the_loss_of_whoever_knows_all_and_the_loss_is_exact() -> None:
    world = FactWorld.draw(drawn())
    knowing = Knows(world)
    assert exact_losses(knowing, world) == pytest.approx([fact_floor()], abs=1e-5)
    networks = SideBySide([5], drawn(1))
    facts, said = world.sample(200_000, drawn(2))
    with torch.no_grad():
        sampled = F.cross_entropy(networks(world.codes[facts])[0], said, reduction="none")
    error = float(sampled.std()) / math.sqrt(len(sampled))
    assert exact_losses(networks, world)[0] == pytest.approx(float(sampled.mean()), abs=5 * error)


def test_what_is_said_is_right_nine_times_in_ten_and_often_met_facts_are_met_often() -> None:
    world = FactWorld.draw(drawn())
    facts, said = world.sample(100_000, drawn(1))
    right = float((said == world.answers[facts]).float().mean())
    assert right == pytest.approx(0.9 + 0.1 / N_ANSWERS, abs=0.006)
    met = facts.bincount(minlength=N_FACTS).float() / len(facts)
    torch.testing.assert_close(met[:4], world.chances[:4], atol=0.01, rtol=0)
    assert float(met[0] / met[3]) == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize(
    ("widths", "samples", "name"),
    [
        ([], [1_280], "widths"),
        ([8, 8], [1_280], "widths"),
        ([0, 8], [1_280], "widths"),
        ([8], [], "samples"),
        ([8], [1_279], "samples"),
        ([8], [2_000, 2_000], "samples"),
    ],
)
def test_bad_grids(widths: Sequence[int], samples: Sequence[int], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be different numbers"):
        fact_runs(widths, samples, seed=0)


def test_a_run_states_what_it_has_read() -> None:
    """Lengths that are no whole number of batches are the runs of the whole batches in them."""
    whole = fact_runs([4], [1_280, 1_408], seed=0)
    assert fact_runs([4], [1_407, 1_535], seed=0) == whole
    assert [run.n_tokens for run in whole] == [1_280, 1_408]
    with pytest.raises(ValueError, match="samples must be different numbers of batches of 128"):
        fact_runs([4], [1_280, 1_281], seed=0)
