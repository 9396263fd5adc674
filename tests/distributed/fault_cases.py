"""What ranks do wrong in the fault tests."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
import toy
import wide

from course_lib.distributed import (
    CollectiveError,
    RankMismatch,
    ShardedOptimizer,
    report,
    split_batch,
    zero_shard,
)
from course_lib.distributed.comm.gloo import DirectExchange
from course_lib.distributed.zero.flat import Flat
from course_lib.distributed.zero.plan import FlatPlan


def text_of(error_type, action):
    """The message of the error that ``action`` raises on this rank."""
    try:
        action()
    except error_type as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def rank():
    return dist.get_rank()


def disagree(how):
    """Shard models or settings that differ between the ranks."""
    torch.set_num_threads(1)
    options = {"stage": 2}
    model = toy.Toy()
    if rank() == 1:
        if how == "shape":
            model.blocks[1].up = torch.nn.Linear(toy.WIDTH, 9)
        elif how == "dtype":
            model.norm.double()
        elif how == "frozen":
            model.norm.weight.requires_grad_(False)
        elif how == "more":
            model.extra = torch.nn.Linear(2, 2)
        elif how == "units":
            options["units"] = ["blocks.0"]
        elif how == "stage":
            options["stage"] = 3
    if how == "version":
        with mock.patch.object(torch, "__version__", f"2.{rank()}"):
            return text_of(RankMismatch, lambda: zero_shard(model, **options))
    return text_of(RankMismatch, lambda: zero_shard(model, **options))


def other_weights(broadcast):
    """Start from another seed on each rank."""
    torch.set_num_threads(1)
    model = toy.Toy(seed=rank())
    with torch.no_grad():
        model.scale.fill_(rank() + 0.5)
    made = []
    text = text_of(RankMismatch, lambda: made.append(zero_shard(model, broadcast=broadcast)))
    if made:
        expected = toy.Toy(seed=0).state_dict()
        state = made[0].full_state_dict()
        text += f", equal: {all(torch.equal(state[n], expected[n]) for n in expected)}"
    return text


def batch(n_rows):
    from course_lib.distributed import Comm

    made = []
    text = text_of(ValueError, lambda: made.append(split_batch(torch.arange(n_rows), Comm())))
    return made[0].tolist() if made else text


def interrupted(stage, trouble):
    """Train with something going wrong before each good step; return what differs in the end."""
    torch.set_num_threads(1)
    case = toy.CASES["plain"]
    world_size = dist.get_world_size() if dist.is_initialized() else 1
    parameters, moments = toy.reference(case, world_size, 3)
    model = zero_shard(toy.build(case), stage=stage)
    optimizer = ShardedOptimizer(model, toy.adamw)
    for step in range(3):
        tokens = toy.tokens_for(step, 0, model.comm.rank)
        go_wrong(model, optimizer, tokens, trouble)
        toy.loss_of(model, tokens).backward()
        assert stage < 3 or model.schedule.all_released
        optimizer.step()
        optimizer.zero_grad()
    return toy.differences(model, optimizer, parameters, moments)


def go_wrong(model, optimizer, tokens, trouble):
    if trouble == "forward without backward":
        toy.loss_of(model, tokens)
    elif trouble == "forward without gradients":
        with torch.no_grad():
            toy.loss_of(model, tokens)
        assert model.stage < 3 or model.schedule.all_released
    elif trouble == "two backwards":
        loss = toy.loss_of(model, tokens)
        loss.backward(retain_graph=True)
        loss.backward()
        optimizer.zero_grad()
    elif trouble == "two forwards, one backward":
        (toy.loss_of(model, tokens) + toy.loss_of(model, tokens)).backward()
        optimizer.zero_grad()
    elif trouble == "backward of what needs none":
        with torch.no_grad():
            loss = toy.loss_of(model, tokens)
        assert "does not require grad" in text_of(RuntimeError, loss.backward)
    elif trouble == "exception in forward":
        with mock.patch.object(model.module.blocks[1], "forward", side_effect=KeyError("oops")):
            assert "oops" in text_of(KeyError, lambda: toy.loss_of(model, tokens))
        assert model.stage < 3 or model.schedule.all_released
    elif trouble == "exception in backward":
        loss = toy.loss_of(model, tokens)

        def fail(_grad):
            raise KeyError("oops")

        handle = model.module.blocks[1].register_full_backward_hook(lambda *a: fail(None))
        loss = toy.loss_of(model, tokens)
        assert "oops" in text_of(KeyError, loss.backward)
        handle.remove()
    else:
        raise ValueError(trouble)


def not_finite(stage, value):
    """A gradient that is not finite on one rank: all skip the step."""
    torch.set_num_threads(1)
    model = zero_shard(toy.Toy(), stage=stage)
    optimizer = ShardedOptimizer(model, toy.adamw, skip_nonfinite=True)
    before = model.full_state_dict()
    loss = toy.loss_of(model, toy.tokens_for(0, 0, model.comm.rank))
    (loss * (value if model.comm.rank == 0 else 1.0)).backward()
    norm = optimizer.clip_grad_norm_(1.0)
    raised = text_of(RuntimeError, lambda: optimizer.clip_grad_norm_(1.0, error_if_nonfinite=True))
    stepped = optimizer.step()
    optimizer.zero_grad()
    after = model.full_state_dict()
    same = all(torch.equal(before[n], after[n]) for n in before)
    toy.loss_of(model, toy.tokens_for(0, 0, model.comm.rank)).backward()
    return float(norm), stepped, same, optimizer.skipped_steps, raised, optimizer.step()


def lose_a_rank(how, stamp):
    """One rank ends in the middle of a step."""
    model = zero_shard(toy.Toy(), stage=3)
    for step in range(3):
        if step == 2 and rank() == 1:
            Path(stamp).write_text(str(time.monotonic()))
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif how == "exit":
                os._exit(3)
            raise ValueError("this rank has had enough")
        toy.loss_of(model, toy.tokens_for(step, 0, rank())).backward()


def hang():
    model = zero_shard(toy.Toy(), stage=3)
    if rank() == 1:
        time.sleep(600)
    toy.loss_of(model, toy.tokens_for(0, 0, rank())).backward()


def diverge(how):
    """The ranks take different branches; nobody waits for the time-out."""
    torch.set_num_threads(1)
    model = zero_shard(toy.Toy(), stage=3 if how == "skip" else 2)
    if how == "skip":
        skip = (1,) if rank() == 1 else ()
        return text_of(
            RankMismatch,
            lambda: toy.loss_of(model, toy.tokens_for(0, 0, rank()), skip=skip).backward(),
        )
    if how == "order":
        label = ["blocks.0", "blocks.1"][rank()]
        out, shard = torch.empty(8), torch.ones(4)
        return text_of(
            CollectiveError, lambda: model.comm.all_gather(out, shard, label=label).wait()
        )
    if how == "size":
        n = 4 + rank()
        return text_of(
            CollectiveError,
            lambda: model.comm.all_gather(torch.empty(2 * n), torch.ones(n)).wait(),
        )
    dtype = [torch.float32, torch.bfloat16][rank()]
    return text_of(
        CollectiveError,
        lambda: model.comm.reduce_scatter(torch.ones(8, dtype=dtype), torch.ones(4)).wait(),
    )


# ---- planted faults


@contextmanager
def planted(fault):
    """Break the library in one way."""
    if fault == "unsharded wrapper":
        patch = mock.patch.object(Flat, "release", lambda self: None)
    elif fault == "missing reduce":

        def own_piece_only(self, source, out, start, flags, label):
            n = out.numel()
            out.copy_(source[self.rank * n : (self.rank + 1) * n] * self.size)
            return lambda: 2**20 - 1

        patch = mock.patch.object(DirectExchange, "reduce_scatter", own_piece_only)
    elif fault == "last remainder lost":
        patch = mock.patch.object(
            FlatPlan,
            "shard",
            property(lambda self: max(16, self.span // self.world_size // 16 * 16)),
        )
    else:
        raise ValueError(fault)
    with patch:
        yield


def exact_with(fault):
    """What the test of bit identity finds, with a fault planted."""
    torch.set_num_threads(1)
    parameters, moments = toy.reference(toy.CASES["plain"], dist.get_world_size(), 3)
    with planted(fault):
        try:
            model, optimizer = toy.train(toy.CASES["plain"], 2, 3)
        except (RuntimeError, AssertionError, ValueError) as error:
            return [f"{type(error).__name__}: {error}"]
        return toy.differences(model, optimizer, parameters, moments)


def bytes_with(fault):
    """What the test of state bytes finds: (measured, plan)."""
    with planted(fault):
        measured, plan, *_ = wide.state_and_report(3, False)
    return measured, plan


def shifted_stage():
    """Stage 1 sold as stage 2."""
    model, _ = wide.make(1)
    model.stage = 2
    wide.backward(model)
    numbers = report(model)
    return numbers.measured[model.comm.rank], numbers.plan[model.comm.rank]


def uneven_tokens(average):
    """Ranks with 1 and 3 rows; returns the largest difference from the mean over all rows."""
    torch.set_num_threads(1)
    rows = [1, 3]
    batches = [toy.tokens_for(0, 0, r, rows=rows[r]) for r in range(2)]
    single = toy.Toy()
    toy.loss_of(single, torch.cat(batches)).backward()
    model = zero_shard(toy.Toy(), stage=1, average=average)
    optimizer = ShardedOptimizer(model, lambda groups: torch.optim.SGD(groups, lr=1.0))
    loss = toy.loss_of(model, batches[rank()])
    if not average:  # the global count, agreed on by all
        total = model.comm.sum_over_ranks(torch.tensor([float(rows[rank()])]))
        loss = loss * rows[rank()] / total.item()
    before = model.full_state_dict()
    loss.backward()
    optimizer.step()
    after = model.full_state_dict()
    return max(
        float((before[n] - after[n] - p.grad).abs().max()) for n, p in single.named_parameters()
    )
