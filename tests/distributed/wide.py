"""A wider model, whose weights outweigh everything else, for tests of memory and traffic."""

import torch
import toy
from torch import nn

from course_lib.distributed import ShardedOptimizer, report, zero_shard
from course_lib.distributed.memory.budget import peak_transient_bytes
from course_lib.distributed.memory.measure import memory_levels, peak_bytes, wire_bytes

D = 128


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(x)))


class Wide(nn.Module):
    def __init__(self, n_blocks=5):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(D, D)
        self.blocks = nn.ModuleList([Block() for _ in range(n_blocks)])
        self.head = nn.Linear(D, D)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def make(stage, **options):
    torch.set_num_threads(1)
    model = zero_shard(Wide(), stage=stage, **options)
    return model, ShardedOptimizer(model, toy.adamw)


def step(model, optimizer, rows=2):
    x = torch.randn(rows, D, dtype=next(model.module.parameters()).dtype)
    model(x).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def backward(model, rows=2):
    x = torch.randn(rows, D, dtype=model.flats[0].dtype)
    model(x).float().square().mean().backward()


def state_and_report(stage, bf16):
    """Residence bytes after a backward: measured, by plan, by the paper's formula."""
    options = {"param_dtype": torch.bfloat16, "grad_dtype": torch.bfloat16} if bf16 else {}
    model, optimizer = make(stage, **options)
    backward(model)
    optimizer.step()
    optimizer.zero_grad()
    backward(model)
    numbers = report(model, optimizer)
    rank = model.comm.rank
    return numbers.measured[rank], numbers.plan[rank], numbers.formula, str(numbers)


def peak(stage):
    """Peak of forward and backward above the state between steps: measured and by formula."""
    model, optimizer = make(stage)
    step(model, optimizer)  # two, for the order of units to be known and all state to exist
    step(model, optimizer)
    measured = peak_bytes(lambda: backward(model))
    block = Block()
    x = torch.randn(2, D, requires_grad=True)
    activations = peak_bytes(lambda: block(x))
    return measured, peak_transient_bytes(model.plan, stage, activation_bytes=activations)


def wire(stage, options, n_steps):
    """Bytes counted by the kernel on the loopback interface, by all ranks' own counters."""
    model, optimizer = make(stage, **options)
    step(model, optimizer)
    comm = model.comm
    comm.barrier()
    if comm.rank == 0:  # nobody sends before everybody has arrived, and rank 0 has read
        before = wire_bytes()
    comm.barrier()
    sent = comm.bytes_sent
    for _ in range(n_steps):
        step(model, optimizer)
    sent = comm.bytes_sent - sent
    comm.barrier()
    after = wire_bytes() if comm.rank == 0 else 0
    comm.barrier()
    assert sent == n_steps * report(model, optimizer).traffic_schedule
    everyone = sum(comm.gather_objects(sent))
    return (after - before, everyone) if comm.rank == 0 else None


def log(stage):
    """What one step sends, in order."""
    model, optimizer = make(stage)
    step(model, optimizer)
    model.comm.log = []
    step(model, optimizer)
    result, model.comm.log = model.comm.log, None
    return result, [(flat.name, flat.shard) for flat in model.plan.flats]


def traffic_of_half_frozen(stage):
    """Bytes one step sends where some parameters are frozen: counted, and by the schedule."""
    torch.set_num_threads(1)
    module = Wide()
    toy.freeze(module, ["first", "blocks.1.up", "blocks.2.down"])
    model = zero_shard(module, stage=stage)
    optimizer = ShardedOptimizer(model, toy.adamw)
    step(model, optimizer)
    before = model.comm.bytes_sent
    step(model, optimizer)
    return model.comm.bytes_sent - before, report(model).traffic_schedule


def levels():
    """What is held while 4 kB are taken, then 8 kB more, and the first are given back."""
    taken = []
    return memory_levels(
        {
            "one": lambda: taken.append(torch.zeros(1024)),
            "two": lambda: (taken.append(torch.zeros(2048)), taken.pop(0)),
            "nothing": lambda: None,
        }
    )
