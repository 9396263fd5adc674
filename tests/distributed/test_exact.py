"""Every stage gives the bits of one process that adds up micro-batches in rank order."""

import pytest
import toy

SHORT = ["sgd", "no_sync", "frozen unit", "unused on one rank", "kept"]  # variations of others
STAGES = [0, 1, 2, 3]


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_bit_identical_to_single_process(pools, world_size):
    """Parameters and moments, every case: after 20 steps, and after 6 for variations."""
    for names, steps in (([name for name in toy.CASES if name not in SHORT], 20), (SHORT, 6)):
        if world_size == 1:
            names = [name for name in names if name != "unused on one rank"]
        results = pools(world_size).run(toy.run_cases, names, STAGES, steps, timeout=900)
        toy.assert_exact(results, world_size, names, STAGES)


def test_more_ranks_than_elements(pools):
    """Two parameters of one element: ranks 2 and 3 own nothing, and all the same train exactly."""
    for rank, result in enumerate(pools(4).run(toy.train_tiny, 20, timeout=120)):
        assert result == {stage: (stage == 0 or rank < 2, []) for stage in STAGES}
