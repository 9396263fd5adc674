"""Every stage gives the bits of one process that adds up micro-batches in rank order."""

import pytest
import toy

LONG = ["plain", "everything"]


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_bit_identical_to_single_process(pools, world_size):
    """Parameters and moments: all cases for 6 steps, and those that hold all others for 20."""
    short, stages = [name for name in toy.CASES if name not in LONG], [0, 1, 2, 3]
    if world_size == 1:
        short.remove("unused on one rank")
    for names, steps in ((short, 6), (LONG, 20)):
        if world_size == 1:
            results = [toy.run_cases(names, stages, steps)]
        else:
            results = pools(world_size).run(toy.run_cases, names, stages, steps, timeout=900)
        assert len(results) == world_size
        for rank, result in enumerate(results):
            assert len(result) >= 4 * len(names) - 1
            wrong = {key: value[:3] for key, value in result.items() if value}
            assert not wrong, f"rank {rank}: {list(wrong.items())[:5]}"
