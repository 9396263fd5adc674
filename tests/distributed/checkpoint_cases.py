"""What ranks run for the checkpoint tests."""

import hashlib
import os
import signal
import sys
import time

import torch
import toy

from course_lib.distributed import ShardedOptimizer, load, save, to_fsdp2, zero_shard

CASE = toy.CASES["everything"] | {"micros": 1}
PLAIN = toy.CASES["groups"]


def make(case, stage, seed=0):
    model = toy.Toy(**case.get("model", {}), seed=seed)
    toy.freeze(model, case.get("frozen", ()))
    groups = toy.decay_groups(model)
    model = zero_shard(model, stage=stage)
    return model, ShardedOptimizer(model, toy.adamw, groups=groups)


def steps(model, optimizer, numbers, case):
    rank = model.comm.rank
    for step in numbers:
        toy.loss_of(model, toy.tokens_for(step, 0, rank)).backward()
        optimizer.clip_grad_norm_(0.5)
        optimizer.step()
        optimizer.zero_grad()


def fingerprint(model, optimizer):
    """One digest of all parameters and all moments, whatever the number of ranks."""
    digest = hashlib.sha256()
    for name, value in sorted(model.full_state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    pieces = [
        (p.name, p.start, key, value.reshape(-1))
        for p in optimizer.pieces
        for key, value in optimizer.optimizer.state.get(p.value, {}).items()
    ]
    if model.stage == 0:
        everyone = [pieces]
    else:
        everyone = model.comm.gather_objects(pieces)
    whole = {}
    for name, _start, key, value in sorted(
        (item for part in everyone for item in part), key=lambda item: item[:3]
    ):
        whole.setdefault((name, key), []).append(value if key != "step" else value[:1])
    for (name, key), values in sorted(whole.items()):
        data = values[0] if key == "step" else torch.cat(values)
        digest.update(f"{name} {key}".encode() + data.numpy().tobytes())
    return digest.hexdigest()


def save_at(folder, stage):
    torch.set_num_threads(1)
    model, optimizer = make(CASE, stage)
    steps(model, optimizer, range(3), CASE)
    save(folder, 3, model, optimizer, extra={"note": "three"})
    digest = fingerprint(model, optimizer)
    steps(model, optimizer, range(3, 5), CASE)
    return digest, fingerprint(model, optimizer)


def load_at(folder, stage):
    torch.set_num_threads(1)
    model, optimizer = make(CASE, stage, seed=7)
    content = load(folder, model, optimizer)
    assert content["step"] == 3 and content["extra"] == {"note": "three"}
    digest = fingerprint(model, optimizer)
    steps(model, optimizer, range(3, 5), CASE)
    return digest, fingerprint(model, optimizer)


def fsdp2(seed=0):
    model = toy.Toy(**PLAIN.get("model", {}), seed=seed)
    to_fsdp2(model)
    return model, toy.adamw([{"params": list(model.parameters())}])


def fsdp2_digest(model, optimizer):
    """Parameters and first moments by name."""
    digest = hashlib.sha256()
    for name, p in model.named_parameters():
        digest.update(name.encode() + p.full_tensor().detach().numpy().tobytes())
        for key in ("exp_avg", "exp_avg_sq"):
            digest.update(optimizer.state[p][key].full_tensor().numpy().tobytes())
    return digest.hexdigest()


def our_digest(model, optimizer):
    digest = hashlib.sha256()
    full = model.full_state_dict()
    pieces = [
        (p.name, p.start, {k: v for k, v in optimizer.optimizer.state[p.value].items()})
        for p in optimizer.pieces
    ]
    pieces = sorted(
        (item for part in model.comm.gather_objects(pieces) for item in part),
        key=lambda item: item[:2],
    )
    for name, _ in model.module.named_parameters():
        digest.update(name.encode() + full[name].numpy().tobytes())
        for key in ("exp_avg", "exp_avg_sq"):
            parts = [state[key] for owner, _, state in pieces if owner == name]
            digest.update(torch.cat(parts).numpy().tobytes())
    return digest.hexdigest()


def save_fsdp2(folder):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.state_dict import get_state_dict

    torch.set_num_threads(1)
    model, optimizer = fsdp2()
    import torch.distributed as dist

    for step in range(3):
        toy.loss_of(model, toy.tokens_for(step, 0, dist.get_rank())).backward()
        optimizer.step()
        optimizer.zero_grad()
    model_state, optimizer_state = get_state_dict(model, optimizer)
    dcp.save({"model": model_state, "optim": optimizer_state}, checkpoint_id=folder)
    return fsdp2_digest(model, optimizer)


def load_fsdp2(folder):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    model, optimizer = fsdp2(seed=5)
    model_state, optimizer_state = get_state_dict(model, optimizer)
    dcp.load({"model": model_state, "optim": optimizer_state}, checkpoint_id=folder)
    set_state_dict(model, optimizer, model_state_dict=model_state, optim_state_dict=optimizer_state)
    return fsdp2_digest(model, optimizer)


def ours_plain(folder, stage, *, write):
    model = zero_shard(toy.Toy(seed=0 if write else 5), stage=stage)
    optimizer = ShardedOptimizer(model, toy.adamw)
    if write:
        steps(model, optimizer, range(3), PLAIN)
        path = str(save(folder, 3, model, optimizer))
    else:
        load(folder, model, optimizer, foreign=True)
        path = folder
    return our_digest(model, optimizer), path


def one_layer(stage, width):
    """A model of one parameter, so that sums hide none, after one step."""
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(width, 1024, bias=False))
    model = zero_shard(model, stage=stage, units=["0"])
    optimizer = ShardedOptimizer(model, toy.adamw)
    model(torch.ones(2, width)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    return model, optimizer


def peaks(folder, stage, gather=False):
    """How far memory rises while saving and while loading, and the bytes of the one parameter.

    Loading makes new moments for this rank's own part; they stay, and are not counted. With
    ``gather``, the fault: the whole parameter is put together on the way.
    """
    from course_lib.distributed.memory.measure import peak_bytes

    def read(model, optimizer):
        load(folder, model, optimizer)
        if gather:
            whole = model.full_state_dict()
            assert whole

    saved, loaded = one_layer(stage, 512), one_layer(stage, 512)
    saving = peak_bytes(lambda: save(folder, 1, *saved))
    loading = peak_bytes(lambda: read(*loaded))
    whole = 4 * 512 * 1024
    return saving, loading - 2 * whole // saved[0].comm.world_size, whole


def write_alone(folder):
    """Save two MiB elements from one rank; return the parameter's digest."""
    model, optimizer = one_layer(3, 2048)
    save(folder, 1, model, optimizer)
    return fingerprint(model, optimizer)


def peak_of_reading(folder):
    """How far memory rises while loading what :func:`write_alone` wrote, the bytes of the whole."""
    from course_lib.distributed.memory.measure import peak_bytes

    model, optimizer = one_layer(3, 2048)
    whole = 4 * 2048 * 1024
    rise = peak_bytes(lambda: load(folder, model, optimizer))
    return rise - 2 * whole // model.comm.world_size, whole, fingerprint(model, optimizer)


class Killer:
    """Ends the process at the n-th file operation inside a folder."""

    def __init__(self, folder, at):
        self.folder, self.at, self.count = str(folder), at, 0
        self.fsync = os.fsync

    def install(self):
        sys.addaudithook(self.hear)
        os.fsync = self.sync

    def sync(self, descriptor):
        self.tick()
        self.fsync(descriptor)

    def hear(self, event, args):
        if event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir") or (
            event == "open" and isinstance(args[1], str) and args[1][0] in "wxa"
        ):
            if str(args[0]).startswith(self.folder):
                self.tick()

    def tick(self):
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def save_first(folder):
    """Train one step on all ranks and save it."""
    torch.set_num_threads(1)
    model, optimizer = make(PLAIN, 3)
    steps(model, optimizer, range(1), PLAIN)
    save(folder, 1, model, optimizer)
    return fingerprint(model, optimizer)


def killed_in_second(folder):
    """Save one step more; rank 1 is killed opening its file, after rank 0 has written its own."""
    model, optimizer = make(PLAIN, 3)
    load(folder, model, optimizer)
    steps(model, optimizer, range(1, 2), PLAIN)
    other = folder / "step-00000002.partial" / "__0_0.distcp"

    def hear(event, args):
        if event == "open" and str(args[0]).endswith("__1_0.distcp"):
            deadline = time.monotonic() + 20
            while not (other.exists() and other.stat().st_size) and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

    if model.comm.rank == 1:
        sys.addaudithook(hear)
    save(folder, 2, model, optimizer)
