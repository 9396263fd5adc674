"""Checkpoints that were damaged, or made by somebody who means harm."""

import io
import json
import pickle
import random
import shutil

import odd_models
import pytest
import torch
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    MetadataIndex,
)

from course_lib.distributed import (
    CheckpointError,
    ShardedOptimizer,
    latest_valid,
    load,
    save,
    zero_shard,
)
from course_lib.distributed.checkpoint import manifest

DATA = "__0_0.distcp"


def make(name="plain", stage=1):
    model = zero_shard(odd_models.build(name), stage=stage)
    optimizer = ShardedOptimizer(model, odd_models.adamw)
    return model, optimizer


def train(model, optimizer, steps):
    for step in steps:
        model(odd_models.batch(step, 0)).backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    model, optimizer = make()
    train(model, optimizer, range(2))
    save(folder, 2, model, optimizer, extra={"note": "two", "loss": 0.25})
    return folder


@pytest.fixture
def step(written, tmp_path):
    """A copy of the checkpoint, to be changed."""
    shutil.copytree(written, tmp_path / "copy")
    return tmp_path / "copy" / "step-00000002"


def seal(folder, **changes):
    """Change the manifest and renew its digest, and those of the files that are there."""
    content = json.loads((folder / manifest.MANIFEST).read_text())
    del content["digest"]
    for name in content["files"]:
        content["files"][name] = manifest.digest_file(folder / name)
    content |= changes
    (folder / manifest.MANIFEST).write_text(manifest.render(content))


def refused(folder, match=None, **options):
    """The checkpoint is refused, and neither model nor optimizer has changed."""
    model, optimizer = make()
    train(model, optimizer, [7])
    before, groups = model.full_state_dict(), optimizer.optimizer.state_dict()
    rates = [group["lr"] for group in optimizer.param_groups]
    with pytest.raises(CheckpointError, match=match):
        load(folder, model, optimizer, **options)
    after = model.full_state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [group["lr"] for group in optimizer.param_groups] == rates
    for key, state in optimizer.optimizer.state_dict()["state"].items():
        assert all(torch.equal(state[k], v) for k, v in groups["state"][key].items())


def test_every_flipped_bit_of_the_manifest_is_refused(step):
    file = step / manifest.MANIFEST
    data = file.read_bytes()
    model, optimizer = make()
    places = random.Random(0).sample(range(8 * len(data)), 400)
    for place in places:
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises(CheckpointError, match=r"manifest.json"):
            load(step, model, optimizer)
        assert latest_valid(step.parent) is None
    for length in (0, 1, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            load(step, model, optimizer)
    for text in ("[" * 10**5, "null", "[]", '{"format": 2}', '{"format": 1}', " " * 100, "\xff"):
        file.write_text(text)
        with pytest.raises(CheckpointError, match=r"manifest.json"):
            load(step, model, optimizer)


EDITS = [
    {"step": None},
    {"step": -1},
    {"step": True},
    {"step": 1.5},
    {"world_size": 0},
    {"world_size": "2"},
    {"files": {}},
    {"files": []},
    {"files": None},
    {"files": {".metadata": {}}},
    {"files": {".metadata": {"bytes": 1}}},
    {"files": {".metadata": {"bytes": "1", "sha256": "0" * 64}}},
    {"files": {".metadata": 3}},
    {"optimizer": 3},
    {"optimizer": ["AdamW"]},
    {"optimizer": "SGD"},
    {"groups": None},
    {"groups": [3]},
    {"groups": [{"lr": "x"}]},
    {"groups": [{"lr": [1]}]},
    {"groups": [{"lr": True}]},
    {"groups": [{"betas": [0.9, "x"]}]},
    {"groups": [{"params": []}]},
    {"groups": [{}, {}]},
    {"extra": None},
    {"extra": []},
    {"format": 1},
]


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_edits_with_a_good_digest(step, edit):
    seal(step, **edit)
    refused(step)


@pytest.mark.parametrize("key", ["step", "world_size", "files", "groups", "extra", "format"])
def test_a_missing_entry(step, key):
    content = json.loads((step / manifest.MANIFEST).read_text())
    del content["digest"], content[key]
    (step / manifest.MANIFEST).write_text(manifest.render(content))
    refused(step)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "", "notes.txt"])
def test_files_that_are_none_of_a_checkpoint(step, name):
    content = json.loads((step / manifest.MANIFEST).read_text())
    entry = content["files"][DATA]
    seal(step, files={**content["files"], name: entry})
    refused(step, "which is no file of a checkpoint")


def test_a_file_that_is_read_must_be_listed(step):
    seal(step, files={".metadata": manifest.digest_file(step / ".metadata")})
    refused(step, f"names the file '{DATA}', which is not listed")


class Run:
    """What harms when it is unpickled: it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


class Nested(Run):
    def __reduce__(self):
        import os

        return os.system, (f"touch {self.path}",)


def metadata_of(step):
    with (step / ".metadata").open("rb") as file:
        return pickle.load(file)


@pytest.mark.parametrize("harm", [Run, Nested])
@pytest.mark.parametrize("where", ["alone", "inside"])
@pytest.mark.parametrize("foreign", [False, True])
def test_no_code_of_the_description_is_run(step, tmp_path, harm, where, foreign):
    stamp = tmp_path / "was here"
    content = harm(stamp)
    if where == "inside":
        content = metadata_of(step)
        content.planner_data = harm(stamp)
    (step / ".metadata").write_bytes(pickle.dumps(content))
    seal(step)
    refused(step, "describes no tensor", foreign=foreign)
    assert not stamp.exists()


@pytest.mark.parametrize("foreign", [False, True])
def test_no_code_in_the_place_of_a_tensor_is_run(step, tmp_path, foreign):
    """An entry says that it is no tensor, and its bytes are a pickle."""
    stamp = tmp_path / "was here"
    for key in ("model.first.weight", "optim.state.first.weight.exp_avg"):
        content = metadata_of(step)
        old = next(index for index in content.storage_data if index.fqn == key)
        body = io.BytesIO()
        torch.save(Run(stamp), body)
        (step / "__0_1.distcp").write_bytes(body.getvalue())
        info = content.storage_data.pop(old)
        info.relative_path, info.offset, info.length = "__0_1.distcp", 0, len(body.getvalue())
        content.storage_data[MetadataIndex(key)] = info
        content.state_dict_metadata[key] = BytesStorageMetadata()
        (step / ".metadata").write_bytes(pickle.dumps(content))
        listed = {name: {} for name in (".metadata", DATA, "__0_1.distcp")}
        seal(step, files={name: manifest.digest_file(step / name) for name in listed})
        model, optimizer = make()
        try:
            load(step, model, optimizer, foreign=foreign)
        except CheckpointError as error:
            assert key.startswith("optim") or "something else than a tensor" in str(error)
        assert not stamp.exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "sub/file", 3])
def test_the_description_cannot_point_outside(step, name):
    content = metadata_of(step)
    for info in content.storage_data.values():
        info.relative_path = name
    (step / ".metadata").write_bytes(pickle.dumps(content))
    seal(step)
    refused(step, "which is not listed")
    refused(step, "which is not listed", foreign=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80", b"not a pickle", pickle.dumps(3), pickle.dumps({"a": 1}), pickle.dumps(None)],
)
def test_descriptions_that_are_none(step, content):
    (step / ".metadata").write_bytes(content)
    seal(step)
    refused(step, "describes no checkpoint")
    refused(step, "describes no checkpoint", foreign=True)


def test_damaged_descriptions_of_foreign_checkpoints(step):
    """No manifest guards them: whatever a flipped bit does, it is no other kind of error."""
    data = (step / ".metadata").read_bytes()
    chance = random.Random(0)
    model, optimizer = make()
    for _ in range(300):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (step / ".metadata").write_bytes(changed)
        try:
            load(step, model, optimizer, foreign=True)
        except CheckpointError:
            continue


ODD = ["no dimension", "no elements", "no elements, used", "only no elements, in a block"]
ODD += ["double precision", "integers", "tied blocks", "tied to the root", "frozen parts"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ODD)
def test_a_pause_changes_nothing(tmp_path, name, stage):
    model, optimizer = make(name, stage)
    train(model, optimizer, range(2))
    save(tmp_path, 2, model, optimizer)
    train(model, optimizer, range(2, 4))
    again, resumed = make(name, stage)
    load(tmp_path, again, resumed)
    train(again, resumed, range(2, 4))
    expected, found = model.full_state_dict(), again.full_state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def paused(folder, name, stage, loader_stage):
    """On ranks: save, go on; load at another stage, go on; return what differs."""
    torch.set_num_threads(1)
    model = zero_shard(odd_models.build(name), stage=stage)
    optimizer = ShardedOptimizer(model, odd_models.adamw)

    def go(model, optimizer, steps):
        for step in steps:
            model(odd_models.batch(step, model.comm.rank)).backward()
            optimizer.step()
            optimizer.zero_grad()

    go(model, optimizer, range(2))
    save(folder, 2, model, optimizer)
    go(model, optimizer, range(2, 4))
    again = zero_shard(odd_models.build(name), stage=loader_stage)
    resumed = ShardedOptimizer(again, odd_models.adamw)
    load(folder, again, resumed)
    go(again, resumed, range(2, 4))
    expected, found = model.full_state_dict(), again.full_state_dict()
    return [key for key, value in expected.items() if not torch.equal(found[key], value)]


def test_a_pause_of_two_ranks_changes_nothing(pools, tmp_path):
    for number, name in enumerate(ODD):
        folder = tmp_path / str(number)
        stage, other = number % 4, (number + 1) % 4
        assert pools(2).run(paused, folder, name, stage, other, timeout=100) == [[], []], name


def drift(folder):
    """Running statistics of every rank, before and after a pause."""
    model = zero_shard(
        torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1)), units=[], stage=1
    )
    rank = model.comm.rank
    model(torch.full((4, 3), float(1 + rank)) + torch.arange(4.0)[:, None])
    saved = model.module[0].running_mean.clone()
    save(folder, 1, model)
    load(folder, model)
    return saved.tolist(), model.module[0].running_mean.tolist()


def test_statistics_come_back_from_rank_0(pools, tmp_path):
    first, second = pools(2).run(drift, tmp_path, timeout=100)
    assert first[0] != second[0]
    assert first[1] == first[0] == second[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.last.double(), "saved in torch.float32, wanted torch.float64"),
        (lambda m: m.register_buffer("more", torch.ones(1)), "missing \\['more'\\]"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_changes(written, change, message):
    module = odd_models.build("plain")
    change(module)
    with pytest.raises(CheckpointError, match=message):
        load(written, zero_shard(module, stage=2))


@pytest.mark.parametrize("bad", [1.5, "3", True, None])
def test_steps_that_are_no_integers(tmp_path, bad):
    model, _ = make()
    with pytest.raises(TypeError, match="step"):
        save(tmp_path, bad, model)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("extra", "where"),
    [
        ({"a": {1: 2}}, r"extra\['a'\] has the key 1"),
        ({"a": {"b": [0, {2: 1}]}}, r"extra\['a'\]\['b'\]\[1\] has the key 2"),
        ({"a": ({2: 1},)}, r"extra\['a'\]\[0\] has the key 2"),
        ({"a": {1}}, r"extra\['a'\] is a set"),
        ({"a": torch.ones(1)}, r"extra\['a'\] is a Tensor"),
        ({"a": b"x"}, r"extra\['a'\] is a bytes"),
    ],
)
def test_what_json_would_change_is_refused_at_once(tmp_path, extra, where):
    model, _ = make()
    with pytest.raises(TypeError, match=where):
        save(tmp_path, 1, model, extra=extra)
    assert not list(tmp_path.iterdir())


def test_what_killed_saves_left_is_removed(written, tmp_path):
    model, optimizer = make()
    for name in ("step-00000001.partial", "step-00000009.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / DATA).write_bytes(b"x" * 1000)
    save(tmp_path, 5, model, optimizer)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


def test_no_room_on_the_disk(tmp_path, monkeypatch):
    model, optimizer = make()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 50, 50))
    with pytest.raises(CheckpointError, match=r"no space left in .*: it needs [\d,]+ bytes"):
        save(tmp_path, 5, model, optimizer)
    assert not list(tmp_path.iterdir())
