"""What every command of the package shares: how it ends, and how it reads and names its options."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

_LONGEST_NAME = 255  # bytes of a file's or folder's name, where names are bytes
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def quiet_interrupts() -> None:
    """Let Ctrl-C end this process with one line wherever it comes, also while modules are read."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
        else:
            before(kind, error, trace)

    sys.excepthook = tell


def run_command(main: Callable[[], int | None]) -> None:
    """Run a command's main function, and end the process with its status.

    A reader that has read enough (`| head -1`) ends it quietly, and Ctrl-C with one line, where
    the command says nothing of its own.

    Args:
        main: Gives the status.

    Raises:
        SystemExit: Always; 141 and 130 are what a shell calls these two ends, and 1 says that the
            output found no room.
    """
    try:
        code = main()
        if sys.stdout is not None:  # it may have been closed before the command began
            sys.stdout.flush()
    except BrokenPipeError:
        _to_nobody()
        code = 141
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except OSError as error:
        if error.filename is not None or error.errno not in _NO_ROOM:
            raise
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        _to_nobody()
        code = 1
    sys.exit(code)


def _to_nobody() -> None:
    """Lead the output away, or the interpreter writes the rest as it ends."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, sys.stdout.fileno())


def filled(text: str) -> str:
    """Read a word of a command line that must not be empty; a ``type`` for ``argparse``.

    Raises:
        argparse.ArgumentTypeError: it is.
    """
    if not text:
        raise argparse.ArgumentTypeError("got an empty word")
    return text


def file_path(text: str) -> Path:
    """Read a path of a command line: an empty one would be the current folder.

    A shell leaves the ``~`` of ``--output=~/run`` alone, so it is led home here.

    Raises:
        argparse.ArgumentTypeError: it is empty, or of a user that there is not.
    """
    try:
        return Path(filled(text)).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"got {text!r}: {error}") from error


def check_output(option: str, folder: Path) -> None:
    """Refuse a folder to write to that cannot be one, such as a file or what would lie in one.

    Args:
        option: What names it, such as ``--output``.
        folder: It need not be there yet.

    Raises:
        ValueError: No folder can be there.
    """
    try:
        place = next((one for one in (folder, *folder.parents) if os.path.lexists(one)), None)
        where = "" if place == folder else f": {place}"
        longest = max((len(os.fsencode(part)) for part in folder.parts), default=0)
        if os.name == "posix" and longest > _LONGEST_NAME:
            raise ValueError(f"{option} {folder} has a name that is too long")
        if "\0" in str(folder):
            raise ValueError(f"{option} must hold no null byte, got {str(folder)!r}")
        if place is not None and not place.exists():
            raise ValueError(f"{option} {folder}{where} is a link that leads nowhere")
        if place is not None and not place.is_dir():
            raise ValueError(f"{option} {folder}{where} is a file; a folder is wanted")
        if place not in (None, folder) and not os.access(place, os.W_OK | os.X_OK):
            raise ValueError(f"{option} {folder}: you may not write in {place}")
    except (OSError, RuntimeError) as error:  # links in a circle are one or the other
        raise ValueError(f"{option} {folder} cannot be a folder: {error}") from error


def what_is_kept(output: Path | None, otherwise: str) -> str:
    """Say what an interrupted run leaves: without a folder, nothing."""
    return "nothing is kept without --output" if output is None else otherwise


def in_options(error: Exception, chosen: argparse.Namespace) -> str:
    """Say an error as who wrote the command line knows it: ``held_out`` is ``--held-out`` there.

    Args:
        error: its text may begin with the name of an argument.
        chosen: what ``argparse`` read.
    """
    text = str(error)
    name = re.match(r"\w+(?= must |=| [\d.e+-]+ )", text)
    if name is None or vars(chosen).get(name[0]) is None:
        return text  # also where the option was left out: the value has come from elsewhere
    return f"--{name[0].replace('_', '-')}{text[name.end() :]}"
