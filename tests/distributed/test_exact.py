"""Every stage gives the bits of one process that adds up micro-batches in rank order."""

import pytest
import toy

STEPS = 20


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_bit_identical_to_single_process(pools, world_size):
    names, stages = list(toy.CASES), [0, 1, 2, 3]
    if world_size == 1:
        names.remove("unused on one rank")
        results = [toy.run_cases(names, stages, STEPS)]
    else:
        results = pools(world_size).run(toy.run_cases, names, stages, STEPS, timeout=600)
    assert len(results) == world_size
    for rank, result in enumerate(results):
        assert len(result) >= 4 * len(names) - 1
        wrong = {key: value[:3] for key, value in result.items() if value}
        assert not wrong, f"rank {rank}: {list(wrong.items())[:5]}"
