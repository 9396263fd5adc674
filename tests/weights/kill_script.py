"""Save over an older checkpoint in children that are killed, each before another file operation.

Run as `kill_script.py folder`, with checkpoints `old-*` and `replacement` in it; prints one line a
case. Last come renames one by one, whose mixes of old and new must be seen.
"""

import os
import shutil
import sys
from functools import partial
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
import transformers as hf

from course_lib import Transformer
from course_lib.weights import save, save_pretrained, swap
from tests.saves import killed_at

hf.logging.set_verbosity_error()
ONE_FILE, SHARDS = 10**9, 80_000
CASES = [
    ("old-bin", ONE_FILE),
    ("old-same-config", SHARDS),
    ("old-shards", ONE_FILE),
    ("old-shards", SHARDS),
]


def one_by_one(room: Path, old: set[str]) -> None:
    """The fault to be seen: weights, then the config, then older files away."""
    new = {file.name for file in (room / "new").iterdir()}
    for name in sorted(new, reverse=True):
        os.replace(room / "new" / name, room.parent / name)
    for name in set(old) - new:
        (room.parent / name).unlink(missing_ok=True)


def same(model: Transformer, other: Transformer) -> bool:
    """Say whether two models are one."""
    a, b = model.state_dict(), other.state_dict()
    return (
        model.config == other.config
        and list(a) == list(b)
        and all(torch.equal(a[name], b[name]) for name in a)
    )


def visible(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """Return what a reader sees."""
    return tuple((f.name, f.read_bytes()) for f in sorted(folder.iterdir()) if f.is_file())


def check_case(published: Path, new: Transformer, place: Path, limit: int) -> str:
    """Kill at every operation; what is left must be the old checkpoint or the new, and load."""
    old = Transformer.from_pretrained(published)
    states: dict[tuple[tuple[str, bytes], ...], str] = {}
    told, n = [], 0
    killed = True
    while killed:
        n += 1
        folder = place / str(n)
        shutil.copytree(published, folder)
        (folder / "notes.txt").write_text("kept")
        killed = killed_at(n, partial(save_pretrained, new, folder, max_shard_bytes=limit))
        state = visible(folder)
        if state not in states:
            ours = Transformer.from_pretrained(folder)
            which = {(True, False): "old", (False, True): "new"}[same(ours, old), same(ours, new)]
            theirs = hf.AutoModel.from_pretrained(folder)
            wanted = hf.AutoModel.from_pretrained(published if which == "old" else place / "new")
            mine = wanted.state_dict()
            assert theirs.config.to_dict()["model_type"] == wanted.config.model_type
            assert all(torch.equal(mine[k], v) for k, v in theirs.state_dict().items())
            states[state] = which
        told.append(states[state])
        swap.settle(folder)  # as the next save begins
        assert not [file for file in folder.iterdir() if file.is_symlink() or file.is_dir()]
        assert visible(folder) == state  # a tidy folder shows what it showed before
        assert (folder / "notes.txt").read_text() == "kept"
        shutil.rmtree(folder)
    assert told == sorted(told, reverse=True), told  # old up to one operation, new from there on
    assert told[0] == "old" and told[-1] == "new"
    return f"{published.name}: {n - 1} kills, {told.count('old')} old, {len(states)} states"


def main() -> None:
    """Replace every older form of a checkpoint."""
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    new = Transformer.from_pretrained(place / "replacement")
    for name, limit in CASES:
        room = place / f"room-{name}-{limit}"
        save_pretrained(new, room / "new", max_shard_bytes=limit)
        print(check_case(place / name, new, room, limit), flush=True)
    save.exchange = one_by_one
    for name, limit in (("old-bin", ONE_FILE), ("old-shards", SHARDS)):
        room = place / f"planted-{name}"
        save_pretrained(new, room / "new", max_shard_bytes=limit)
        try:
            check_case(place / name, new, room, limit)
        except (AssertionError, KeyError, ValueError, RuntimeError) as error:
            print(f"planted in {name}: {type(error).__name__}")
        else:
            raise SystemExit(f"a mix of old and new was not seen: {name}")


main()
