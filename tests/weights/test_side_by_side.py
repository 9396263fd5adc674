"""Several processes at one folder, what killed ones left, and shards of two checkpoints."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from course_lib import Transformer, files, renames
from course_lib.weights import load, load_head, save, save_pretrained, swap
from tests.saves import filled

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks writers")


def values(model):
    return {float(value) for tensor in model.state_dict().values() for value in tensor.unique()}


def keep_saving(folder, value, limit, enough):
    torch.set_num_threads(1)
    model = filled(value)
    save_pretrained(model, folder, max_shard_bytes=limit)
    while not enough.is_set():
        save_pretrained(model, folder, max_shard_bytes=limit)


@pytest.mark.processes
@FORK
@pytest.mark.parametrize("limit", [10**9, 20_000])
def test_two_writers_and_a_reader(tmp_path, limit):
    """Every load is wholly one save's, and the folder holds a whole checkpoint at the end."""
    folder = tmp_path / "model"
    context = multiprocessing.get_context("fork")
    enough = context.Event()
    writers = [
        context.Process(target=keep_saving, args=(folder, value, limit, enough)) for value in (1, 2)
    ]
    for writer in writers:
        writer.start()
    try:
        n_loads = 0
        while n_loads < 20:
            assert all(writer.exitcode in (None, 0) for writer in writers)
            if (folder / "config.json").exists():
                assert len(values(load.load_pretrained(folder))) == 1
                n_loads += 1
    finally:
        enough.set()
        for writer in writers:
            writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert values(Transformer.from_pretrained(folder)) in ({1.0}, {2.0})
    assert not [f.name for f in folder.iterdir() if f.is_symlink() or f.name.startswith(".")]
    assert os.listdir(tmp_path) == ["model"]


def test_a_file_exchanged_in_the_middle_of_a_load_is_seen(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    save_pretrained(filled(2.0), tmp_path / "other")
    real, calls = load._fill, []

    def fill(model, checkpoint, rules):
        real(model, checkpoint, rules[: len(rules) // 2])
        if not calls:
            os.replace(tmp_path / "other" / "model.safetensors", folder / "model.safetensors")
        calls.append(1)
        real(model, checkpoint, rules[len(rules) // 2 :])

    monkeypatch.setattr(load, "_fill", fill)
    assert values(Transformer.from_pretrained(folder)) == {2.0}
    assert len(calls) == 2


def test_a_link_that_becomes_a_file_as_it_is_followed_is_seen(tmp_path, monkeypatch):
    """Of the two names of one file the reader has the one that is gone, and not yet the other."""
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    with monkeypatch.context() as patched:  # the second save stops before its links become files
        for module in (save, swap):
            patched.setattr(module, "settle", lambda folder: None)
        save_pretrained(filled(2.0), folder)
    weights = folder / "model.safetensors"
    assert weights.is_symlink()
    real = Path.is_file

    def is_file(path):
        if path == weights and path.is_symlink():
            swap.settle(folder)
            return False
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert values(Transformer.from_pretrained(folder)) == {2.0}
    assert not weights.is_symlink()


def test_a_save_that_fails_as_its_links_are_followed_is_seen(tmp_path, monkeypatch):
    """Its links become the same files again, which have had another name meanwhile."""
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    weights, real, replace = folder / "model.safetensors", Path.is_file, os.replace
    followed = []

    def full(source, target):
        if Path(target).name == "current":
            raise OSError(errno.ENOSPC, "no room")
        replace(source, target)

    def is_file(path):
        if path != weights or followed or not real(path):
            return real(path)
        followed.append(path)
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", full)
            with pytest.raises(OSError, match="no room"):
                save_pretrained(filled(2.0), folder)
        return False

    monkeypatch.setattr(Path, "is_file", is_file)
    assert values(Transformer.from_pretrained(folder)) == {1.0}
    assert followed and not list(folder.glob(".*"))


def test_files_that_a_load_does_not_read_may_change(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    real, names = load._fill, ["log.json", "tokenizer.json", "checkpoint.safetensors", "other.bin"]

    def fill(model, checkpoint, rules):
        for name in names:
            with (folder / name).open("a") as file:
                file.write("{}")
        real(model, checkpoint, rules)

    monkeypatch.setattr(load, "_fill", fill)
    assert values(Transformer.from_pretrained(folder)) == {1.0}
    assert {(folder / name).read_text() for name in names} == {"{}"}


def test_a_folder_that_never_rests_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    real, count = load._fill, iter(range(100))

    def fill(model, checkpoint, rules):
        real(model, checkpoint, rules)
        os.utime(folder / "model.safetensors", (0, next(count)))

    monkeypatch.setattr(load, "_fill", fill)
    with pytest.raises(ValueError, match="model was written while it was read, 4 times"):
        Transformer.from_pretrained(folder)


@pytest.mark.processes
def test_many_save_to_a_folder_that_is_not_there_yet(tmp_path):
    context = multiprocessing.get_context("fork")
    enough = context.Event()
    enough.set()
    ranks = [
        context.Process(target=keep_saving, args=(tmp_path / "new", 3, n, enough))
        for n in (20_000, 10**9, 30_000)
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert [rank.exitcode for rank in ranks] == [0, 0, 0]
    assert values(Transformer.from_pretrained(tmp_path / "new")) == {3.0}
    assert os.listdir(tmp_path) == ["new"]


@pytest.mark.parametrize("system", [True, False])
def test_a_folder_that_another_has_just_made_is_not_taken_away(tmp_path, monkeypatch, system):
    """It may be locked already: a plain rename would put this save's folder in its place."""
    if not system:
        monkeypatch.setattr(renames, "_renameat2", lambda first, second, flag: errno.ENOSYS)
    folder, real, was = tmp_path / "model", renames.rename_to_new, []

    def rename(path, name):
        folder.mkdir()
        was.append(folder.stat().st_ino)
        return real(path, name)

    monkeypatch.setattr(save, "rename_to_new", rename)
    save_pretrained(filled(1.0), folder)
    assert was == [folder.stat().st_ino]
    assert values(Transformer.from_pretrained(folder)) == {1.0}
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(not hasattr(os, "link"), reason="has no second names to be refused")
def test_where_a_file_may_have_no_second_name_all_is_exchanged_at_once_too(tmp_path, monkeypatch):
    """So it is with files of another user, where the system protects them, and on some disks."""
    folder, seen = tmp_path / "model", []
    save_pretrained(filled(1.0), folder, max_shard_bytes=20_000)
    (folder / "config.json").chmod(0o444)

    def link(source, target):
        raise PermissionError(errno.EPERM, "Operation not permitted", source)

    def looking(real):
        def change(*arguments, **named):
            with monkeypatch.context() as patched:
                patched.setattr(os, "replace", replace)
                seen.append(values(load.read_pretrained(folder)))
            return real(*arguments, **named)

        return change

    replace = os.replace
    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "replace", looking(replace))
    monkeypatch.setattr(os, "symlink", looking(os.symlink))
    save_pretrained(filled(2.0), folder)
    assert all(len(found) == 1 for found in seen)
    told = [value for found in seen for value in found]
    assert told == sorted(told) and set(told) == {1.0, 2.0}


@pytest.mark.processes
@FORK
@pytest.mark.parametrize("there", [False, True])
def test_the_next_save_removes_what_killed_ones_left(tmp_path, there):
    folder = tmp_path / "model"
    if there:
        save_pretrained(filled(1.0), folder)
    n_left = 0
    for n in range(1, 12):
        child = os.fork()
        if child == 0:
            real, seen = files.sync, []

            def sync(path, real=real, seen=seen, n=n):
                seen.append(path)
                if len(seen) == n:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(path)

            from course_lib.weights import save, swap

            files.sync = save.sync = swap.sync = sync
            save_pretrained(filled(2.0), folder, max_shard_bytes=20_000)
            os._exit(0)
        os.waitpid(child, 0)
        left = [f for f in tmp_path.rglob(".*")]
        n_left += bool(left)
        save_pretrained(filled(3.0), folder, max_shard_bytes=20_000)
        assert list(tmp_path.rglob(".*")) == []
        assert values(Transformer.from_pretrained(folder)) == {3.0}
        if not there:
            shutil.rmtree(folder)
    assert n_left > 3


def test_shards_of_two_saves(tmp_path):
    save_pretrained(filled(1.0), tmp_path / "a", max_shard_bytes=20_000)
    save_pretrained(filled(2.0), tmp_path / "b", max_shard_bytes=20_000)
    shards = sorted(file.name for file in (tmp_path / "a").glob("model-*"))
    assert len(shards) > 2
    for name in shards:
        mixed = tmp_path / f"mixed-{name}"
        shutil.copytree(tmp_path / "a", mixed)
        shutil.copy(tmp_path / "b" / name, mixed / name)
        for read in (Transformer.from_pretrained, lambda f: load_head(f, "sequence")):
            with pytest.raises(ValueError, match=r"mixed-.*they are of two checkpoints"):
                read(mixed)


def test_shards_that_say_nothing_are_read(tmp_path):
    """Published shards know nothing of a save."""
    from safetensors.torch import load_file, save_file

    save_pretrained(filled(1.0), tmp_path / "a", max_shard_bytes=20_000)
    for file in (tmp_path / "a").glob("model-*"):
        save_file(load_file(file), file, metadata={"format": "pt"})
    assert values(Transformer.from_pretrained(tmp_path / "a")) == {1.0}


@pytest.mark.parametrize("dtype", ["float16", 16, torch.tensor(1.0)])
def test_a_type_that_is_none(tmp_path, dtype):
    save_pretrained(filled(1.0), tmp_path / "a")
    with pytest.raises(TypeError, match="dtype"):
        load.load_pretrained(tmp_path / "a", dtype=dtype)
    with pytest.raises(TypeError, match="dtype"):
        load.check_placement(None, dtype)


@pytest.mark.parametrize(
    ("device", "error"), [("abc", ValueError), ("cpu:x", ValueError), (1.5, TypeError)]
)
def test_a_device_that_is_none(tmp_path, device, error):
    save_pretrained(filled(1.0), tmp_path / "a")
    with pytest.raises(error, match="device"):
        load.load_pretrained(tmp_path / "a", device=device)


def test_an_empty_name_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="folder is empty"):
        save_pretrained(filled(1.0), "")
    assert os.listdir(tmp_path) == []


def test_both_spellings_of_the_rotation_are_written(tmp_path):
    """A reader that knows only one of them takes a base of 10,000 otherwise, without a word."""
    from dataclasses import replace

    from course_lib import presets

    config = replace(
        presets["llama-3-8b"],
        vocab_size=64,
        d_model=64,
        n_heads=2,
        n_kv_heads=1,
        n_decoder_layers=1,
        d_ff=64,
        d_head=None,
    )
    Transformer(config).save_pretrained(tmp_path / "a")
    written = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config.rope_theta == 500_000
    assert written["rope_theta"] == written["rope_parameters"]["rope_theta"] == 500_000
    for dropped in ("rope_theta", "rope_parameters"):
        fields = {key: value for key, value in written.items() if key != dropped}
        (tmp_path / "a" / "config.json").write_text(json.dumps(fields))
        assert Transformer.from_pretrained(tmp_path / "a").config.rope_theta == 500_000
