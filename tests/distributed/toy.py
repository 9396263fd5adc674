"""A small model with everything that makes sharding hard, and the exact reference for it."""

import copy

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

VOCAB, WIDTH, TOKENS = 23, 10, 6


class Block(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, inner)
        self.down = nn.Linear(inner, WIDTH, bias=False)

    def forward(self, x):
        return x + self.down(functional.gelu(self.up(self.norm(x))))


class Toy(nn.Module):
    """Blocks of different odd sizes, so that no shard boundary is where one would like it."""

    def __init__(self, *, tied=False, twice=False, recompute=False, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.embed = nn.Embedding(VOCAB, WIDTH)
        self.blocks = nn.ModuleList([Block(13), Block(7), Block(13)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCAB, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        self.twice, self.recompute = twice, recompute
        self.register_buffer("scale", torch.tensor(0.5))
        for p in self.parameters():  # not only norms at one and biases at zero
            p.data.add_(torch.randn(p.shape) * 0.1)

    def forward(self, tokens, skip=()):
        x = self.embed(tokens) * self.scale.to(self.embed.weight.dtype)
        for i, block in enumerate(self.blocks):
            if i in skip:
                continue
            for _ in range(2 if self.twice and i == 1 else 1):
                if self.recompute:
                    x = checkpoint(block, x, use_reentrant=self.recompute == "reentrant")
                else:
                    x = block(x)
        return self.head(self.norm(x))


def loss_of(model, tokens, **options):
    logits = model(tokens[:, :-1], **options)
    return functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())


def tokens_for(step, micro, rank, rows=2):
    generator = torch.Generator().manual_seed(1000 * step + 10 * micro + rank)
    return torch.randint(VOCAB, (rows, TOKENS + 1), generator=generator)


def adamw(groups):
    return torch.optim.AdamW(groups, lr=1e-2, weight_decay=0.1, fused=True)


def adamw_loop(groups):
    return torch.optim.AdamW(groups, lr=1e-2, weight_decay=0.1, foreach=False)


def sgd(groups):
    return torch.optim.SGD(groups, lr=1e-1, momentum=0.9)


def freeze(model, names):
    for name, parameter in model.named_parameters():
        if any(name.startswith(n) for n in names):
            parameter.requires_grad_(False)


def decay_groups(model):
    decayed = [n for n, p in model.named_parameters() if p.requires_grad and p.dim() > 1]
    plain = [n for n, p in model.named_parameters() if p.requires_grad and p.dim() <= 1]
    return [{"names": plain, "weight_decay": 0.0}, {"names": decayed}]


def exact_norm(parameters):
    grads = [p.grad for p in parameters if p.grad is not None]
    squares = sum(torch.linalg.vector_norm(g, dtype=torch.float64) ** 2 for g in grads)
    return squares.sqrt().float()


CASES = {
    "plain": {},
    "sgd": {"optimizer": sgd},
    "accumulation": {"micros": 3},
    "no_sync": {"micros": 3, "local": True},
    "tied": {"model": {"tied": True}},
    "frozen": {"frozen": ["blocks.1.up", "embed"]},
    "frozen unit": {"frozen": ["blocks.0", "blocks.2"]},
    "skipped block": {"skip": lambda step, rank: (1,) if step % 3 == 1 else ()},
    "unused on one rank": {
        "skip": lambda step, rank: (2,) if rank == 1 else (),
        "stages": (0, 1, 2),
    },
    "module twice": {"model": {"twice": True}},
    "checkpointed": {"model": {"recompute": True, "tied": True}},
    "groups": {"groups": True},
    "clipped": {"clip": 0.5},
    "kept": {"zero": {"reshard_after_forward": False}},
    "everything": {
        "model": {"tied": True, "twice": True, "recompute": True},
        "frozen": ["blocks.0.norm"],
        "micros": 2,
        "groups": True,
        "clip": 0.5,
    },
}


def build(case):
    model = Toy(**case.get("model", {}))
    freeze(model, case.get("frozen", ()))
    return model


def reference(case, world_size, steps):
    """One process, all micro-batches in rank order: what every stage has to reproduce."""
    model = build(case)
    groups = decay_groups(model) if case.get("groups") else None
    named = dict(model.named_parameters())
    trainable = {n: p for n, p in named.items() if p.requires_grad}
    make = case.get("optimizer", adamw)
    if groups is None:
        optimizer = make([{"params": list(trainable.values())}])
    else:
        optimizer = make(
            [{**g, "params": [named[n] for n in g["names"]]} for g in copy.deepcopy(groups)]
        )
        for group in optimizer.param_groups:
            group.pop("names")
    skip = case.get("skip", lambda step, rank: ())
    micros = case.get("micros", 1)
    for step in range(steps):
        if case.get("local"):
            total = {}
            for rank in range(world_size):
                for micro in range(micros):
                    loss = loss_of(model, tokens_for(step, micro, rank), skip=skip(step, rank))
                    (loss / micros).backward()
                for name, p in trainable.items():
                    total[name] = p.grad if rank == 0 else total[name] + p.grad
                    p.grad = None
            for name, p in trainable.items():
                p.grad = total[name]
        else:
            for micro in range(micros):
                for rank in range(world_size):
                    loss = loss_of(model, tokens_for(step, micro, rank), skip=skip(step, rank))
                    (loss / micros).backward()
        for p in trainable.values():
            if p.grad is not None:
                p.grad.mul_(1.0 / world_size)
        if "clip" in case:
            norm = exact_norm(trainable.values())
            for p in trainable.values():
                if p.grad is not None:
                    p.grad.mul_((case["clip"] / (norm + 1e-6)).clamp(max=1.0))
        optimizer.step()
        optimizer.zero_grad()
    moments = {n: optimizer.state[p] for n, p in trainable.items() if p in optimizer.state}
    return {n: p.detach() for n, p in named.items()}, moments


def train(case, stage, steps, **options):
    """The same training, sharded; returns model and optimizer."""
    from course_lib.distributed import ShardedOptimizer, zero_shard

    module = build(case)
    groups = decay_groups(module) if case.get("groups") else None
    model = zero_shard(module, stage=stage, **case.get("zero", {}), **options)
    optimizer = ShardedOptimizer(model, case.get("optimizer", adamw), groups=groups)
    rank, micros = model.comm.rank, case.get("micros", 1)
    skip = case.get("skip", lambda step, rank: ())
    for step in range(steps):
        for micro in range(micros):
            loss = loss_of(model, tokens_for(step, micro, rank), skip=skip(step, rank)) / micros
            if case.get("local") and micro < micros - 1:
                with model.no_sync():
                    loss.backward()
            else:
                loss.backward()
        if "clip" in case:
            optimizer.clip_grad_norm_(case["clip"])
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


def differences(model, optimizer, parameters, moments):
    """Names of what is not equal to the last bit; also compares what each rank holds."""
    state = model.full_state_dict()
    wrong = [n for n, p in parameters.items() if not torch.equal(state[n], p)]
    for piece in optimizer.pieces:
        own = optimizer.optimizer.state.get(piece.value, {})
        theirs = moments.get(piece.name, {})
        if own.keys() != theirs.keys():
            wrong.append(f"state of {piece.name}: {sorted(own)} against {sorted(theirs)}")
        for key, value in own.items():
            expected = theirs[key] if value.dim() == 0 else theirs[key].reshape(-1)
            expected = expected if value.dim() == 0 else expected[piece.start : piece.stop]
            if not torch.equal(value, expected):
                wrong.append(f"{key} of {piece.name}")
    return wrong


def references(names, steps):
    """``{case: reference}``; the ranks share the work, each case is done by one of them."""
    import torch.distributed as dist

    if not dist.is_initialized():
        return {name: reference(CASES[name], 1, steps) for name in names}
    rank, world_size = dist.get_rank(), dist.get_world_size()
    mine = {name: reference(CASES[name], world_size, steps) for name in names[rank::world_size]}
    everyone = [None] * world_size
    dist.all_gather_object(everyone, mine)
    return {name: found for part in everyone for name, found in part.items()}


def run_cases(names, stages, steps):
    """What a rank runs: ``{(case, stage): what differs}``."""
    torch.set_num_threads(1)
    result = {}
    for name, (parameters, moments) in references(names, steps).items():
        case = CASES[name]
        for stage in stages:
            if stage in case.get("stages", stages):
                model, optimizer = train(case, stage, steps)
                result[name, stage] = differences(model, optimizer, parameters, moments)
                assert stage < 3 or model.schedule.all_released, f"{name}: not sharded after a step"
    return result


def assert_exact(results, world_size, names, stages):
    """Check what :func:`run_cases` returned on all ranks."""
    assert len(results) == world_size
    expected = {(n, stage) for n in names for stage in CASES[n].get("stages", stages)}
    for rank, result in enumerate(results):
        assert result.keys() == expected
        wrong = {key: value[:3] for key, value in result.items() if value}
        assert not wrong, f"rank {rank}: {list(wrong.items())[:5]}"


def train_tiny(steps):
    """Two elements over all ranks: ``{stage: (whether this rank owns any, what differs)}``."""
    import torch.distributed as dist

    from course_lib.distributed import ShardedOptimizer, zero_shard

    def row(step, rank):
        return torch.tensor([[1.0 + step + rank]])

    torch.set_num_threads(1)
    torch.manual_seed(0)
    single = nn.Linear(1, 1)
    start, world_size = copy.deepcopy(single), dist.get_world_size()
    optimizer = adamw([{"params": list(single.parameters())}])
    for step in range(steps):
        for rank in range(world_size):
            single(row(step, rank)).square().sum().backward()
        for p in single.parameters():
            p.grad.mul_(1.0 / world_size)
        optimizer.step()
        optimizer.zero_grad()
    result = {}
    moments = {n: optimizer.state[p] for n, p in single.named_parameters()}
    for stage in range(4):
        model = zero_shard(copy.deepcopy(start), stage=stage, units=[])
        sharded = ShardedOptimizer(model, adamw)
        for step in range(steps):
            model(row(step, dist.get_rank())).square().sum().backward()
            sharded.step()
            sharded.zero_grad()
        wrong = differences(model, sharded, dict(single.named_parameters()), moments)
        result[stage] = (bool(sharded.pieces), wrong)
    return result
