"""What zero_shard and ShardedOptimizer accept, refuse and promise; one rank is enough here."""

import pytest
import torch
import toy
from torch import nn

from course_lib.distributed import DataParallel, ShardedOptimizer, zero_shard
from course_lib.distributed.comm.collectives import Comm


def test_bad_stage_and_units_are_named():
    with pytest.raises(ValueError, match="stage must be 0, 1, 2 or 3, got 4"):
        zero_shard(toy.Toy(), stage=4)
    with pytest.raises(ValueError, match="no submodule 'block.0'"):
        zero_shard(toy.Toy(), units=["block.0"])
    with pytest.raises(ValueError, match=r"similar: \['blocks.0.up'"):
        zero_shard(toy.Toy(), units=["up"])
    with pytest.raises(ValueError, match="would be in two units"):
        zero_shard(toy.Toy(), units=["blocks.0", "blocks.0.up"])
    with pytest.raises(ValueError, match='units must be "blocks" or a list'):
        zero_shard(toy.Toy(), units="layers")
    with pytest.raises(ValueError, match=r"finds no nn.ModuleList .* such as \['weird'\]"):
        model = nn.Module()
        model.weird = nn.Linear(2, 2)
        zero_shard(model)


def test_models_that_cannot_be_sharded_are_refused():
    model = toy.Toy()
    toy.freeze(model, [""])
    with pytest.raises(ValueError, match="Toy has no trainable parameter"):
        zero_shard(model)
    with pytest.raises(ValueError, match="has no shape yet"):
        zero_shard(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(ValueError, match="sharded already"):
        zero_shard(zero_shard(toy.Toy()))
    compiled = toy.Toy()
    compiled.blocks[0].compile(backend="eager")
    with pytest.raises(ValueError, match=r"the model is compiled \(\['blocks.0'\]\)"):
        zero_shard(compiled)
    with pytest.raises(ValueError, match="the model is compiled"):
        zero_shard(torch.compile(toy.Toy(), backend="eager"))


def test_compiling_a_sharded_model_is_refused():
    model = zero_shard(toy.Toy(), stage=3)
    tokens = toy.tokens_for(0, 0, 0)
    with pytest.raises(RuntimeError, match="cannot be compiled"):
        torch.compile(model, backend="eager")(tokens)
    with pytest.raises(RuntimeError, match="cannot be compiled"):
        model.compile(backend="eager")
    model(tokens)


def test_changes_after_sharding_are_refused():
    model = zero_shard(toy.Toy(), stage=1)
    with pytest.raises(RuntimeError, match="cannot be moved or converted"):
        model.double()
    with pytest.raises(RuntimeError, match=r"use full_state_dict\(\)"):
        model.state_dict()
    with pytest.raises(RuntimeError, match=r"use load_full_state_dict\(\)"):
        model.load_state_dict({})
    model.module.norm.weight.requires_grad_(False)
    with pytest.raises(RuntimeError, match="requires_grad of 'norm.weight' was changed"):
        model(toy.tokens_for(0, 0, 0))


def test_a_sharded_parameter_cannot_be_used_by_mistake():
    model = zero_shard(toy.Toy(), stage=3)
    assert model.schedule.all_released
    with pytest.raises(RuntimeError, match=r"'head.weight' of unit 'root' .* gathered\(\)"):
        model.module.head.weight @ torch.ones(toy.WIDTH)
    with model.gathered() as module:
        assert module.head.weight.shape == (toy.VOCAB, toy.WIDTH)
        assert torch.equal(module.head.weight, toy.Toy().head.weight)
    assert model.schedule.all_released


def test_reentrant_checkpointing_is_refused():
    model = zero_shard(toy.Toy(recompute="reentrant"), stage=3)
    loss = toy.loss_of(model, toy.tokens_for(0, 0, 0))
    with pytest.raises(RuntimeError, match="use_reentrant=False"):
        loss.backward()


def test_gradients_after_a_step_need_zero_grad():
    model = zero_shard(toy.Toy(), stage=2)
    optimizer = ShardedOptimizer(model, toy.adamw)
    toy.loss_of(model, toy.tokens_for(0, 0, 0)).backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"call zero_grad\(\) first"):
        toy.loss_of(model, toy.tokens_for(0, 0, 0)).backward()


@pytest.mark.parametrize(
    "make",
    [
        lambda groups: torch.optim.Adafactor(groups, lr=1e-2),
        lambda groups: torch.optim.LBFGS([p for g in groups for p in g["params"]]),
        lambda groups: torch.optim.Muon(groups) if hasattr(torch.optim, "Muon") else None,
    ],
    ids=["Adafactor", "LBFGS", "Muon"],
)
def test_optimizers_that_need_whole_parameters_are_refused(make):
    model = zero_shard(toy.Toy(), stage=1)
    with pytest.raises(ValueError, match="needs whole|1D|2D"):
        ShardedOptimizer(model, make)


class Lars(torch.optim.Optimizer):
    """Scales each update by the norm of the whole parameter."""

    def __init__(self, groups):
        super().__init__(groups, {"lr": 0.1})

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data.sub_(p.grad * p.data.norm() / p.grad.norm(), alpha=group["lr"])


def test_an_optimizer_of_ones_own_is_tried_out_too():
    with pytest.raises(ValueError, match="Lars cannot work on shards: it needs whole parameters"):
        ShardedOptimizer(zero_shard(toy.Toy(), stage=1), Lars)


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adamax", "ASGD"]
)
def test_elementwise_optimizers_are_accepted(name):
    model = zero_shard(toy.Toy(), stage=1)
    optimizer = ShardedOptimizer(model, lambda groups: getattr(torch.optim, name)(groups, lr=1e-2))
    toy.loss_of(model, toy.tokens_for(0, 0, 0)).backward()
    assert optimizer.step()


def test_groups_have_to_cover_every_parameter_once():
    model = zero_shard(toy.Toy(), stage=1)
    names = [name for name, _ in model.module.named_parameters()]
    for groups, message in (
        ([{"names": names[1:]}], r"missing \['embed.weight'\]"),
        ([{"names": [*names, "nothing"]}], r"unknown \['nothing'\]"),
        ([{"names": names}, {"names": names[:1]}], r"in two groups \['embed.weight'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            ShardedOptimizer(model, toy.adamw, groups=groups)


def test_bad_numbers_are_refused():
    model = zero_shard(toy.Toy(), stage=1)
    optimizer = ShardedOptimizer(model, toy.adamw)
    with pytest.raises(ValueError, match="max_norm must be positive, got 0"):
        optimizer.clip_grad_norm_(0)
    with pytest.raises(ValueError, match="timeout must be positive, got 0"):
        Comm(timeout=0)
    with pytest.raises(ValueError, match="policy must be one of"):
        Comm(policy="fast")
    with pytest.raises(ValueError, match="bucket_bytes must be at least 1, got 0"):
        DataParallel(toy.Toy(), bucket_bytes=0)


def test_clipping_agrees_with_torch():
    single = toy.Toy()
    model = zero_shard(toy.Toy(), stage=2)
    optimizer = ShardedOptimizer(model, toy.adamw)
    for m in (single, model):
        toy.loss_of(m, toy.tokens_for(0, 0, 0)).backward()
    theirs = nn.utils.clip_grad_norm_(single.parameters(), 0.3)
    ours = optimizer.clip_grad_norm_(0.3)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_full_state_dict_and_back(stage):
    single = toy.Toy(tied=True, seed=3)
    model = zero_shard(toy.Toy(tied=True), stage=stage)
    model.load_full_state_dict(single.state_dict())
    state = model.full_state_dict()
    assert list(state) == list(single.state_dict())
    assert all(torch.equal(state[n], v) for n, v in single.state_dict().items())
    tokens = toy.tokens_for(0, 0, 0)
    assert torch.equal(model(tokens), single(tokens))
    with pytest.raises(ValueError, match=r"missing \['norm.bias'\], not known \['more'\]"):
        model.load_full_state_dict(
            {n: v for n, v in state.items() if n != "norm.bias"} | {"more": torch.ones(1)}
        )
    with pytest.raises(ValueError, match=r"'norm.bias' has shape \[3\], wanted \[10\]"):
        model.load_full_state_dict(state | {"norm.bias": torch.ones(3)})


def fill(module):
    """An initialisation that does not depend on what came before."""
    for i, parameter in enumerate(module.parameters(recurse=False)):
        generator = torch.Generator().manual_seed(parameter.numel() + i)
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    for buffer in module.buffers(recurse=False):
        buffer.fill_(0.5)


def test_meta_device_model_gets_its_values_unit_by_unit():
    with torch.device("meta"):
        module = toy.Toy(tied=True)
    model = zero_shard(module, stage=3, init=fill, device="cpu")
    real = toy.Toy(tied=True)
    with torch.no_grad():
        for child in real.modules():
            fill(child)
    assert model.module.head.weight is model.module.embed.weight
    state = model.full_state_dict()
    assert all(torch.equal(state[n], v) for n, v in real.state_dict().items())
    toy.loss_of(model, toy.tokens_for(0, 0, 0)).backward()


def test_meta_device_model_that_nothing_fills():
    with torch.device("meta"):
        module = toy.Toy()
    with pytest.raises(ValueError, match=r"module '' \(Toy\) is on the meta device and has no"):
        zero_shard(module)
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    model = zero_shard(module, device="cpu")  # these have reset_parameters()
    assert torch.equal(model.full_state_dict()["1.weight"], torch.ones(4))


@pytest.mark.parametrize("grad_dtype", [None, torch.bfloat16])
def test_mixed_precision_keeps_a_full_precision_copy(grad_dtype):
    results = []
    for stage in range(4):
        model = zero_shard(
            toy.Toy(), stage=stage, param_dtype=torch.bfloat16, grad_dtype=grad_dtype
        )
        optimizer = ShardedOptimizer(model, toy.adamw)
        for step in range(3):
            toy.loss_of(model, toy.tokens_for(step, 0, 0)).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert model(toy.tokens_for(0, 0, 0)).dtype == torch.bfloat16
        results.append(model.full_state_dict())
    for result in results[1:]:
        for name, value in result.items():
            assert value.dtype == torch.float32
            assert torch.equal(value, results[0][name])
