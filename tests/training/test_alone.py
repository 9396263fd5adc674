"""Two runs never write one folder at once, and a full disk ends a run in one line that names it."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import files, locks
from course_lib.data import batches
from course_lib.distributed import RankFailure, Ranks
from course_lib.model.transformer import Transformer
from course_lib.training import adamw, checkpoint, train

sys.path.insert(0, str(Path(__file__).parent))  # the ranks import the cases from here

import command_cases as cases


def small(folder: Path, **changes: Any) -> Any:
    """A run of four updates in this process."""
    model = Transformer(cases.CONFIG, generator=torch.Generator().manual_seed(0))
    order = torch.Generator().manual_seed(1)
    options: dict[str, Any] = {
        "optimizer": adamw(model, lr=1e-2),
        "steps": 4,
        "checkpoint": folder / "run.safetensors",
        "checkpoint_every": 1,
        "metrics": folder / "metrics.jsonl",
        "progress": False,
    }
    options |= changes
    history = train(model, batches(cases.rows(), 4, generator=order), **options)
    return history, {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("shared", ["checkpoint", "metrics"])
def test_a_second_run_is_refused_while_the_first_writes(tmp_path: Path, shared: str) -> None:
    other = tmp_path / "other"
    places = {"checkpoint": other / "run.safetensors", "metrics": other / "metrics.jsonl"}
    del places[shared]
    seen = []

    def meanwhile(history: Any) -> None:
        if history.steps == 2:
            before = sorted((p.name, p.read_bytes()) for p in tmp_path.iterdir() if p.is_file())
            with pytest.raises(BlockingIOError, match=rf"process {os.getpid()} .*\.lock"):
                small(tmp_path, resume=True, **places)
            after = sorted((p.name, p.read_bytes()) for p in tmp_path.iterdir() if p.is_file())
            seen.append(before == after)

    small(tmp_path, progress=meanwhile)
    assert seen == [True]
    assert not [path for path in tmp_path.rglob("*.lock")]


def test_runs_with_files_of_their_own_share_a_folder(tmp_path: Path) -> None:
    def meanwhile(history: Any) -> None:
        if history.steps == 2:
            small(tmp_path, checkpoint=tmp_path / "b.safetensors", metrics=tmp_path / "b.jsonl")

    small(tmp_path, progress=meanwhile)
    assert (tmp_path / "b.safetensors").exists()


def _until_killed(folder: Path) -> str:
    return (
        "import sys, time; from pathlib import Path\n"
        f"sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[2])!r}]\n"
        "import test_alone\n"
        "def wait(history):\n"
        "    print(history.steps, flush=True); time.sleep(60)\n"
        f"test_alone.small(Path({str(folder)!r}), progress=wait)\n"
    )


@pytest.mark.processes
def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    wanted = small(tmp_path / "whole")[1]
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", _until_killed(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    with pytest.raises(BlockingIOError, match=f"process {process.pid} "):
        small(folder, resume=True)
    process.kill()
    process.wait()
    process.stdout.close()
    _, got = small(folder, resume=True)
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    assert not list(folder.glob(".*"))


@pytest.mark.processes
def test_many_at_once_are_one_at_a_time(tmp_path: Path) -> None:
    """The file of the lock is removed and made anew all the time."""
    script = (
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from course_lib.locks import only_run\n"
        "place, count = sys.argv[1], 0\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        with only_run(place):\n"
        "            open(place, 'x').close()\n"
        "            import os; os.unlink(place); count += 1\n"
        "    except BlockingIOError:\n"
        "        pass\n"
        "print(count)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "place")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for run in runs:
        out, told = run.communicate()
        assert run.returncode == 0, told  # an 'x' that finds the file is two holders at once
        assert int(out) > 0


@pytest.mark.processes
def test_every_rank_hears_that_the_folder_is_taken(tmp_path: Path) -> None:
    taken = locks.only_run(tmp_path / "run", inside=True)
    told = pytest.raises(RankFailure, match="is being written by another run")
    with taken, told, Ranks(2, echo=False, collective_timeout=120) as ranks:
        ranks.run(cases.train, cases.job("ddp", tmp_path / "run"), timeout=300)


def command(folder: Path, *more: str) -> list[str]:
    sizes = {"d_model": 16, "n_heads": 2, "n_decoder_layers": 1, "max_seq_len": 16, "d_ff": 16}
    changes = [word for name, value in sizes.items() for word in ("--set", f"{name}={value}")]
    text = folder.parent / "text.txt"
    text.write_text("the river runs to the sea and the sea is wide\n\n" * 40)
    return [
        *(sys.executable, "-m", "course_lib.training", "--preset", "gpt2"),
        *changes,
        *("--vocab-size", "300", "--text", str(text), "--batch-size", "2", "--steps", "6"),
        *("--output", str(folder), "--checkpoint-every", "2", *more),
    ]


@pytest.mark.processes
def test_the_command_refuses_a_folder_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locks.only_run(folder / "run"):
        told = subprocess.run(command(folder), capture_output=True, text=True)
    assert told.returncode != 0
    assert str(folder) in told.stderr and "another run" in told.stderr
    assert "Traceback" not in told.stderr
    assert not (folder / "tokenizer.json").exists()
    assert subprocess.run(command(folder)).returncode == 0


# A full disk.


def _limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then it is an error, as a full disk is
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits of POSIX systems")
@pytest.mark.parametrize("name", ["checkpoint.safetensors", "tokenizer.json"])
def test_a_full_disk_is_one_line_and_the_run_goes_on(tmp_path: Path, name: str) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert subprocess.run(command(whole, "--steps", "2")).returncode == 0
    shutil.copytree(whole, folder)
    assert subprocess.run(command(whole, "--resume")).returncode == 0
    kept = (folder / "checkpoint.safetensors").read_bytes()
    size = (folder / name).stat().st_size - 1
    if name == "tokenizer.json":
        (folder / name).unlink()  # only one that is missing is written
    told = subprocess.run(
        command(folder, "--resume", "--quiet"),
        capture_output=True,
        text=True,
        preexec_fn=_limited(size),
    )
    assert told.returncode not in (0, None)
    lines = told.stderr.strip().splitlines()
    assert len(lines) == 1 and str(folder / name) in lines[0], told.stderr
    assert (folder / "checkpoint.safetensors").read_bytes() == kept
    assert not [path.name for path in folder.rglob(".*")]
    assert subprocess.run(command(folder, "--resume")).returncode == 0
    assert cases.distance(cases.weights(folder), cases.weights(whole)) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_line_of_metrics_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    wanted = small(tmp_path / "whole")[1]
    folder = tmp_path / "run"
    small(folder, steps=1)
    metrics = folder / "metrics.jsonl"
    metrics.unlink()
    metrics.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left .*metrics\.jsonl"):
        small(folder, resume=True)
    metrics.unlink()
    _, got = small(folder, resume=True)
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    assert len(metrics.read_text().splitlines()) == 4


def test_every_write_that_fails_names_its_file_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the first write of a checkpoint, at the second, and so on."""
    wanted = small(tmp_path / "whole")[1]
    for number in range(30):
        folder = tmp_path / str(number)
        small(folder, steps=1)
        with monkeypatch.context() as patch:
            disk = DiskFull(number)
            patch.setattr(checkpoint, "save_file", disk.failing(checkpoint.save_file))
            patch.setattr(files, "sync", disk.failing(files.sync))
            try:
                small(folder, resume=True)
            except OSError as error:
                assert str(folder / "run.safetensors") in str(error), error
            else:
                break
        assert not list(folder.glob(".*"))
        _, got = small(folder, resume=True)
        assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    assert number == 9  # three checkpoints of a file, its flush to the disk, and its folder's


class DiskFull:
    """Lets the n-th call that writes fail as on a full disk: without a file's name."""

    def __init__(self, number: int) -> None:
        self.left = number

    def failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == -1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return call


def read_only(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no lock be laid, as on a disk that can only be read; a superuser may write anywhere."""

    def refuse(file: Path, target: Path) -> int:
        raise OSError(number, os.strerror(number), str(file))

    monkeypatch.setattr(locks, "_open_lock", refuse)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_complete_run_can_be_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    made, weights = small(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    read_only(monkeypatch, number)
    history, again = small(tmp_path, resume=True, checkpoint_every=None, metrics=None)
    assert history.losses == made.losses
    assert all(torch.equal(again[name], value) for name, value in weights.items())
    told = "cannot be written, and the run has made 4 of 5 steps"
    with pytest.raises(PermissionError, match=told):
        small(tmp_path, resume=True, steps=5, metrics=None)
    for options in ({"resume": True}, {"metrics": None, "checkpoint": tmp_path / "new"}):
        with pytest.raises(OSError, match="a run needs a folder that it can write"):
            small(tmp_path, **options)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
