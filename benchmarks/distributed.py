"""Steps of sharded training against torch's own engines: wall time, CPU time, bytes, difference.

All variants live in the same processes, one thread each, on the same rows, in float32, and take
turns: the order rotates, and every other round runs backwards, so that nobody always follows the
same neighbour. Every ratio is the median of paired rounds. Run it in a network namespace of its
own, so that nothing else is on the loopback:

    unshare --user --map-root-user --net .venv/bin/python benchmarks/distributed.py

There is no GPU in it and no claim about NCCL. Where a variant of ours is slower, the table says so.
"""

import argparse
import contextlib
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP1
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

D, HEADS, BLOCKS, VOCAB, BATCH = 320, 5, 7, 4096, 8
WARM_UP = 2  # rounds; in the second, engines know the order of their units
# At most so many times the other's time: variant of ours, column, goal.
GOALS = (
    ("ZeRO 3", "wall x FSDP2", 0.90),
    ("ZeRO 3", "CPU x FSDP2, our collectives", 0.95),
    ("ZeRO 3", "CPU x DDP", 1.30),
    ("ZeRO 1", "CPU x DDP", 1.10),
    ("ZeRO 2", "CPU x DDP", 1.10),
    ("our DDP", "CPU x DDP", 1.10),
)


class Block(nn.Module):
    """One pre-norm block; any model will do here, the engines know none."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x: Tensor) -> Tensor:
        """Add attention, then the feed-forward network."""
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(b, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, D))
        return x + self.down(functional.gelu(self.up(self.norm_2(x))))


class Model(nn.Module):
    """About ten million parameters, with a tied head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(VOCAB, D)
        self.blocks = nn.ModuleList([Block() for _ in range(BLOCKS)])
        self.norm = nn.LayerNorm(D)
        self.head = nn.Linear(D, VOCAB, bias=False)
        self.head.weight = self.embed.weight
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits."""
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def adamw(groups: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, lr=3e-4, fused=True)


def variants() -> dict[str, Any]:
    """Every engine: ``(callable model, optimizer)``, all starting from the same weights."""
    from course_lib.distributed import Comm, DataParallel, ShardedOptimizer, to_fsdp2, zero_shard

    def plain(wrap: Any) -> Any:
        module = Model()
        return wrap(module), adamw(module.parameters())

    def fsdp2(**options: Any) -> Any:
        module = to_fsdp2(Model(), **options)
        return module, adamw(module.parameters())

    def fsdp2_last_kept() -> Any:
        module, optimizer = fsdp2()
        module.blocks[-1].set_reshard_after_forward(False)
        return module, optimizer

    def fsdp1() -> Any:
        wrap = ModuleWrapPolicy({Block})
        cpu = torch.device("cpu")
        module = FSDP1(Model(), auto_wrap_policy=wrap, use_orig_params=True, device_id=cpu)
        return module, adamw(module.parameters())

    def zero(stage: int, **options: Any) -> Any:
        model = zero_shard(Model(), stage=stage, **options)
        return model, ShardedOptimizer(model, adamw)

    built = {
        "DDP": plain(DistributedDataParallel),
        "our DDP": plain(DataParallel),
        "FSDP1": fsdp1(),
        "FSDP2": fsdp2(),
        "FSDP2, last block kept": fsdp2_last_kept(),
        "FSDP2, our collectives": fsdp2(comm=Comm()),
        "FSDP2, no reshard": fsdp2(reshard_after_forward=False),
        "ZeRO 0": zero(0),
        "ZeRO 1": zero(1),
        "ZeRO 2": zero(2),
        "ZeRO 3": zero(3),
        "ZeRO 3, kept": zero(3, reshard_after_forward=False),
        "ZeRO 3, gloo's collectives": zero(3, comm=Comm(policy="native")),
    }
    return built | deepspeed_variants()


def deepspeed_variants() -> dict[str, Any]:
    """DeepSpeed's stages, where it is installed."""
    try:
        import deepspeed
    except ImportError:
        return {}
    from course_lib.distributed import deepspeed_config

    built = {}
    for stage in (1, 2, 3):
        config = deepspeed_config(
            stage,
            micro_batch=BATCH // dist.get_world_size(),
            learning_rate=3e-4,
            bucket_elements=1_300_000,
        )
        engine, *_ = deepspeed.initialize(model=Model(), config=config)
        built[f"DeepSpeed {stage}"] = (engine, engine)
    return built


def step(model: Any, optimizer: Any, tokens: Tensor) -> None:
    """One training step on this rank's rows."""
    logits = model(tokens[:, :-1])
    loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    if optimizer is model:  # DeepSpeed
        model.backward(loss)
        model.step()
        return
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def full(model: Any) -> dict[str, Tensor]:
    """Parameters of any engine by name."""
    if hasattr(model, "full_state_dict"):
        return model.full_state_dict()
    if isinstance(model, FSDP1):
        with FSDP1.summon_full_params(model, writeback=False):
            return {
                name.replace("_fsdp_wrapped_module.", ""): p.detach().clone()
                for name, p in model.named_parameters()
            }
    module = getattr(model, "module", model)
    return {
        name: p.full_tensor().detach() if hasattr(p, "full_tensor") else p.detach()
        for name, p in module.named_parameters()
    }


def reference(seq_len: int, rounds: int) -> dict[str, Tensor]:
    """One process, micro-batches added up in rank order."""
    model, n = Model(), dist.get_world_size()
    optimizer = adamw(model.parameters())
    for number in range(rounds):
        for rank in range(n):
            tokens = rows(seq_len, number, rank)
            logits = model(tokens[:, :-1])
            functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        for p in model.parameters():
            p.grad.mul_(1.0 / n)
        optimizer.step()
        optimizer.zero_grad()
    return {name: p.detach() for name, p in model.named_parameters()}


def rows(seq_len: int, number: int, rank: int) -> Tensor:
    generator = torch.Generator().manual_seed(100 * number + rank)
    return torch.randint(VOCAB, (BATCH // dist.get_world_size(), seq_len + 1), generator=generator)


def measure(seq_len: int, rounds: int) -> list[dict[str, Any]]:
    """What every rank runs; returns one row per variant."""
    from course_lib.distributed.memory.measure import wire_bytes

    torch.set_num_threads(1)
    engines, rank = variants(), dist.get_rank()
    names = list(engines)
    psi = sum(p.numel() for p in Model().parameters())
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    wire = dict.fromkeys(names, 0)
    for number in range(rounds + WARM_UP):
        tokens = rows(seq_len, number, rank)
        shift = number % len(names)
        order = names[shift:] + names[:shift]
        for name in order[:: 1 if number % 2 else -1]:
            model, optimizer = engines[name]
            dist.barrier()
            bytes_before, cpu_before, start = wire_bytes(), time.process_time(), time.perf_counter()
            step(model, optimizer, tokens)
            seconds, own = time.perf_counter() - start, time.process_time() - cpu_before
            dist.barrier()
            everyone = torch.tensor([seconds, own], dtype=torch.float64)
            sent = wire_bytes() - bytes_before
            dist.all_reduce(everyone)
            if number >= WARM_UP:
                wall[name].append(float(everyone[0]) / dist.get_world_size())
                cpu[name].append(float(everyone[1]))
                wire[name] += sent
    expected = reference(seq_len, rounds + WARM_UP)
    table = []
    for name in names:
        values = full(engines[name][0]) if not name.startswith("DeepSpeed") else {}
        difference = max(
            (float((values[n] - expected[n]).abs().max()) for n in expected if n in values),
            default=float("nan"),
        )
        row: dict[str, Any] = {
            "ranks": dist.get_world_size(),
            "tokens": seq_len,
            "variant": name,
            "wall s": statistics.median(wall[name]),
            "CPU s": statistics.median(cpu[name]),
        }
        for label, times in (("wall", wall), ("CPU", cpu)):
            for peer in ("FSDP2", "FSDP2, our collectives", "DDP"):
                if peer == "FSDP2, our collectives" and label == "wall":
                    continue
                pairs = [a / b for a, b in zip(times[name], times[peer], strict=True)]
                row[f"{label} x {peer}"] = statistics.median(pairs)
                low, _, high = statistics.quantiles(pairs, n=4)
                row[f"{label} x {peer}, quartiles"] = f"{low:.2f}-{high:.2f}"
        row["wire / (4 psi), per rank"] = wire[name] / rounds / dist.get_world_size() / (4 * psi)
        row["difference"] = f"{difference:.1e}" if difference else "0"
        table.append(row)
    return table


def say(table: list[dict[str, Any]]) -> None:
    """Name what is slower than the peer it is measured against."""
    for row in table:
        for name, column, goal in GOALS:
            if row["variant"] == name:
                verdict = "reached" if row[column] <= goal else "MISSED"
                loss = ", a loss" if row[column] > 1 else ""
                where = f"{row['ranks']} ranks, {row['tokens']} tokens"
                print(f"{where}: {name} {column} = {row[column]:.3f}{loss}; goal {goal}: {verdict}")


def loopback_up() -> bool:
    """Bring up the loopback of a fresh namespace; tell whether this is one."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _, flags = struct.unpack(
            "16sh14x", fcntl.ioctl(control, 0x8913, struct.pack("16sh14x", b"lo", 0))
        )
        if flags & 1:
            return False
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))
    return True


def main() -> None:
    """Measure every pair of rank count and sequence length, print and keep the table."""
    from _measure import report

    from course_lib.distributed import Ranks

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--tokens", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    private = False
    with contextlib.suppress(PermissionError):
        private = loopback_up()
    table: list[dict[str, Any]] = []
    for world_size in arguments.ranks:
        for seq_len in arguments.tokens:
            with Ranks(world_size, collective_timeout=300) as ranks:
                table += ranks.run(measure, seq_len, arguments.rounds, timeout=3600)[0]
    about = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load average": os.getloadavg()[0],
        "rounds": arguments.rounds,
        "private network namespace": private,
        "backend": "gloo; nothing here is about NCCL",
    }
    say(table)
    report("distributed", table, about)


if __name__ == "__main__":
    main()
