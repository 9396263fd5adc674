"""The NCCL path on one GPU: one rank, whose collectives go through NCCL all the same.

What more than one GPU would show cannot be tested here: the sum over ranks, overlap, wire bytes.
"""

import pytest
import torch
import toy

from course_lib.distributed import Ranks

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, none here"),
]


def on_gpu(stage, steps):
    """Train on the GPU with the native policy and on one process without sharding."""
    import torch.distributed as dist

    from course_lib.distributed import Comm, ShardedOptimizer, zero_shard
    from course_lib.distributed.comm.collectives import Pending

    class Forced(Comm):
        """Sends through NCCL although there is one rank."""

        def __init__(self):
            super().__init__(policy="native")

        def all_gather(self, out, shard, *, label=""):
            gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
            work = gather(out, shard, group=self.group, async_op=True)
            return Pending(work.wait)

        def reduce_scatter(self, source, out, *, start=None, flags=0, label=""):
            return self._native_reduce(source, out, start, flags)

    torch.manual_seed(0)
    single = toy.Toy().cuda()
    optimizer = toy.adamw([{"params": list(single.parameters())}])
    model = zero_shard(toy.Toy().cuda(), stage=stage, comm=Forced())
    sharded = ShardedOptimizer(model, toy.adamw)
    for step in range(steps):
        tokens = toy.tokens_for(step, 0, 0).cuda()
        for engine, stepper in ((single, optimizer), (model, sharded)):
            toy.loss_of(engine, tokens).backward()
            stepper.step()
            stepper.zero_grad()
    expected, state = single.state_dict(), model.full_state_dict()
    difference = max(float((state[n] - expected[n]).abs().max()) for n in expected)
    assert stage < 3 or model.schedule.all_released
    return dist.get_backend(), difference


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_training_over_nccl_is_training_without_sharding(stage):
    with Ranks(1, backend="nccl", echo=False) as ranks:
        [(backend, difference)] = ranks.run(on_gpu, stage, 10, timeout=240)
    assert backend == "nccl"
    assert difference < 1e-5  # embedding gradients on a GPU are summed in no fixed order
