"""Renames that leave what another process has put there, and those of two names at once."""

import errno
import sys
from pathlib import Path

import pytest

from course_lib import renames


@pytest.fixture(params=["of the system", "plain"])
def _rename(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setattr(renames, "_renameat2", lambda first, second, flag: errno.ENOSYS)


def put(path: Path, kind: str) -> Path:
    if kind == "file":
        path.write_text("kept")
    elif kind == "link":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
        if kind == "filled folder":
            (path / "file").write_text("kept")
    return path


@pytest.mark.usefixtures("_rename")
@pytest.mark.parametrize("kind", ["file", "folder", "filled folder"])
def test_to_a_name_that_is_free(tmp_path: Path, kind: str) -> None:
    path, name = put(tmp_path / "old", kind), tmp_path / "new"
    before = path.stat().st_ino
    assert renames.rename_to_new(path, name)
    assert name.stat().st_ino == before and not path.exists()


@pytest.mark.usefixtures("_rename")
@pytest.mark.parametrize("taken", ["file", "link", "folder", "filled folder"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_name_that_is_taken_stays(tmp_path: Path, kind: str, taken: str) -> None:
    path, name = put(tmp_path / "old", kind), put(tmp_path / "new", taken)
    before = name.lstat().st_ino
    assert not renames.rename_to_new(path, name)
    assert name.lstat().st_ino == before and path.exists()


@pytest.mark.usefixtures("_rename")
def test_what_is_not_there_cannot_be_renamed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="old"):
        renames.rename_to_new(tmp_path / "old", tmp_path / "new")
    with pytest.raises(FileNotFoundError):
        renames.rename_to_new(put(tmp_path / "one", "file"), tmp_path / "no folder" / "new")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_two_names_at_once(tmp_path: Path) -> None:
    one, two = put(tmp_path / "one", "file"), put(tmp_path / "two", "filled folder")
    assert renames.exchange_names(one, two)
    assert one.is_dir() and two.read_text() == "kept"
    assert not renames.exchange_names(one, tmp_path / "three")
