"""Every stage gives the bits of one process that adds up micro-batches in rank order."""

import pytest
import toy

STEPS = 20


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_bit_identical_to_single_process(pools, world_size):
    """Parameters and moments after 20 steps, every case."""
    names, stages = list(toy.CASES), [0, 1, 2, 3]
    if world_size == 1:
        names.remove("unused on one rank")
        results = [toy.run_cases(names, stages, STEPS)]
    else:
        results = pools(world_size).run(toy.run_cases, names, stages, STEPS, timeout=900)
    toy.assert_exact(results, world_size, names, stages)


def test_more_ranks_than_elements(pools):
    """Two parameters of one element: most ranks own nothing, and all the same train exactly."""
    results = pools(4).run(toy.train_tiny, STEPS, timeout=120)
    assert results == [
        {stage: (stage == 0 or rank == 0, []) for stage in range(4)} for rank in range(4)
    ]
