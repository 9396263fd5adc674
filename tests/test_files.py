"""Whole writes under kills and failing disks, JSON errors that say where."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from course_lib import files

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def tree(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def write_folder(path, content):
    with files.replacing_folder(path) as part:
        (part / "deep").mkdir()
        (part / "deep" / "one").write_text(content)
        (part / "two").write_text(content)


def die_before(n, action):
    """Do it in a child that is killed before its n-th file operation; False if it got through."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event, arguments):
            nonlocal seen
            if event in CHANGES:
                seen += 1
                if seen == n:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        action()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.processes
@POSIX
@pytest.mark.parametrize("kind", ["file", "folder", "folder without exchange"])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(tmp_path, monkeypatch, kind):
    path = tmp_path / "thing"
    if kind == "folder without exchange":
        monkeypatch.setattr(files, "exchange_names", lambda first, second: False)
    write = files.write_text if kind == "file" else write_folder

    def read():
        return (
            path.read_text() if kind == "file" else "".join(map(bytes.decode, tree(path).values()))
        )

    write(path, "old")
    old = read()
    n, seen = 0, []
    killed = True
    while killed:
        n += 1
        killed = die_before(n, lambda: write(path, "new"))
        if kind == "folder without exchange" and not path.exists():
            seen.append("between")
        else:
            seen.append(read())
        write(path, "old")  # the next write takes away what the killed one left
        assert names(tmp_path) == ["thing"] and read() == old
    order = [old, "between", old.replace("old", "new")]
    assert seen == sorted(seen, key=order.index) and seen[0] == old and seen[-1] == order[-1]
    assert ("between" in seen) == (kind == "folder without exchange")
    assert n > 5


@pytest.mark.processes
@POSIX
def test_a_folder_that_was_renamed_away_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "exchange_names", lambda first, second: False)
    path = tmp_path / "thing"
    n, between = 0, 0
    killed = True
    while killed:
        n += 1
        write_folder(path, "old")
        killed = die_before(n, lambda: write_folder(path, "new"))
        between += not path.exists()
        with pytest.raises(KeyError), files.replacing_folder(path):
            raise KeyError
        assert set(tree(path).values()) in ({b"old"}, {b"new"})
    assert between == 1


@pytest.mark.parametrize("moment", ["os.replace", "os.fsync", "body"])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, moment):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if moment != "body":
            patch.setattr(moment, fail)
        with pytest.raises(OSError, match="No space"), files.replacing(path) as part:
            part.write_text("half")
            if moment == "body":
                fail()
    assert path.read_bytes() == before and names(tmp_path) == ["a.json"]


def test_files_can_be_forced_to_the_disk_together(tmp_path, monkeypatch):
    done = []
    real = files.sync
    monkeypatch.setattr(files, "sync", lambda path: (done.append(path), real(path)))
    written = [tmp_path / "a", tmp_path / "b"]
    for path in written:
        with files.replacing(path, durable=False) as part:
            part.write_text(path.name)
    assert not done and names(tmp_path) == ["a", "b"]
    files.sync_all(written)
    assert done == [*written, tmp_path]

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OSError, match="No space left on device: '.*/a'"):
        files.sync_all(written)


def test_a_full_disk_names_the_folder_that_was_written(tmp_path):
    full = OSError(28, "No space left on device")
    with pytest.raises(OSError, match="left on device: '.*/thing'"):
        with files.replacing_folder(tmp_path / "thing"):
            raise full
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="^[^.]*cannot write .*/thing/a: full$") as caught:
        with files.replacing_folder(tmp_path / "thing") as part:
            raise OSError(f"cannot write {part / 'a'}: full")
    assert ".part" not in str(caught.value)
    with pytest.raises(OSError, match="left on device: '.*/thing/a'$") as caught:
        with files.replacing_folder(tmp_path / "thing") as part:
            raise OSError(28, "No space left on device", str(part / "a"))
    assert ".part" not in str(caught.value)
    with pytest.raises(OSError, match="left on device: '.*/other'$"):
        with files.replacing(tmp_path / "thing") as part:
            raise OSError(28, "No space left on device", part.parent / "other")
    assert names(tmp_path) == []


def test_what_json_cannot_hold_is_found_before_a_byte_is_written(tmp_path):
    for content, error in (({"a": {1}}, TypeError), ({"a": "\ud800"}, ValueError)):
        with pytest.raises(error):
            files.write_json(tmp_path / "a.json", content)
    assert names(tmp_path) == []


def test_file_and_folder_are_synced_around_the_rename(tmp_path, monkeypatch):
    done = []
    real_sync, real_replace = os.fsync, os.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_sync(descriptor)

    def replaced(*paths):
        done.append("rename")
        real_replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    files.write_text(tmp_path / "a", "x")
    assert done == ["file", "rename", "folder"]


def test_permissions(tmp_path):
    path = tmp_path / "a"
    mask = os.umask(0o027)
    try:
        files.write_text(path, "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    files.write_text(path, "y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["plain", "with [brackets]*?", "ä" * 120, "x" * 250, ".hidden"])
def test_leftovers_of_the_dead_go_and_of_the_living_stay(tmp_path, name, monkeypatch):
    path = tmp_path / name
    living = files.partial_path(path)
    dead = living.with_name(living.name.replace(f"-{os.getpid()}-", "-4194305-"))
    other = files.partial_path(tmp_path / f"{name[:100]}other")
    elsewhere = living.with_name(living.name.replace(f".{files.HOST}-", ".elsewhere-"))
    for file in (living, dead, other, elsewhere):
        file.write_text("half")
    files.write_text(path, "x")
    assert set(names(tmp_path)) == {path.name, living.name, other.name, elsewhere.name}
    old = time.time() - 2 * files.STALE_SECONDS
    os.utime(elsewhere, (old, old))
    files.write_text(path, "x")
    assert set(names(tmp_path)) == {path.name, living.name, other.name}


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match="cannot write a: there is no folder .*missing"):
        files.write_text(tmp_path / "missing" / "a", "x")
    with pytest.raises(ValueError, match="path is empty"):
        files.write_text("", "x")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        files.write_text(tmp_path / "folder", "x")
    with pytest.raises(NotADirectoryError, match="it is a file"):
        write_folder(tmp_path / "file", "x")
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_no_file_is_not_replaced_by_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    for name in ("pipe", "device"):
        with pytest.raises(FileExistsError, match=f"{name}: it is a device or a pipe"):
            files.write_text(tmp_path / name, "x")
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "device").is_symlink()
    assert set(names(tmp_path)) == {"pipe", "device"}


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "blob").write_text("published")
    (tmp_path / "link").symlink_to("blob")
    files.write_text(tmp_path / "link", "mine")
    assert (tmp_path / "blob").read_text() == "published"
    assert (tmp_path / "link").read_text() == "mine" and not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a": 1', "not JSON, or cut short"),
        (b"", "not JSON, or cut short"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON, or cut short: Exceeds"),
        (b"[1]", "expected a JSON object, got list"),
        (b"null", "expected a JSON object, got NoneType"),
        ('{"a": "ä"}'.encode("latin-1"), "not UTF-8 text: byte 7"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 text: byte 0"),
        (b'{"a": 1}' + b" " * 100, "108 bytes: expected at most 99"),
    ],
)
def test_json_errors_name_the_file(tmp_path, data, told):
    path = tmp_path / "some.json"
    path.write_bytes(data)
    limit = 99 if "expected at most" in told else files.JSON_LIMIT_BYTES
    with pytest.raises(ValueError, match=rf"some\.json.*{told}"):
        files.read_json(path, limit_bytes=limit)


def test_json_comes_back(tmp_path):
    content = {"b": [1, 2.5, None, True], "a": {"ä": "\u2581x\u2028"}}
    files.write_json(tmp_path / "a.json", content)
    assert files.read_json(tmp_path / "a.json") == content
    (tmp_path / "mark.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.json").read_bytes())
    assert files.read_json(tmp_path / "mark.json") == content


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match="is no ordinary file"):
            files.read_text(path)
    with pytest.raises(FileNotFoundError, match=r"no a\.json in"):
        files.read_json(tmp_path / "a.json")
