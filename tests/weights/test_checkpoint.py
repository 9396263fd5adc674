"""Shards, older containers, memory, whole writes, and the hub."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch
import transformers as hf
from huggingface_hub import constants, utils
from safetensors.torch import load_file

from course_lib import Transformer, presets
from course_lib.weights import checkpoint, save, save_pretrained


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("family_name", ["gpt2", "bloom", "t5-v1.1"])
def test_their_shards(tiny, check_weights, family_name):
    pair, folder = tiny(family_name, max_shard_size="20KB")
    assert len(list(folder.path.glob("*.safetensors"))) > 3
    check_weights(Transformer.from_pretrained(folder.path), pair.ours)


def test_our_shards(tiny, check_weights, tmp_path):
    pair, _ = tiny("bart")
    save_pretrained(pair.ours, tmp_path / "shards", max_shard_bytes=20_000)
    shards = list((tmp_path / "shards").glob("model-0*.safetensors"))
    assert len(shards) > 5
    for shard in shards:
        tensors = load_file(shard)
        assert len(tensors) == 1 or sum(t.nbytes for t in tensors.values()) <= 20_000
    theirs = hf.BartForConditionalGeneration.from_pretrained(tmp_path / "shards")
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, pair.reference.state_dict()[name]), name
    check_weights(Transformer.from_pretrained(tmp_path / "shards"), pair.ours)


@pytest.mark.parametrize("zipped", [True, False])
def test_bin_files(tiny, check_weights, zipped):
    pair, folder = tiny("bloom")
    torch.save(
        folder.tensors,
        folder.path / "pytorch_model.bin",
        _use_new_zipfile_serialization=zipped,
    )
    (folder.path / "model.safetensors").unlink()
    check_weights(Transformer.from_pretrained(folder.path), pair.ours)


def test_bin_shards(tiny, check_weights):
    pair, folder = tiny("t5")
    where = {}
    for number, (name, tensor) in enumerate(folder.tensors.items()):
        file = f"pytorch_model-{number % 3}.bin"
        where[name] = file
        path = folder.path / file
        held = torch.load(path, weights_only=True) if path.exists() else {}
        torch.save({**held, name: tensor}, path, _use_new_zipfile_serialization=number % 2 == 0)
    (folder.path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    (folder.path / "model.safetensors").unlink()
    check_weights(Transformer.from_pretrained(folder.path), pair.ours)


@pytest.mark.parametrize("family_name", ["gpt2", "bloom", "llama-3", "bart"])
def test_small_pieces_make_the_same_whole(tiny, check_weights, monkeypatch, family_name):
    pair, folder = tiny(family_name)
    monkeypatch.setattr(
        checkpoint, "PIECE_BYTES", 700
    )  # a few rows, and not a round number of them
    check_weights(Transformer.from_pretrained(folder.path), pair.ours)


def test_device_meta_reads_no_weights(tiny):
    pair, folder = tiny("gpt2")
    ours = Transformer.from_pretrained(folder.path, device="meta")
    assert ours.config == replace(pair.config, dropout=0.1)
    assert {tensor.device.type for tensor in ours.state_dict().values()} == {"meta"}


MEMORY = """
import sys, torch
from course_lib import Transformer
from course_lib.stored import StoredFile

held, read = [], StoredFile.read
if sys.argv[4] == "pieces kept":
    def keep(self, start, n_bytes):
        held.append(read(self, start, n_bytes))
        return held[-1]
    StoredFile.read = keep

def status(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

Transformer.from_pretrained(sys.argv[1])  # warm: libraries, threads
before = status("VmHWM:")
model = Transformer.from_pretrained(sys.argv[2], dtype=getattr(torch, sys.argv[3]))
size = sum(parameter.nbytes for parameter in model.parameters())
print((status("VmHWM:") - before) / size, size, float(model.embedding.weight.sum()))
"""


@pytest.mark.processes
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
@pytest.mark.parametrize(
    ("form", "dtype", "way", "bounds"),
    [
        ("safetensors", "float32", "as it is", (0.9, 1.1)),
        ("safetensors", "bfloat16", "as it is", (0.9, 1.1)),
        ("bin", "float32", "as it is", (0.9, 1.1)),
        ("safetensors", "float32", "pieces kept", (1.8, 2.2)),  # planted: the test sees it
    ],
)
def test_peak_memory(tiny, tmp_path, form, dtype, way, bounds):
    """Loading takes at most 1.1 times the weights, also with one tensor that is half of them."""
    _, small = tiny("bloom")
    config = hf.BloomConfig(vocab_size=80_000, hidden_size=256, n_layer=24, n_head=4)
    with torch.device("meta"):
        names = hf.BloomForCausalLM(config).state_dict()
    tensors = {
        name: torch.full(tensor.shape, 0.5, dtype=torch.float32)
        for name, tensor in names.items()
        if name != "lm_head.weight"
    }
    big = type(small)(tmp_path / "big")
    big.path.mkdir()
    big.path.joinpath("config.json").write_text(json.dumps(config.to_dict()))
    if form == "bin":
        torch.save(tensors, big.path / "pytorch_model.bin")
    else:
        big.write(tensors)
    n_values = sum(tensor.numel() for tensor in tensors.values())
    sizes = [str(small.path), str(big.path), dtype, way]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *sizes], capture_output=True, text=True, check=True
    )
    ratio, size, total = map(float, done.stdout.split())
    assert size == n_values * getattr(torch, dtype).itemsize
    assert total == pytest.approx(80_000 * 256 * 0.5, rel=0.01)
    print(f"{ratio:.3f} of {size / 1e6:.0f} MB")
    assert bounds[0] < ratio <= bounds[1]


def test_a_save_that_fails_leaves_nothing(tiny, tmp_path, monkeypatch):
    pair, folder = tiny("gpt2")
    (folder.path / "tokenizer.json").write_text("{}")
    before = contents(folder.path)
    model = Transformer.from_pretrained(folder.path)
    with torch.no_grad():
        model.embedding.weight.zero_()
    real, calls = save.save_file, []

    def full(tensors, file, **options):
        calls.append(file)
        real(tensors, file, **options)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(save, "save_file", full)
    for target in (tmp_path / "new", folder.path):
        calls.clear()
        with pytest.raises(OSError, match="No space left"):
            save_pretrained(model, target, max_shard_bytes=20_000)
    assert not (tmp_path / "new").exists()
    assert contents(folder.path) == before
    assert [path.name for path in tmp_path.iterdir()] == [folder.path.name]


def test_a_save_replaces_an_older_checkpoint(tiny, check_weights, tmp_path):
    """Neither its single file nor its shards may hide or mix with the new weights."""
    pair, folder = tiny("gpt2")
    (folder.path / "notes.txt").write_text("kept")
    model = Transformer.from_pretrained(folder.path)
    for limit, n_files in ((20_000, None), (50_000, None), (10**9, 1)):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1)
        save_pretrained(model, folder.path, max_shard_bytes=limit)
        check_weights(Transformer.from_pretrained(folder.path), model)
        assert (folder.path / "notes.txt").read_text() == "kept"
        saved = list(folder.path.glob("*.safetensors"))
        assert n_files is None or len(saved) == n_files
    assert not list(folder.path.glob("*.index.json"))
    assert [path.name for path in tmp_path.iterdir()] == [folder.path.name]


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(tiny, tmp_path):
    """Each save is killed before another file operation; then both libraries load what is left."""
    _, folder = tiny("gpt2", max_shard_size="80KB")
    folder.path.rename(tmp_path / "old-shards")
    _, folder = tiny("bloom")
    torch.save(folder.tensors, folder.path / "pytorch_model.bin")
    (folder.path / "model.safetensors").unlink()
    folder.path.rename(tmp_path / "old-bin")
    _, folder = tiny("gpt2")
    folder.path.rename(tmp_path / "old-same-config")
    model = Transformer.from_pretrained(tmp_path / "old-same-config")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    model.save_pretrained(tmp_path / "replacement")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("kill_script.py"), tmp_path],
        capture_output=True,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 6 and [line.split()[0] for line in lines[4:]] == ["planted", "planted"]
    assert all(int(line.split()[1]) > 15 for line in lines[:4])


def test_without_links_there_is_no_config_in_between(tiny, check_weights, monkeypatch, tmp_path):
    """On a file system without links a kill leaves what does not load, never a mix."""
    _, folder = tiny("gpt2", max_shard_size="50KB")
    other, _ = tiny("bloom")
    seen, real = [], os.replace

    def refuse(*names):
        raise OSError(1, "no links here")

    def watch(old, new):
        if Path(new).parent == folder.path:  # what is staged is not shown yet
            seen.append((folder.path / "config.json").exists())
        real(old, new)

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "replace", watch)
    other.ours.save_pretrained(folder.path)
    assert seen == [False, False]
    check_weights(Transformer.from_pretrained(folder.path), other.ours)
    assert sorted(contents(folder.path)) == [
        "config.json",
        "generation_config.json",
        checkpoint.SINGLE[0],
    ]


def test_saving_over_links_leaves_what_they_lead_to(tiny, check_weights, tmp_path):
    """A download cache holds links; a save replaces them and leaves the files of the cache."""
    pair, folder = tiny("gpt2")
    cache = tmp_path / "cache"
    folder.path.rename(cache)
    folder.path.mkdir()
    for file in cache.iterdir():
        (folder.path / file.name).symlink_to(os.path.relpath(file, folder.path))
    before = contents(cache)
    model = Transformer.from_pretrained(folder.path)
    with torch.no_grad():
        model.embedding.weight.zero_()
    model.save_pretrained(folder.path)
    check_weights(Transformer.from_pretrained(folder.path), model)
    assert contents(cache) == before


def test_a_failed_exchange_is_taken_back(tiny, tmp_path, monkeypatch):
    """An error among the renames, not only a kill, leaves the old checkpoint as it was."""
    _, folder = tiny("gpt2", max_shard_size="50KB")
    before = contents(folder.path)
    model = Transformer.from_pretrained(folder.path)
    real = os.replace
    for n_good in range(1, 4):
        calls = []

        def fail(old, new, calls=calls, n_good=n_good):
            calls.append(new)
            if len(calls) == n_good:
                raise OSError(5, "Input/output error")
            real(old, new)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail)
            with pytest.raises(OSError, match="Input/output error"):
                save_pretrained(model, folder.path)
        assert contents(folder.path) == before
        assert not any(file.is_symlink() for file in folder.path.iterdir())


def test_a_model_without_numbers_is_not_saved(tmp_path):
    model = Transformer(presets["gpt2"], device="meta")
    with pytest.raises(ValueError, match="meta device"):
        model.save_pretrained(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_turned_tensor_in_a_bin_file(tiny, check_weights):
    """A `.bin` file keeps strides, so a tensor need not lie in the order of its rows."""
    pair, folder = tiny("bloom")
    turned = {name: t.T.contiguous().T if t.ndim == 2 else t for name, t in folder.tensors.items()}
    torch.save(turned, folder.path / "pytorch_model.bin")
    (folder.path / "model.safetensors").unlink()
    check_weights(Transformer.from_pretrained(folder.path), pair.ours)


def test_saving_over_a_file(tiny, tmp_path):
    pair, _ = tiny("gpt2")
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(NotADirectoryError, match="taken is a file"):
        pair.ours.save_pretrained(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Give a download cache of the hub's own layout, and a way to put a checkpoint in."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def put(name, folder, revision="main"):
        commit = "a" * 40
        place = tmp_path / "cache" / f"models--{name.replace('/', '--')}"
        (place / "snapshots").mkdir(parents=True)
        (place / "refs").mkdir()
        (place / "refs" / revision).write_text(commit)
        folder.path.rename(place / "snapshots" / commit)

    return put


@pytest.mark.parametrize("form", ["safetensors", "shards", "bin"])
def test_a_name_that_was_downloaded_before(tiny, check_weights, hub, form):
    pair, folder = tiny("gpt2", max_shard_size="20KB" if form == "shards" else "1GB")
    if form == "bin":
        torch.save(folder.tensors, folder.path / "pytorch_model.bin")
        (folder.path / "model.safetensors").unlink()
    hub("someone/tiny-gpt2", folder)
    check_weights(Transformer.from_pretrained("someone/tiny-gpt2"), pair.ours)


def test_a_revision(tiny, check_weights, hub):
    pair, folder = tiny("gpt2")
    hub("someone/tiny-gpt2", folder, revision="v2")
    check_weights(Transformer.from_pretrained("someone/tiny-gpt2", revision="v2"), pair.ours)
    with pytest.raises(FileNotFoundError, match="tiny-gpt2 at revision 'v3' was not downloaded"):
        Transformer.from_pretrained("someone/tiny-gpt2", revision="v3")


def test_a_name_out_of_reach(hub):
    told = r"no folder nobody/nothing; the hub is out of reach, and .* not downloaded before"
    with pytest.raises(FileNotFoundError, match=told):
        Transformer.from_pretrained("nobody/nothing")


def answer(kind):
    """Make an error of the hub without the reply it would come with."""
    return type(kind.__name__, (kind,), {"__init__": lambda self: None})()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (answer(utils.RepositoryNotFoundError), "no folder some/one, and no some/one on the hub"),
        (answer(utils.GatedRepoError), "some/one on the hub asks for its terms to be accepted"),
        (answer(utils.EntryNotFoundError), "some/one on the hub has no config.json"),
        (OSError(28, "No space left"), "the hub failed: .*No space left"),
    ],
)
def test_answers_of_the_hub(monkeypatch, reply, told):
    def fetch(name, file, revision):
        raise reply

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    with pytest.raises(FileNotFoundError, match=told):
        Transformer.from_pretrained("some/one")


def test_safetensors_are_preferred_and_only_one_form_is_fetched(tiny, check_weights, monkeypatch):
    pair, folder = tiny("gpt2", max_shard_size="20KB")
    torch.save({}, folder.path / "pytorch_model.bin")
    asked = []

    def fetch(name, file, revision):
        asked.append(file)
        if not (folder.path / file).is_file():
            raise utils.EntryNotFoundError(file)
        return str(folder.path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    ours = Transformer.from_pretrained("some/one")
    check_weights(ours, pair.ours)
    shards = sorted(file.name for file in folder.path.glob("model-*"))
    assert asked == ["config.json", checkpoint.SINGLE[0], checkpoint.INDEXES[0], *shards]


@pytest.mark.parametrize("name", ["./models/gpt2", "/no/such/folder", "a/b/c", "no folder", ""])
def test_a_path_is_not_looked_for_on_the_hub(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((FileNotFoundError, ValueError), match="no folder|no config.json"):
        Transformer.from_pretrained(name)


def test_the_hub_without_its_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"course-lib\[hub\]"):
        Transformer.from_pretrained("someone/tiny-gpt2")
