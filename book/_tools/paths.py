"""Where things are, and the one error that ends a command with a sentence."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from course_lib import files, locks

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "_build"
EXECUTED = BUILD / "executed"
COSTS = BUILD / "costs.json"
HTML = BUILD / "html"
PACKAGE_FILES = (".py", ".js", ".css", ".json")


class CommandError(Exception):
    """Something the user can put right; the message says what and how."""


def chapter_texts() -> list[Path]:
    """The chapter sources, in reading order."""
    return sorted(BOOK.glob("[0-9][0-9]_*.md"))


def write_atomic(path: Path, text: str) -> None:
    """Write a whole file or nothing, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, text)


def check_target(out: Path) -> None:
    """Refuse a file that cannot be written, before work of minutes starts.

    Raises:
        CommandError: Its folder is none, or may not be written to, or the file is a folder itself.
    """
    if not out.parent.is_dir():
        raise CommandError(f"{out.parent} is no folder; name another file: --out")
    if out.is_dir():
        raise CommandError(f"{out} is a folder; name a file in it: --out")
    if not os.access(out.parent, os.W_OK):
        raise CommandError(f"you may not write in {out.parent}; name another file: --out")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Be the only command that builds in this checkout; say so and wait while another one does."""
    BUILD.mkdir(exist_ok=True)
    try:
        with locks.locked(BUILD, timeout_seconds=0.0):
            yield
            return
    except TimeoutError:
        print("Another command is building here; this one waits until it is done.", flush=True)
    with locks.locked(BUILD, timeout_seconds=3600.0):
        yield


def package_digest(chapter: str | None = None, root: Path = ROOT) -> str:
    """One word for everything a notebook's result depends on besides its own cells.

    Args:
        chapter: Its number of two digits. The exercises of other chapters are left out then, so
            that an edited feedback runs one notebook again and not all of them. None: everything.
        root: The tree to read.
    """
    return package_digests([chapter], root)[chapter]


def package_digests(chapters: Iterable[str | None], root: Path = ROOT) -> dict[str | None, str]:
    """`package_digest` of several chapters; every file is read once."""
    exercises = root / "course_lib" / "exercises" / "chapters"
    begin = sys.version.encode() + (root / "requirements.lock").read_bytes()
    states = {chapter: hashlib.sha256(begin) for chapter in chapters}
    for path in sorted((root / "course_lib").rglob("*")):
        if path.suffix not in PACKAGE_FILES or "__pycache__" in path.parts:
            continue
        inside = path.relative_to(exercises).parts if path.is_relative_to(exercises) else ()
        owner = inside[0][2:4] if len(inside) > 1 and inside[0].startswith("ch") else None
        entry = str(path.relative_to(root)).encode() + path.read_bytes()
        for chapter, state in states.items():
            if None in (chapter, owner) or chapter == owner:
                state.update(entry)
    return {chapter: state.hexdigest() for chapter, state in states.items()}


def command(main: Callable[[], int]) -> None:
    """Run a command's main function; what a user can put right ends it with one sentence."""
    name = Path(sys.argv[0]).stem
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # `| head -1` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except CommandError as error:
        print(f"\n{name}: {error}", file=sys.stderr)
        code = 1
    except OSError as error:
        full, closed = "The disk is full. Free some space", "You may not write here. Copy it"
        remedies = {
            errno.ENOSPC: f"{full} and run it again.",
            errno.EDQUOT: f"{full} and run it again.",
            errno.EROFS: f"{closed} to where you may.",
            errno.EACCES: f"{closed} to where you may.",
            errno.EPERM: f"{closed} to where you may.",
        }
        if error.errno not in remedies:
            raise
        print(f"\n{name}: {error.filename}: {remedies[error.errno]}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        # All is ended; a second Ctrl-C would end the interpreter while it ends, by a signal.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print(f"\n{name}: interrupted. Finished pages are kept; run it again.", file=sys.stderr)
        code = 130
    sys.exit(code)
