"""What people write with torch: right on a sharded model, or an error that names the remedy."""

import copy
import io

import odd_models
import pytest
import torch
from torch import nn

from course_lib.distributed import DataParallel, ShardedOptimizer, zero_shard

STAGES = [0, 1, 2, 3]
OPTIMIZER = "ShardedOptimizer"
GATHERED = "gathered()"


def sgd(groups):
    return torch.optim.SGD(groups, lr=1.0)


def make(stage, **options):
    model = zero_shard(odd_models.build("plain"), stage=stage, **options)
    return model, ShardedOptimizer(model, sgd)


def step_size(model, optimizer, before):
    optimizer.step()
    return (before - model.full_state_dict()["last.bias"]).abs().max().item()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "forget",
    [
        lambda m, o: m.zero_grad(),
        lambda m, o: m.zero_grad(set_to_none=True),
        lambda m, o: o.zero_grad(),
        lambda m, o: o.zero_grad(set_to_none=True),
        lambda m, o: o.optimizer.zero_grad(),
        lambda m, o: o.optimizer.zero_grad(True),
    ],
)
def test_gradients_are_forgotten(stage, forget):
    steps = []
    for times in (1, 2):
        model, optimizer = make(stage)
        before = model.full_state_dict()["last.bias"]
        for _ in range(times):
            forget(model, optimizer)
            model(odd_models.batch(0, 0)).backward()
        steps.append(step_size(model, optimizer, before))
    assert steps[0] == steps[1] > 0


@pytest.mark.parametrize("stage", STAGES)
def test_gradients_do_not_become_zeros(stage):
    model, optimizer = make(stage)
    for forget in (model.zero_grad, optimizer.zero_grad, optimizer.optimizer.zero_grad):
        with pytest.raises(ValueError, match="set_to_none must be True"):
            forget(set_to_none=False)


# name: (what is done, the message at stages 0 to 2, and at stage 3; None is no error)
IDIOMS = {
    "an optimizer": (lambda m: torch.optim.AdamW(m.parameters()), OPTIMIZER, OPTIMIZER),
    "one of groups": (
        lambda m: torch.optim.SGD([{"params": [p]} for p in m.parameters()], lr=1.0),
        OPTIMIZER,
        OPTIMIZER,
    ),
    "one of the inner model": (
        lambda m: torch.optim.AdamW(m.module.parameters()),
        OPTIMIZER,
        OPTIMIZER,
    ),
    "clipping": (lambda m: nn.utils.clip_grad_norm_(m.parameters(), 1.0), OPTIMIZER, OPTIMIZER),
    "clipping values": (
        lambda m: nn.utils.clip_grad_value_(m.module.parameters(), 1.0),
        OPTIMIZER,
        OPTIMIZER,
    ),
    "the norm": (
        lambda m: sum(p.grad.norm() for p in m.parameters() if p.grad is not None),
        OPTIMIZER,
        OPTIMIZER,
    ),
    "inner zero_grad": (lambda m: m.module.zero_grad(), OPTIMIZER, OPTIMIZER),
    "gradients by hand": (
        lambda m: setattr(next(m.parameters()), "grad", torch.ones(6, 5)),
        OPTIMIZER,
        OPTIMIZER,
    ),
    "values": (lambda m: sum(p.pow(2).sum() for p in m.parameters()), None, GATHERED),
    "to a vector": (lambda m: nn.utils.parameters_to_vector(m.parameters()), None, GATHERED),
    "an initialisation": (lambda m: nn.init.zeros_(m.module.last.weight), None, GATHERED),
    "one weight": (lambda m: m.module.blocks[0].up.weight[0], None, GATHERED),
    "a block": (lambda m: m.module.blocks[0].up(torch.ones(1, 6)), None, GATHERED),
    "a copy": (lambda m: copy.deepcopy(m.module), None, GATHERED),
    "saving": (lambda m: torch.save(m.module.state_dict(), io.BytesIO()), None, GATHERED),
    "saving a block": (lambda m: m.module.blocks[0].state_dict(), None, GATHERED),
    "saving the object": (lambda m: torch.save(m.module.last.weight, io.BytesIO()), None, GATHERED),
    "copying all": (copy.deepcopy, "cannot be copied", "cannot be copied"),
    "saving all": (lambda m: torch.save(m, io.BytesIO()), "cannot be copied", "cannot be copied"),
    "the state": (lambda m: m.state_dict(), "full_state_dict", "full_state_dict"),
    "moving": (lambda m: m.to(torch.float64), "moved or converted", "moved or converted"),
    "moving the inner model": (lambda m: m.module.double(), OPTIMIZER, GATHERED),
    "freezing": (lambda m: freeze(m), "requires_grad", "requires_grad"),
    "again": (zero_shard, "sharded already", "sharded already"),
    "inside": (lambda m: zero_shard(m.module), "sharded already", "sharded already"),
    "in another": (lambda m: zero_shard(nn.Sequential(m)), "sharded already", "sharded already"),
    "a part": (lambda m: zero_shard(m.module.blocks), "sharded already", "sharded already"),
    "two ways": (DataParallel, "sharded already", "sharded already"),
    "two ways, inside": (lambda m: DataParallel(m.module), "sharded already", "sharded already"),
    "two optimizers": (lambda m: ShardedOptimizer(m, sgd), "already", "already"),
    "a new module": (lambda m: grow(m), "head.weight", "head.weight"),
    "a new parameter": (lambda m: replace(m), "blocks.0.up.weight", "blocks.0.up.weight"),
    "a module less": (lambda m: shrink(m), "removed", "removed"),
    "a stale graph": (lambda m: stale(m), "modified by an inplace", "modified by an inplace"),
    "stepping inside": (lambda m: step_inside(m), None, "cannot change inside gathered()"),
    "writing to see": (lambda m: write(m), None, "changed inside gathered()"),
}


def step_inside(model):
    with model.gathered():
        model.claimed().step()


def freeze(model):
    model.module.first.requires_grad_(False)
    model(odd_models.batch(0, 0))


def grow(model):
    model.module.head = nn.Linear(2, 2)
    model(odd_models.batch(0, 0))


def replace(model):
    model.module.blocks[0].up.weight = nn.Parameter(torch.ones(6, 6))
    model(odd_models.batch(0, 0))


def shrink(model):
    del model.module.blocks[2]
    model(odd_models.batch(0, 0))


def write(model):
    with model.gathered() as inner, torch.no_grad():
        inner.last.bias.zero_()


def stale(model):
    optimizer = model.claimed()
    first, second = model(odd_models.batch(0, 0)), model(odd_models.batch(1, 0))
    first.backward()
    optimizer.step()
    second.backward()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", IDIOMS)
def test_idioms(stage, name):
    action, *messages = IDIOMS[name]
    expected = messages[stage == 3]
    model, optimizer = make(stage)
    model(odd_models.batch(0, 0)).backward()
    if expected is None:
        action(model)
    else:
        with pytest.raises((RuntimeError, ValueError)) as error:
            action(model)
        assert expected in str(error.value)
    assert optimizer is model.claimed()


@pytest.mark.parametrize("stage", STAGES)
def test_an_optimizer_made_before_says_so_when_it_steps(stage):
    module = odd_models.build("plain")
    before = torch.optim.AdamW(module.parameters())
    model = zero_shard(module, stage=stage)
    model(odd_models.batch(0, 0)).backward()
    with pytest.raises(RuntimeError, match=OPTIMIZER):
        before.step()
    sharded = ShardedOptimizer(model, sgd)
    with pytest.raises(RuntimeError, match=r"ShardedOptimizer.step\(\)"):
        sharded.optimizer.step()


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_read_lives_on_and_shapes_are_known(stage):
    plain = odd_models.build("plain").state_dict()
    model, optimizer = make(stage)
    with model.gathered() as inner:
        state = inner.state_dict()
        weight, row = inner.last.weight.detach(), inner.last.weight[0].detach().numpy()
    for _ in range(3):
        model(odd_models.batch(0, 0)).backward()
        optimizer.zero_grad()
    assert all(torch.equal(state[name], value) for name, value in plain.items())
    assert torch.equal(weight, plain["last.weight"]) and row[0] == plain["last.weight"][0, 0]
    assert [p.shape for p in model.parameters()] == [v.shape for v in plain.values()]
    assert sum(p.numel() for p in model.parameters()) == sum(v.numel() for v in plain.values())
    assert next(model.parameters()).device.type == "cpu"
    assert {type(p).__name__ for p in model.parameters()} <= {
        "ShardedParameter",
        "AbsentParameter",
    }
    assert all(isinstance(p, nn.Parameter) for p in model.parameters())
    assert str(next(model.parameters()))


@pytest.mark.parametrize("stage", STAGES)
def test_the_model_runs_while_it_is_gathered(stage):
    plain = odd_models.build("plain")
    model, optimizer = make(stage)
    with model.gathered() as inner:
        with model.gathered():
            inner(odd_models.batch(0, 0))
        loss = inner(odd_models.batch(0, 0))
        assert torch.equal(inner.last.weight, plain.last.weight)
        loss.backward()
        assert torch.equal(inner.blocks[0].up.weight, plain.blocks[0].up.weight)
    assert stage < 3 or model.schedule.all_released
    optimizer.step()
    ordinary = sgd(plain.parameters())
    plain(odd_models.batch(0, 0)).backward()
    ordinary.step()
    state = model.full_state_dict()
    assert all(torch.equal(state[name], value) for name, value in plain.state_dict().items())


@pytest.mark.parametrize("bad", [lambda groups: None, lambda groups: sgd, lambda groups: "adam"])
def test_factories_that_return_no_optimizer(bad):
    model = zero_shard(odd_models.build("plain"), stage=1)
    with pytest.raises(TypeError, match="make_optimizer must return a torch optimizer, got"):
        ShardedOptimizer(model, bad)
    with pytest.raises(ValueError, match="exactly the parameter groups it is called with"):
        ShardedOptimizer(model, lambda groups: sgd([nn.Parameter(torch.ones(1))]))
    first = ShardedOptimizer(model, sgd)
    del first  # then another may take its place
    ShardedOptimizer(model, sgd)


@pytest.mark.parametrize("name", ["param_dtype", "grad_dtype"])
def test_bad_types(name):
    for bad in (torch.int64, torch.int32, torch.bool, torch.complex64):
        with pytest.raises(ValueError, match=f"{name} must be a type of floating point numbers"):
            zero_shard(odd_models.build("plain"), **{name: bad})
    for bad in ("bfloat16", 16, float):
        with pytest.raises(TypeError, match=name):
            zero_shard(odd_models.build("plain"), **{name: bad})


def test_integers_stay_integers_in_a_model_of_bfloat16():
    model = zero_shard(odd_models.build("integers"), stage=1, param_dtype=torch.bfloat16)
    with model.gathered() as inner:
        assert inner.blocks[0].odd.tolist() == [0, 1, 2]
        assert inner.blocks[0].odd.dtype == torch.int64
