"""Every command ends alike and names its options as they were written."""

import argparse
import os
import re
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

import course_lib.capstone.command as capstone
import course_lib.data.curation.command as curation
import course_lib.tasks.cli as tasks
import course_lib.tasks.made.__main__ as made
import course_lib.training.cli as training
import course_lib.weights.__main__ as weights
from course_lib import ByteLevelBPE, command_line, presets
from course_lib.processes import import_path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("held_out must be below 1", "--held-out must be below 1"),
        ("held_out 0.5 of 9 is little", "--held-out 0.5 of 9 is little"),
        ("nprocs=9 does not fit", "--nprocs=9 does not fit"),
        ("output must be a folder", "output must be a folder"),  # left out
        ("held_outs must be below 1", "held_outs must be below 1"),
        ("held_out is what it says", "held_out is what it says"),
        ("", ""),
    ],
)
def test_an_error_names_the_option_that_was_written(text, told):
    chosen = argparse.Namespace(held_out=1.5, nprocs=9, output=None)
    assert command_line.in_options(ValueError(text), chosen) == told


def ran(source: str, **pipes) -> subprocess.CompletedProcess:
    source = "from course_lib.command_line import run_command\n" + textwrap.dedent(source)
    return subprocess.run([sys.executable, "-c", source], text=True, stderr=-1, **pipes)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("source", "status", "told"),
    [
        ("run_command(lambda: 3)", 3, ""),
        ("run_command(lambda: None)", 0, ""),
        ("run_command(lambda: print('much'))", 141, ""),  # found as the process ends
        ("run_command(lambda: print('much\\n' * 10**6))", 141, ""),
        ("""
         def main():
             raise KeyboardInterrupt
         run_command(main)""", 130, "interrupted\n"),
    ],
)  # fmt: skip
def test_a_command_whose_reader_has_gone(source, status, told):
    reader, writer = os.pipe()
    os.close(reader)
    done = ran(source, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (status, told)


@pytest.mark.processes
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_whose_output_finds_no_room(unbuffered):
    with open("/dev/full", "w") as full:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = ran("run_command(lambda: print('much'))", stdout=full, env=environment)
    told = "the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, told)


@pytest.mark.processes
def test_a_command_without_an_output():
    source = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-c', {!r}])"
    inner = "from course_lib.command_line import run_command; run_command(lambda: print('much'))"
    done = ran(source.format(inner), stdout=-1)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_ends_so():
    folder = Path(command_line.__file__).parent
    for path in folder.rglob("__main__.py"):
        assert '\nif __name__ == "__main__":\n    run_command(' in path.read_text(), path
    for path in (folder.parent / "book" / "_tools").glob("*.py"):
        if "__main__" in (text := path.read_text()) and path.stem != "setup":
            assert "    command(main)\n" in text or "    paths.command(main)\n" in text, path


@pytest.mark.processes
@pytest.mark.parametrize("part", ["data", "training", "tasks", "tasks.made", "capstone", "weights"])
def test_an_interrupt_while_a_command_reads_its_modules_is_one_line(tmp_path: Path, part) -> None:
    (tmp_path / "torch.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    path = os.pathsep.join([str(tmp_path), import_path()])
    done = subprocess.run(
        [sys.executable, "-m", f"course_lib.{part}", "--help"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr, done.stdout) == (-signal.SIGINT, "interrupted\n", "")


COMMANDS = {
    "--output": [
        (partial(training.main, presets=presets, tokenizer=ByteLevelBPE), "--preset gpt2"),
        (tasks.main, "sentiment --checkpoint HERE"),
        (made.main, "sentiment"),
        (curation.command, "--made-crawl 10"),
        (weights.main, "handover HERE"),
    ],
    "--out": [(capstone.main, "HERE")],
}


@pytest.mark.parametrize("below", ["", "/x", "/x/y"])
@pytest.mark.parametrize(
    ("option", "main", "words"), [(name, *one) for name, all_ in COMMANDS.items() for one in all_]
)
def test_no_folder_is_written_where_a_file_is(tmp_path, capsys, option, main, words, below):
    file = tmp_path / "file"
    file.write_text("kept")
    try:
        status = main([*words.replace("HERE", str(tmp_path)).split(), option, f"{file}{below}"])
    except SystemExit as ended:
        status = ended.code
    assert status in (1, 2)
    where = f": {file}" if below else ""
    told = f"{option} {file}{below}{where} is a file; a folder is wanted"
    assert told in capsys.readouterr().err
    assert file.read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone", "--output HERE/gone is a link that leads nowhere"),
        ("gone/x", "--output HERE/gone/x: HERE/gone is a link that leads nowhere"),
        ("circle/x", "--output HERE/circle/x"),
        ("new/" + "x" * 300, "has a name that is too long"),
        ("nu\0ll", "--output must hold no null byte"),
        ("pipe", "--output HERE/pipe is a file; a folder is wanted"),
    ],
)
def test_what_can_be_no_folder_is_refused(tmp_path, name, told):
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ValueError, match=re.escape(told.replace("HERE", str(tmp_path)))):
        command_line.check_output("--output", tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", ["", ".", "new", "new/er", "there", "there/new", "link", "link/x"])
def test_what_can_be_a_folder_is_one(tmp_path, monkeypatch, name):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    command_line.check_output("--output", Path(name))
    command_line.check_output("--output", tmp_path / name)


def test_a_path_that_the_shell_left_alone_leads_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command_line.file_path("~/run") == tmp_path / "run"
    assert command_line.file_path("a~b") == Path("a~b")
    with pytest.raises(argparse.ArgumentTypeError, match="~nobody-of-this-name"):
        command_line.file_path("~nobody-of-this-name/run")
