"""Files of a folder exchanged for others all at once, so that no kill leaves a mix of both."""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path

from course_lib.files import sync

_PREFIX = ".exchange-"
_ROOM = re.compile(re.escape(_PREFIX) + "[0-9a-f]{12}")
_IN_TROUBLE = (errno.ENOSPC, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC))


def make_room(folder: Path) -> Path:
    """Make a hidden folder for new files inside the folder that they are for.

    Inside, because only there is it sure to be the same disk, where renaming copies nothing.

    Args:
        folder: The folder, which exists.

    Returns:
        The room; new files belong in its folder `new`.
    """
    room = folder / f"{_PREFIX}{secrets.token_hex(6)}"
    (room / "new").mkdir(parents=True)
    return room


def exchange(room: Path, old: Collection[str]) -> None:
    """Put the files of a room in the place of the old ones.

    A process can be killed between any two renames, and then some files would be old and some
    new. So each name first becomes a link that leads through one link for all, `current`. That
    one is turned from old to new by a single rename: the moment of the exchange. Then the links
    become files again. Killed at any point, the folder shows all the old files or all the new.

    Where the file system has no links, the old files go first, and `config.json` comes last: then
    a kill leaves something that does not load, but still no mix.

    Args:
        room: From `make_room`, filled.
        old: Names of files that are to go. Those of the new files need not be among them.

    Raises:
        IsADirectoryError: If one of these names is that of a folder; nothing is changed.
        OSError: If a disk is full, say; all old files are there.
    """
    folder, kept, current = room.parent, room / "old", room / "current"
    new = {file.name for file in (room / "new").iterdir()}
    old = {name for name in {*old, *new} if (folder / name).exists()}
    for name in sorted(old):
        if (folder / name).is_dir():
            raise IsADirectoryError(f"{folder / name} is a folder: a model has a file of this name")
        if name in new:
            with contextlib.suppress(OSError):  # a disk without them
                shutil.copymode(folder / name, room / "new" / name)
    sync(room / "new")
    kept.mkdir()
    try:
        os.symlink("old", current)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in _IN_TROUBLE:
            raise
        _one_by_one(room, old, new)
        return
    for name in sorted(old):
        _second_name(folder / name, kept / name)
    for name in sorted(old | new):
        os.symlink(f"{room.name}/current/{name}", room / "link")
        os.replace(room / "link", folder / name)
    os.symlink("new", room / "next")
    os.replace(room / "next", current)
    sync(folder)
    settle(folder)


def settle(folder: Path) -> None:
    """Turn the links of an exchange into files, whether it was finished, failed or was killed.

    Whoever calls it holds the lock of the folder (`course_lib.locks.locked`): the room of another
    that is still at work would be taken away.

    Args:
        folder: Where exchanges were made; nothing happens if there were none.
    """
    rooms = [file for file in folder.glob(f"{_PREFIX}*") if _ROOM.fullmatch(file.name)]
    for room in sorted(file for file in rooms if file.is_dir() and not file.is_symlink()):
        for file in sorted(folder.iterdir()):
            if file.is_symlink() and os.readlink(file) == f"{room.name}/current/{file.name}":
                if file.exists():
                    os.replace(room / "current" / file.name, file)
                else:
                    file.unlink()
        shutil.rmtree(room)


def _second_name(file: Path, name: Path) -> None:
    """Give a file a second name, without copying it where that can be."""
    if file.is_symlink():  # as in a download cache: a relative link would not lead there from here
        os.symlink(os.path.realpath(file), name)
        return
    try:
        os.link(file, name)
    except OSError:  # no disk for it, or a file of somebody else, which may not get one
        shutil.copyfile(file, name)
        sync(name)
        shutil.copymode(file, name)


def _one_by_one(room: Path, old: Collection[str], new: Collection[str]) -> None:
    folder = room.parent
    for name in sorted(old, key=lambda name: name != "config.json"):
        (folder / name).unlink(missing_ok=True)
    for name in sorted(new, key=lambda name: name == "config.json"):
        os.replace(room / "new" / name, folder / name)
    settle(folder)
