"""The collectives themselves: sums in rank order, any type, and what they count."""

import pytest
import torch


def sums(dtype, n):
    """Every collective against a sum done by hand; returns what was counted."""
    from course_lib.distributed import Comm

    comm = Comm()
    size, rank = comm.world_size, comm.rank
    inputs = [
        torch.randn(size * n, generator=torch.Generator().manual_seed(r)).to(dtype)
        for r in range(size)
    ]
    expected = inputs[0].float()
    for other in inputs[1:]:
        expected = expected + other.float()
    own = slice(rank * n, (rank + 1) * n)

    out = torch.empty(n)
    flags = comm.reduce_scatter(inputs[rank], out, flags=1 << rank, label="").wait()
    assert torch.equal(out, expected[own])
    assert flags == 2**size - 1

    start = torch.randn(n)  # going on from a sum adds the pieces one by one, in rank order
    by_hand = start.clone()
    for other in inputs:
        by_hand += other[own].float()
    comm.reduce_scatter(inputs[rank], start, start=start).wait()
    assert torch.equal(start, by_hand)

    buffer = inputs[rank].clone()
    assert comm.all_reduce(buffer, flags=1 << rank).wait().wait() == 2**size - 1
    assert torch.equal(buffer, expected.to(dtype))

    gathered = torch.empty(size * n, dtype=dtype)
    comm.all_gather(gathered, buffer[own]).wait()
    assert torch.equal(gathered, buffer)

    comm.barrier()
    assert comm.sum_over_ranks(torch.tensor([1.0, 2.0])).tolist() == [size, 2 * size]
    return dict(comm.sent)


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_collectives_sum_in_rank_order_and_count_bytes(pools, world_size):
    for dtype, width in ((torch.float32, 4), (torch.bfloat16, 2)):
        for n in (1, 5, 1024, 3000):  # with the header, up to its limit, and apart
            if world_size == 1:
                results = [sums(dtype, n)]
            else:
                results = pools(world_size).run(sums, dtype, n)
            for sent in results:
                others = world_size - 1
                assert sent["reduce-scatter", ""] == 3 * others * n * width
                assert sent["all-gather", ""] == 2 * others * n * width


def two_models_at_once(n):
    """Two sets of collectives in flight together do not mix."""
    from course_lib.distributed import Comm

    first, second = Comm(), Comm()
    size, rank = first.world_size, first.rank
    a, b = torch.empty(size * n), torch.empty(size * n)
    one = first.all_gather(a, torch.full((n,), float(rank)))
    two = second.all_gather(b, torch.full((n,), float(10 + rank)))
    two.wait()
    one.wait()
    return a.view(size, n)[:, 0].tolist(), b.view(size, n)[:, 0].tolist()


def test_two_sets_of_collectives_do_not_meet(pools):
    for result in pools(3).run(two_models_at_once, 100):
        assert result == ([0.0, 1.0, 2.0], [10.0, 11.0, 12.0])
