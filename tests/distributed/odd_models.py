"""Models that make sharding hard, one oddity each, and what has to come of them.

Each is trained sharded and in one process. Either all weights are equal to the last bit, or there
is an error, at the moment named here, whose message says where and what to do.
"""

import collections
import dataclasses
import types
import weakref

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from course_lib.distributed import ShardedOptimizer, zero_shard

WIDTH = 6
KEPT = []  # what a model keeps outside of itself


class Linear(nn.Module):
    """A block with two parameters of odd sizes."""

    def __init__(self, inner=WIDTH):
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, inner), nn.Linear(inner, WIDTH, bias=False)

    def forward(self, x):
        return x + self.down(torch.tanh(self.up(x)))


class Model(nn.Module):
    """Blocks between two layers of the root; subclasses change one thing."""

    block = Linear

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, WIDTH)
        self.blocks = nn.ModuleList([self.block() for _ in range(3)])
        self.last = nn.Linear(WIDTH, 2)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x).square().mean()


def with_block(name, forward, *, build=None, model_forward=None, base=Linear):
    """A model whose blocks differ in their forward, and perhaps what else."""

    def init(self):
        base.__init__(self)
        if build is not None:
            build(self)

    block = type("Block", (base,), {"__init__": init, "forward": forward})
    names = {"block": block}
    if model_forward is not None:
        names["forward"] = model_forward
    return type(name, (Model,), names)


# ---- what blocks return and keep


@dataclasses.dataclass
class Output:
    hidden: torch.Tensor
    aux: torch.Tensor


Named = collections.namedtuple("Named", ["hidden", "aux"])


class Plain:
    def __init__(self, hidden, aux):
        self.hidden, self.aux = hidden, aux


class Slotted:
    __slots__ = ("aux", "hidden")

    def __init__(self, hidden, aux):
        self.hidden, self.aux = hidden, aux


def returning(make):
    def forward(self, x):
        hidden = Linear.forward(self, x)
        return make(hidden, (hidden * self.up.weight[0]).mean())

    def model_forward(self, x):
        x, aux = self.first(x), 0.0
        for block in self.blocks:
            out = block(x)
            if isinstance(out, types.FunctionType):
                out = out()
            if isinstance(out, dict):
                out = Plain(**out)
            elif isinstance(out, (list, tuple)) and not hasattr(out, "hidden"):
                out = Plain(*out)
            x, aux = out.hidden, aux + out.aux
        return self.last(x).square().mean() + aux

    return with_block("Returning", forward, model_forward=model_forward)


def keeping(store, collect):
    """Blocks keep a loss of their own; the model adds them up at the end."""

    def forward(self, x):
        x = Linear.forward(self, x)
        store(self, (x.detach() * self.up.weight[0]).square().mean() + self.down.weight.norm())
        return x

    def model_forward(self, x):
        KEPT.clear()
        loss = Model.forward(self, x)
        return loss + collect(self)

    return with_block("Keeping", forward, model_forward=model_forward)


def append(block, loss):
    KEPT.append(loss)


def giving_weights(give):
    """Blocks hand out (parts of) their weights, used after they have run."""

    def forward(self, x):
        return Linear.forward(self, x), give(self)

    def model_forward(self, x):
        x, given = self.first(x), []
        for block in self.blocks:
            x, part = block(x)
            given.append(part)
        extra = sum(part.float().square().sum() for part in given)
        return self.last(x).square().mean() + extra

    return with_block("Giving", forward, model_forward=model_forward)


def double_backward(self, x):
    x = x.requires_grad_()
    loss = Model.forward(self, x)
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    return loss + gradient.square().sum()


def twice(self, x):
    return Model.forward(self, x) + Model.forward(self, x.flip(0))


def recomputed(reentrant):
    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=reentrant)
        return self.last(x).square().mean()

    return type("Recomputed", (Model,), {"forward": forward})


def in_order(*indices):
    def forward(self, x):
        x = self.first(x)
        for i in indices:
            x = self.blocks[i](x)
        return self.last(x).square().mean()

    return type("InOrder", (Model,), {"forward": forward})


def outside(use):
    """The model uses a block's inner parts without calling the block."""

    def forward(self, x):
        return Model.forward(self, x) + use(self.blocks[1], self.first(x))

    return type("Outside", (Model,), {"forward": forward})


def saved_elsewhere(self, x):
    """A caller's own hooks on what autograd saves."""
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        return Model.forward(self, x)


class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad * weight, (grad * x).sum(0)


class Hidden(Half):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.x, ctx.weight = x, weight
        return x * weight

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.weight, (grad * ctx.x).sum(0)


def own_function(function):
    return with_block(
        "Own",
        lambda self, x: function.apply(Linear.forward(self, x), self.scale),
        build=lambda self: setattr(self, "scale", nn.Parameter(torch.linspace(1, 2, WIDTH))),
    )


def generator(self, x):
    yield Linear.forward(self, x)


def consume(self, x):
    x = self.first(x)
    for block in self.blocks:
        (x,) = block(x)
    return self.last(x).square().mean()


# ---- odd parameters


def extra(make, use=lambda self, x: x * 1.0):
    """Each block has one more parameter."""
    return with_block(
        "Extra",
        lambda self, x: use(self, Linear.forward(self, x)),
        build=lambda self: setattr(self, "odd", make()),
    )


def parameter(*shape, dtype=None):
    return lambda: nn.Parameter(
        torch.arange(1.0, 1 + torch.Size(shape).numel()).view(shape).div(7).to(dtype)
    )


def changed(change, base=Model):
    """A model, changed after it was built."""

    def make():
        model = base()
        change(model)
        return model

    return make


def tie(model):
    model.blocks[2].up.weight = model.blocks[0].up.weight


def tie_to_root(model):
    model.extra = nn.Linear(WIDTH, WIDTH)
    model.extra.weight = model.blocks[1].up.weight


def alias(model):
    model.blocks[0].down.weight = nn.Parameter(model.blocks[0].up.weight.detach())


def buffer_alias(model):
    model.blocks[0].register_buffer("same", model.blocks[0].up.weight.detach())


def attribute_alias(model):
    model.blocks[0].same = model.blocks[0].up.weight.detach()[0]


def transposed(model):
    weight = model.blocks[0].up.weight
    model.blocks[0].up.weight = nn.Parameter(weight.detach().t())


def expanded(model):
    model.blocks[0].up.bias = nn.Parameter(torch.ones(1).expand(WIDTH))


def freeze(*names):
    def change(model):
        for name, p in model.named_parameters():
            if any(name.startswith(n) for n in names):
                p.requires_grad_(False)

    return change


def parametrized(model):
    for block in model.blocks:
        nn.utils.parametrizations.weight_norm(block.up)


def wrap_blocks(model):
    model.blocks[1] = zero_shard(model.blocks[1], units=[])


def own_class(model):
    class Special(nn.Parameter):
        pass

    model.blocks[0].up.bias = Special(model.blocks[0].up.bias.detach())


def with_hooks(model):
    block = model.blocks[1]
    block.register_forward_pre_hook(lambda m, a: (a[0] + m.up.weight.sum(),))
    block.register_forward_hook(lambda m, a, out: out * m.down.weight[0])
    block.up.weight.register_hook(lambda grad: grad * 2)


class Recurrent(Model):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.LSTM(WIDTH, WIDTH, batch_first=True) for _ in range(2)])

    def forward(self, x):
        x = self.first(x).unsqueeze(1).repeat(1, 3, 1)
        for block in self.blocks:
            x, _ = block(x)
        return self.last(x).square().mean()


class Attending(Model):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(
            [nn.TransformerEncoderLayer(WIDTH, 2, 7, 0.0, batch_first=True) for _ in range(2)]
        )

    def forward(self, x):
        x = self.first(x).unsqueeze(0)
        for block in self.blocks:
            x = block(x)
        return self.last(x).square().mean()


class Convolving(Model):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(
            nn.Sequential(nn.Conv1d(1, 3, 3, padding=1), nn.GroupNorm(1, 3), nn.ReLU()),
            nn.Sequential(nn.Conv1d(3, 1, 3, padding=1)),
        )

    def forward(self, x):
        return self.last(self.blocks(self.first(x).unsqueeze(1)).squeeze(1)).square().mean()


class Embedding(Model):
    def __init__(self, sparse=False, bag=False):
        super().__init__()
        kind = nn.EmbeddingBag if bag else nn.Embedding
        self.blocks = nn.ModuleList([kind(11, WIDTH, sparse=sparse), Linear()])

    def forward(self, x):
        ids = x[:, :2].abs().mul(3).long() % 11
        y = self.blocks[0](ids)
        y = y if y.dim() == 2 else y.sum(1)
        return self.last(self.blocks[1](y)).square().mean()


class FunctionalSparse(Embedding):
    def forward(self, x):
        ids = x[:, :2].abs().mul(3).long() % 11
        table = self.sparse_table.weight
        y = functional.embedding(ids, table, sparse=True).sum(1)
        return self.last(self.blocks[1](y)).square().mean()

    def __init__(self):
        super().__init__()
        self.sparse_table = nn.Embedding(11, WIDTH)


class Linked(Model):
    """Each block knows its neighbour and uses a weight of it."""

    def __init__(self):
        super().__init__()
        others = {i: weakref.ref(b) for i, b in enumerate(self.blocks)}
        for i, block in enumerate(self.blocks):
            block.neighbour = others[(i + 1) % 3]

    class block(Linear):
        def forward(self, x):
            return Linear.forward(self, x) + self.neighbour().up.bias


def in_list(model):
    for block in model.blocks:
        block.weights = [block.up.weight, block.down.weight]
        block.forward = types.MethodType(
            lambda self, x: functional.linear(x @ self.weights[1], self.weights[0]), block
        )


def replaced_forward(model):
    for block in model.blocks:
        block.forward = types.MethodType(lambda self, x: self.down(self.up(x)).relu(), block)


EXACT = None
NOT_HERE = "is sharded and not here now: at stage 3"

# name: (how to build it, the error at stages 0 to 2, the error at stage 3); None is no error.
MODELS = {
    "plain": (Model, EXACT, EXACT),
    # what blocks return
    "a tuple": (returning(lambda h, a: (h, a)), EXACT, EXACT),
    "a list": (returning(lambda h, a: [h, a]), EXACT, EXACT),
    "a dictionary": (returning(lambda h, a: {"hidden": h, "aux": a}), EXACT, EXACT),
    "a dataclass": (returning(Output), EXACT, EXACT),
    "a named tuple": (returning(Named), EXACT, EXACT),
    "a plain object": (returning(Plain), EXACT, EXACT),
    "an object with slots": (returning(Slotted), EXACT, EXACT),
    "an object in an object": (returning(lambda h, a: Plain(h, Plain(a, a).aux)), EXACT, EXACT),
    "a function that has tensors": (returning(lambda h, a: lambda: Plain(h, a)), EXACT, EXACT),
    "a generator": (with_block("G", generator, model_forward=consume), EXACT, NOT_HERE),
    # what blocks keep
    "a loss as an attribute": (
        keeping(lambda b, v: setattr(b, "aux", v), lambda m: sum(b.aux for b in m.blocks)),
        EXACT,
        EXACT,
    ),
    "a loss in a list": (keeping(append, lambda m: sum(KEPT)), EXACT, EXACT),
    "a weight": (giving_weights(lambda b: b.up.weight), EXACT, NOT_HERE),
    "a view of a weight": (giving_weights(lambda b: b.up.weight[1:3].t()), EXACT, EXACT),
    "a detached weight": (giving_weights(lambda b: b.up.weight.detach()), EXACT, EXACT),
    "a function of a weight": (giving_weights(lambda b: b.up.weight * 2), EXACT, EXACT),
    # graphs
    "double backward": (type("D", (Model,), {"forward": double_backward}), EXACT, EXACT),
    "two forwards": (type("T", (Model,), {"forward": twice}), EXACT, EXACT),
    "recomputed": (recomputed(False), EXACT, EXACT),
    "recomputed inside backward": (recomputed(True), "reentrant checkpointing", "reentrant check"),
    "a block again": (in_order(0, 1, 1, 2, 0), EXACT, EXACT),
    "blocks backwards": (in_order(2, 1, 0), EXACT, EXACT),
    "a block left out": (in_order(0, 2), EXACT, EXACT),
    "a caller's hooks": (type("S", (Model,), {"forward": saved_elsewhere}), EXACT, EXACT),
    "an autograd function": (own_function(Half), EXACT, EXACT),
    "one that hides its weight": (own_function(Hidden), EXACT, EXACT),
    "in place": (with_block("I", lambda s, x: Linear.forward(s, x).mul_(2)), EXACT, EXACT),
    "in place on what is saved": (
        with_block("I", lambda s, x: (lambda y: y.exp().add_(1) + y)(Linear.forward(s, x))),
        "modified by an inplace operation",
        "modified by an inplace operation",
    ),
    # use from outside
    "a weight from outside": (outside(lambda b, x: b.up.weight.sum()), EXACT, NOT_HERE),
    "a part from outside": (outside(lambda b, x: b.up(x).sum()), EXACT, NOT_HERE),
    "a neighbour's weight": (Linked, EXACT, NOT_HERE),
    "weights in a list": (changed(in_list), EXACT, EXACT),
    "a replaced forward": (changed(replaced_forward), EXACT, EXACT),
    "hooks of one's own": (changed(with_hooks), EXACT, EXACT),
    # odd parameters
    "no dimension": (extra(parameter(), lambda s, x: x * s.odd), EXACT, EXACT),
    "no elements": (extra(parameter(0, 3)), EXACT, EXACT),
    "no elements, used": (extra(parameter(0), lambda s, x: x + s.odd.sum()), EXACT, EXACT),
    "one element": (extra(parameter(1), lambda s, x: x * s.odd), EXACT, EXACT),
    "four dimensions": (
        extra(parameter(1, 2, 1, 3), lambda s, x: x * s.odd.reshape(-1)),
        EXACT,
        EXACT,
    ),
    "never used": (extra(parameter(7)), EXACT, EXACT),
    "double precision": (
        extra(parameter(3, dtype=torch.float64), lambda s, x: x * s.odd.sum().float()),
        EXACT,
        EXACT,
    ),
    "only no elements, in a block": (
        changed(
            lambda m: m.blocks.append(nn.ParameterList([nn.Parameter(torch.empty(0))])),
            in_order(0, 1, 2),
        ),
        EXACT,
        EXACT,
    ),
    "integers": (
        extra(
            lambda: nn.Parameter(torch.arange(3), requires_grad=False), lambda s, x: x * s.odd.sum()
        ),
        EXACT,
        EXACT,
    ),
    "complex numbers": (
        extra(parameter(2, dtype=torch.complex64), lambda s, x: x * s.odd.abs().sum()),
        "parameter 'blocks.0.odd' is of torch.complex64",
        "parameter 'blocks.0.odd' is of torch.complex64",
    ),
    "another class": (changed(own_class), EXACT, EXACT),
    "tied blocks": (changed(tie), EXACT, EXACT),
    "tied to the root": (changed(tie_to_root), EXACT, EXACT),
    "frozen parts": (changed(freeze("blocks.0", "blocks.1.up", "first.bias")), EXACT, EXACT),
    "weight norm": (changed(parametrized), EXACT, EXACT),
    "aliased": (
        changed(alias),
        "parameters 'blocks.0.up.weight' and 'blocks.0.down.weight' are different",
        "'blocks.0.up.weight' and 'blocks.0.down.weight' are different",
    ),
    "a buffer in its memory": (changed(buffer_alias), "'blocks.0.same' is in", "'blocks.0.same'"),
    "an attribute in it": (changed(attribute_alias), "'blocks.0.same' is in", "'blocks.0.same'"),
    "transposed": (
        changed(transposed),
        "'blocks.0.up.weight' is not contig",
        "'blocks.0.up.weight' is not co",
    ),
    "expanded": (
        changed(expanded),
        "'blocks.0.up.bias' is not contig",
        "'blocks.0.up.bias' is not contig",
    ),
    "a sharded block": (changed(wrap_blocks), "'blocks.1' is a ZeroM", "'blocks.1' is a ZeroM"),
    # kinds of layers
    "recurrent": (Recurrent, EXACT, EXACT),
    "attention": (Attending, EXACT, EXACT),
    "convolutions": (Convolving, EXACT, EXACT),
    "embeddings": (Embedding, EXACT, EXACT),
    "bags": (lambda: Embedding(bag=True), EXACT, EXACT),
    "sparse": (
        lambda: Embedding(True),
        "module 'blocks.0' (Embedding) is sp",
        "'blocks.0' (Embedding)",
    ),
    "sparse bags": (
        lambda: Embedding(True, True),
        "module 'blocks.0' (EmbeddingBag) is sparse",
        "module 'blocks.0' (EmbeddingBag) is sparse",
    ),
    "sparse by function": (
        FunctionalSparse,
        "'sparse_table.weight' is sparse",
        "'sparse_table.weight' is sparse",
    ),
    "a module alone": (
        lambda: nn.Sequential(nn.Sequential(nn.Linear(5, 3), nn.Tanh()), Mean()),
        EXACT,
        EXACT,
    ),
}


class Mean(nn.Module):
    def forward(self, x):
        return x.square().mean()


def build(name):
    torch.manual_seed(0)
    return MODELS[name][0]()


def batch(step, rank):
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(10 * step + rank))


def adamw(groups):
    return torch.optim.AdamW(groups, lr=1e-2, weight_decay=0.1, fused=True)


def reference(name, world_size, steps=3):
    """One process: gradients of all ranks' batches, added in rank order."""
    model = build(name)
    optimizer = adamw([p for p in model.parameters() if p.requires_grad])
    for step in range(steps):
        for rank in range(world_size):
            model(batch(step, rank)).backward()
        for p in model.parameters():
            if p.grad is not None:
                p.grad.mul_(1.0 / world_size)
        optimizer.step()
        optimizer.zero_grad()
    return {n: v.detach().clone() for n, v in model.state_dict().items()}


def outcome(name, stage, steps=3):
    """``"exact"``, ``"differs: ..."``, or the error's type and text."""
    torch.set_num_threads(1)
    world_size = dist.get_world_size() if dist.is_initialized() else 1
    rank = dist.get_rank() if dist.is_initialized() else 0
    try:
        model = zero_shard(build(name), stage=stage)
        optimizer = ShardedOptimizer(model, adamw)
        for step in range(steps):
            model(batch(step, rank)).backward()
            assert stage < 3 or model.schedule.all_released
            optimizer.step()
            optimizer.zero_grad()
        state = model.full_state_dict()
    except (RuntimeError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    expected = reference(name, world_size, steps)
    assert state.keys() == expected.keys()
    wrong = [n for n in expected if not torch.equal(state[n], expected[n])]
    return f"differs: {wrong}" if wrong else "exact"


def outcomes(names, stages):
    return {(name, stage): outcome(name, stage) for name in names for stage in stages}


def unlike(found):
    """What is not as the table has it."""
    wrong = {}
    for (name, stage), text in found.items():
        expected = MODELS[name][2 if stage == 3 else 1]
        good = text == "exact" if expected is EXACT else expected in text
        if not good:
            wrong[name, stage] = (text, expected)
    return wrong
