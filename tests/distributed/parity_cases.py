"""Torch's own engines and ours on the same training, for the parity tests."""

import torch
import torch.distributed as dist
import toy
from torch.nn.parallel import DistributedDataParallel

from course_lib.distributed import Comm, DataParallel, to_fsdp2

STEPS = 10


def train(model, optimizer, module):
    for step in range(STEPS):
        toy.loss_of(model, toy.tokens_for(step, 0, dist.get_rank())).backward()
        optimizer.step()
        optimizer.zero_grad()
    named = dict(module.named_parameters())
    return {
        name: p.full_tensor().detach() if hasattr(p, "full_tensor") else p.detach()
        for name, p in named.items()
    }


def run():
    """Largest difference of each engine from the exact reference."""
    torch.set_num_threads(1)
    world_size = dist.get_world_size()
    expected, _ = toy.reference(toy.CASES["plain"], world_size, STEPS)
    results = {}

    def compare(name, values):
        results[name] = max(float((values[n] - expected[n]).abs().max()) for n in expected)

    def optimizer(model):
        return toy.adamw([{"params": list(model.parameters())}])

    module = toy.Toy()
    compare("torch ddp", train(DistributedDataParallel(module), optimizer(module), module))
    for size in (25 * 2**20, 600, 1):  # one bucket, a few, one for each parameter
        module = toy.Toy()
        engine = DataParallel(module, bucket_bytes=size)
        compare(f"ours ddp {size}", train(engine, optimizer(module), module))
    module = to_fsdp2(toy.Toy())
    compare("fsdp2", train(module, optimizer(module), module))
    # FSDP2 cuts rows, not at multiples of a vector, so the fused kernel would round differently
    case = toy.CASES["plain"] | {"optimizer": toy.adamw_loop}
    module = to_fsdp2(toy.Toy(), comm=Comm())
    values = train(module, toy.adamw_loop([{"params": list(module.parameters())}]), module)
    exact, _ = toy.reference(case, world_size, STEPS)
    difference = max(float((values[n] - exact[n]).abs().max()) for n in exact)
    results["fsdp2 with our collectives"] = difference
    for stage in range(4):
        model, _ = toy.train(toy.CASES["plain"], stage, STEPS)
        compare(f"zero {stage}", model.full_state_dict())
        # the backend's own collectives, as on NCCL: the order of the sum is not ours
        comm = Comm(policy="native")
        model, _ = toy.train(toy.CASES["plain"], stage, STEPS, comm=comm)
        compare(f"native {stage}", model.full_state_dict())
    return results
