"""Checkpoints: any number of ranks to any other, FSDP2 both ways, and no crash leaves a mix."""

import math
import os
import resource
import shutil
import signal
import sys
from unittest import mock

import checkpoint_cases as cases
import pytest
import torch
import toy
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.distributed import (
    CheckpointError,
    RankFailure,
    Ranks,
    ShardedOptimizer,
    latest_valid,
    load,
    save,
    zero_shard,
)
from course_lib.distributed.checkpoint import pieces
from course_lib.distributed.checkpoint.manifest import MANIFEST


def on(pools, world_size, function, *args, **kwargs):
    """Run on a pool, or right here where one rank is enough."""
    if world_size == 1:
        return [function(*args, **kwargs)]
    return pools(world_size).run(function, *args, timeout=300, **kwargs)


def test_any_number_of_ranks_to_any_other(pools, tmp_path):
    for saved_by, save_stage in ((1, 1), (2, 3), (3, 2), (4, 3)):
        folder = str(tmp_path / f"{saved_by}")
        [(digest, later), *others] = on(pools, saved_by, cases.save_at, folder, save_stage)
        assert all(other == (digest, later) for other in others)
        for loaded_by, stage in ((1, 3), (2, 1), (3, 3), (4, 2)):
            results = on(pools, loaded_by, cases.load_at, folder, stage)
            assert {result[0] for result in results} == {digest}, (saved_by, loaded_by)
            if loaded_by == saved_by:  # resumed training is the training that went on
                assert {result[1] for result in results} == {later}


def test_fsdp2_reads_ours(pools, tmp_path):
    [(digest, path), *_] = on(pools, 3, cases.ours_plain, str(tmp_path), 3, write=True)
    for world_size in (2, 4):
        assert set(on(pools, world_size, cases.load_fsdp2, path)) == {digest}


def test_ours_reads_fsdp2(pools, tmp_path):
    folder = str(tmp_path / "fsdp2")
    [digest, *_] = on(pools, 3, cases.save_fsdp2, folder)
    for world_size in (2, 4):
        results = on(pools, world_size, cases.ours_plain, folder, 3, write=False)
        assert {result[0] for result in results} == {digest}


def test_no_rank_holds_a_full_tensor_to_save_or_to_load(pools, tmp_path):
    for saving, loading, whole in on(pools, 4, cases.peaks, str(tmp_path / "a"), 3):
        assert saving < whole and loading < 0.75 * whole, (saving, loading, whole)
    for _, loading, whole in on(pools, 4, cases.peaks, str(tmp_path / "b"), 3, gather=True):
        assert loading > whole  # the planted fault is seen


def test_no_rank_holds_a_full_tensor_that_one_rank_saved(pools, tmp_path, monkeypatch):
    [digest] = on(pools, 1, cases.write_alone, tmp_path / "a")
    for rise, whole, loaded in on(pools, 4, cases.peak_of_reading, tmp_path / "a"):
        assert rise < 0.5 * whole
        assert loaded == digest
    monkeypatch.setattr(pieces, "BOX_ELEMENTS", 2**30)  # the planted fault: one box of everything
    cases.write_alone(tmp_path / "b")
    for rise, whole, loaded in on(pools, 4, cases.peak_of_reading, tmp_path / "b"):
        assert rise >= whole
        assert loaded == digest


@settings(deadline=None)  # a loaded machine
@given(st.lists(st.integers(0, 9), max_size=3).map(tuple), st.integers(1, 20), st.data())
def test_boxes_tile_a_part_and_none_is_larger_than_the_limit(shape, limit, data):
    whole = torch.arange(math.prod(shape)).view(shape)
    start = data.draw(st.integers(0, whole.numel()))
    stop = data.draw(st.integers(start, whole.numel()))
    with mock.patch.object(pieces, "BOX_ELEMENTS", limit):
        part = pieces.ParameterPart(shape, start, whole.reshape(-1)[start:stop].clone())
    seen = []
    for offsets, box in part.boxes.items():
        assert box.numel() <= limit
        place = tuple(slice(o, o + n) for o, n in zip(offsets, box.shape, strict=True))
        assert torch.equal(whole[place], box)
        seen += box.reshape(-1).tolist()
    assert seen == list(range(start, stop))


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory):
    """A folder with step 1, and the model and optimizer one step later."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("old")
    model, optimizer = cases.make(cases.PLAIN, 2)
    cases.steps(model, optimizer, range(1), cases.PLAIN)
    save(folder, 1, model, optimizer)
    old = cases.fingerprint(model, optimizer)
    cases.steps(model, optimizer, range(1, 2), cases.PLAIN)
    return folder, model, optimizer, {1: old, 2: cases.fingerprint(model, optimizer)}


def in_child(action):
    """Run in a forked process; return its exit code, negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def state_of(folder):
    """Load what the folder offers, and say which step's state it is."""
    model, optimizer = cases.make(cases.PLAIN, 2, seed=9)
    content = load(folder, model, optimizer)
    return content["step"], cases.fingerprint(model, optimizer)


def test_killed_at_every_file_operation(two_steps, tmp_path):
    folder, model, optimizer, digests = two_steps
    seen, operations = [], 0
    for at in range(1, 200):
        copy = tmp_path / f"{at}"
        shutil.copytree(folder, copy)
        killer = cases.Killer(copy, at)

        def action(killer=killer, copy=copy):
            killer.install()
            save(copy, 2, model, optimizer)

        code = in_child(action)
        step, digest = state_of(copy)
        assert digest == digests[step], f"killed at operation {at}: a mix"
        assert latest_valid(copy).name == f"step-{step:08d}"
        seen.append(step)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        operations = at
        # and the next save goes through, over what the crash left
        if step == 1:
            assert in_child(lambda copy=copy: save(copy, 2, model, optimizer)) == 0
            assert state_of(copy) == (2, digests[2])
        shutil.rmtree(copy)
    assert operations >= 8, "the crash points were not found"
    assert seen[0] == 1 and seen[-1] == 2
    assert seen == sorted(seen)


def test_a_rank_killed_in_a_save_of_two_leaves_the_old_step(tmp_path):
    with Ranks(2, echo=False, collective_timeout=60) as ranks:
        [digest, _] = ranks.run(cases.save_first, tmp_path, timeout=60)
        with pytest.raises(RankFailure, match="rank 1 of 2 failed first: died from signal SIGKILL"):
            ranks.run(cases.killed_in_second, tmp_path, timeout=60)
    partial = tmp_path / "step-00000002.partial"
    assert (partial / "__0_0.distcp").stat().st_size and not (partial / "__1_0.distcp").exists()
    assert state_of(tmp_path) == (1, digest)
    assert latest_valid(tmp_path).name == "step-00000001"


@pytest.mark.parametrize("limit", [0, 1, 100, 1000, 5000, 20000])
def test_killed_in_the_middle_of_a_write(two_steps, tmp_path, limit):
    folder, model, optimizer, digests = two_steps
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)

    def action():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        save(copy, 2, model, optimizer)

    assert in_child(action) in (-signal.SIGXFSZ, 1)
    assert state_of(copy) == (1, digests[1])


def test_full_disk_is_an_error_and_the_old_checkpoint_stays(two_steps, tmp_path):
    folder, model, optimizer, digests = two_steps
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)

    def action():  # Python ignores the signal, and the write fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(CheckpointError, match="could not write the checkpoint: rank 0"):
            save(copy, 2, model, optimizer)

    assert in_child(action) == 0
    assert state_of(copy) == (1, digests[1])


def test_every_flipped_bit_is_refused(two_steps, tmp_path):
    folder, *_ = two_steps
    step = folder / "step-00000001"
    for file in sorted(path for path in step.iterdir() if path.name != MANIFEST):
        for position in (0, file.stat().st_size // 2, file.stat().st_size - 1):
            copy = tmp_path / "copy"
            shutil.copytree(folder, copy)
            damaged = copy / step.name / file.name
            data = bytearray(damaged.read_bytes())
            data[position] ^= 1
            damaged.write_bytes(data)
            model, optimizer = cases.make(cases.PLAIN, 2)
            with pytest.raises(CheckpointError, match=f"{file.name} is damaged"):
                load(copy / step.name, model, optimizer)
            assert latest_valid(copy) is None
            with pytest.raises(CheckpointError, match="no finished checkpoint"):
                load(copy, model, optimizer)
            shutil.rmtree(copy)


def test_missing_and_cut_files_are_named(two_steps, tmp_path):
    folder, model, optimizer, _ = two_steps
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    data = copy / "step-00000001" / "__0_0.distcp"
    content = data.read_bytes()
    data.write_bytes(content[:-5])
    with pytest.raises(CheckpointError, match=r"__0_0.distcp has \d+ bytes, wanted"):
        load(copy / "step-00000001", model, optimizer)
    data.unlink()
    with pytest.raises(CheckpointError, match="__0_0.distcp is missing"):
        load(copy / "step-00000001", model, optimizer)
    (copy / "step-00000001" / MANIFEST).unlink()
    with pytest.raises(CheckpointError, match="no finished checkpoint: it has no manifest"):
        load(copy / "step-00000001", model, optimizer)
    assert latest_valid(tmp_path / "nowhere") is None


def test_what_does_not_fit_is_listed(two_steps):
    folder, *_ = two_steps

    class Wider(toy.Toy):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.LayerNorm(12)
            self.gain = torch.nn.Parameter(torch.ones(3))
            del self.head

    model = zero_shard(Wider(), stage=1)
    with pytest.raises(CheckpointError) as error:
        load(folder, model)
    text = str(error.value)
    assert "missing ['gain']" in text
    assert "not known ['head.weight']" in text
    assert "norm.weight: saved [10], wanted [12]" in text


def test_another_optimizer_is_refused(two_steps):
    folder, *_ = two_steps
    model = zero_shard(toy.Toy(), stage=1)
    with pytest.raises(CheckpointError, match="state of AdamW, this optimizer is SGD"):
        load(folder, model, ShardedOptimizer(model, toy.sgd))
    model = zero_shard(toy.Toy(), stage=1)
    with pytest.raises(CheckpointError, match="2 parameter groups, this optimizer has 1"):
        load(folder, model, ShardedOptimizer(model, toy.adamw))


def test_a_step_is_never_written_over(two_steps):
    folder, model, optimizer, digests = two_steps
    with pytest.raises(CheckpointError, match="a checkpoint is never written over"):
        save(folder, 1, model, optimizer)
    assert state_of(folder) == (1, digests[1])
    with pytest.raises(ValueError, match="step must not be negative, got -1"):
        save(folder, -1, model, optimizer)


def test_a_folder_that_cannot_be_written(two_steps, tmp_path):
    _, model, optimizer, _ = two_steps
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="could not prepare the checkpoint: rank 0"):
        save(tmp_path / "file", 2, model, optimizer)


def test_learning_rate_comes_back(two_steps, tmp_path):
    model, optimizer = cases.make(cases.PLAIN, 2)
    optimizer.param_groups[0]["lr"] = 0.125
    save(tmp_path, 1, model, optimizer)
    model, optimizer = cases.make(cases.PLAIN, 2)
    load(tmp_path, model, optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.125
