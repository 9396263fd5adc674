"""Folders as people have them, and files beside a model: what stays, goes, or is refused."""

import errno
import os
import stat
from pathlib import Path

import pytest

from course_lib.training import save_checkpoint
from course_lib.weights import save_pretrained, swap
from tests.saves import filled

WORDS = ("tokenizer.json", "generation_config.json", "chat_template.jinja", "vocab.txt")


def shown(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def beside(**files: str):
    def write(staged: Path) -> None:
        for name, text in files.items():
            (staged / name.replace("__", ".")).write_text(text)

    return write


@pytest.mark.parametrize("name", ["pytorch_model.bin", "task.json", "tokenizer.json"])
def test_a_folder_with_the_name_of_a_file_stops_the_save_before_anything_goes(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    (folder / name).mkdir()
    (folder / name / "notes").write_text("kept")
    before = shown(folder)
    with pytest.raises(IsADirectoryError, match=name):
        save_pretrained(filled(2.0), folder, beside=beside(tokenizer__json="{}"))
    assert shown(folder) == before
    assert sorted(os.listdir(folder)) == sorted([*before, name])


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_file_is_refused_before_anything_is_shown(
    tmp_path: Path, kind: str, there: bool
) -> None:
    folder = tmp_path / "model"
    if there:
        save_pretrained(filled(1.0), folder)
    before = shown(folder) if there else {}

    def write(staged: Path) -> None:
        if kind == "folder":
            (staged / "more").mkdir()
        else:
            (staged / "more").symlink_to(tmp_path)

    with pytest.raises(ValueError, match="more is no file"):
        save_pretrained(filled(2.0), folder, beside=write)
    assert os.listdir(tmp_path) == (["model"] if there else [])
    assert not there or shown(folder) == before
    save_pretrained(filled(3.0), folder)


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EIO])
def test_a_disk_in_trouble_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    """It can make no link, and is not one that has none: nothing is taken away first."""
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    before = shown(folder)

    def symlink(*_: object) -> None:
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, "symlink", symlink)
    with pytest.raises(OSError, match=os.strerror(trouble)):
        save_pretrained(filled(2.0), folder)
    assert shown(folder) == before and sorted(os.listdir(folder)) == sorted(before)


def test_words_go_with_their_model_where_new_ones_come(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    for name in (*WORDS, "task.json", "notes.txt"):
        (folder / name).write_text("old")
    save_pretrained(filled(2.0), folder)  # alone: the words may have been written before it
    assert {*WORDS, "notes.txt"} < set(os.listdir(folder))
    assert "task.json" not in os.listdir(folder)  # it describes the model that is gone
    save_pretrained(filled(3.0), folder, beside=beside(tokenizer__json="new"))
    left = {"config.json", "model.safetensors", "tokenizer.json", "notes.txt"}
    assert set(os.listdir(folder)) == left
    assert (folder / "tokenizer.json").read_text() == "new"


@pytest.mark.parametrize("name", [".exchange-notes", ".exchange-mine"])
def test_what_only_begins_like_a_room_is_somebody_elses(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    save_pretrained(filled(1.0), folder)
    if name.endswith("notes"):
        (folder / name).write_text("kept")
    else:
        (folder / name).mkdir()
    save_pretrained(filled(2.0), folder)
    swap.settle(folder)
    assert (folder / name).exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX systems")
def test_who_may_read_a_file_is_as_it_was_or_as_the_umask_says(tmp_path: Path) -> None:
    def modes(folder: Path) -> set[str]:
        return {oct(stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir()}

    folder = tmp_path / "model"
    old = os.umask(0o027)
    try:
        save_pretrained(filled(1.0), folder, max_shard_bytes=20_000)
        (tmp_path / "own").mkdir()
        save_checkpoint(tmp_path / "own" / "model.safetensors", filled(1.0))
    finally:
        os.umask(old)
    assert modes(folder) == modes(tmp_path / "own") == {"0o640"}
    save_pretrained(filled(2.0), folder)
    (folder / "model.safetensors").chmod(0o600)
    (folder / "config.json").chmod(0o600)
    save_pretrained(filled(3.0), folder)
    assert modes(folder) == {"0o600"}


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("", ValueError, "folder is empty"),
        ("file", NotADirectoryError, "file is a file"),
        ("file/below", NotADirectoryError, "file is a file"),
        ("nowhere", ValueError, "folder nowhere is a link that leads nowhere"),
        ("circle/below", ValueError, "folder circle/below: circle is a link that leads nowhere"),
        ("a" * 300, ValueError, "has a name that is too long"),
        ("a\0b", ValueError, "folder must hold no null byte"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception], told: str
) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=told):
        save_pretrained(filled(1.0), name)
    assert sorted(os.listdir(tmp_path)) == ["circle", "file", "nowhere"]
