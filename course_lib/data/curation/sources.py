"""Pages from the files people have: text, JSON lines, HTML and WARC, one at a time.

What cannot be read is skipped and counted by its cause; nothing stops a run of a million pages but
a file that is not there.

"""

import codecs
import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from io import BufferedIOBase
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.checks import check_sizes
from course_lib.data.curation.page import Page
from course_lib.data.curation.streams import InUtf8, Members
from course_lib.extras import needs

TEXT, LINES, WEB, ARCHIVE = (
    (".txt", ".md", ".rst", ".text"),
    (".jsonl", ".ndjson"),
    (".html", ".htm"),
    (".warc", ".wet"),
)
MAX_PAGE_BYTES = 10_000_000
# the longer marks first: that of UTF-32 begins with that of UTF-16
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TRUNCATED = (EOFError, zlib.error, gzip.BadGzipFile)


def kind_of(path: Path) -> str:
    """The suffix that says how a file is read, ``.gz`` left out; empty when it is none we read."""
    name = path.name.lower().removesuffix(".gz")
    return next((end for end in (*TEXT, *LINES, *WEB, *ARCHIVE) if name.endswith(end)), "")


def find_files(paths: Iterable[str | PathLike[str]]) -> list[Path]:
    """List the files to read: those named, and all of a kind we read in the folders named.

    Args:
        paths: Files and folders; a folder is searched to its depth, in order of name.

    Returns:
        Files, each once.

    Raises:
        TypeError: If ``paths`` is one path instead of a list, or one of them is none.
        ValueError: If a path is empty: it would stand for the whole current folder.
        FileNotFoundError: If a path does not exist, or no file of a known kind is found.
        PermissionError: If a folder named cannot be read.
    """
    found: dict[Path, Path] = {}  # by where it is, so that two spellings of a path are one file
    for path in as_paths(paths):
        if path.is_dir():
            inside, _ = _search(path)
        elif path.exists():
            inside = [path]
        else:
            raise FileNotFoundError(f"there is no {path}")
        for file in inside:
            found.setdefault(file.resolve(), file)
    if not found:
        known = " ".join((*TEXT, *LINES, *WEB, *ARCHIVE))
        raise FileNotFoundError(f"paths name no file of a known kind; known are {known} and .gz")
    return list(found.values())


def as_paths(paths: Iterable[str | PathLike[str]]) -> list[Path]:
    """Return a list of paths.

    Raises:
        TypeError: If it is one path instead of several, or one of them is none.
        ValueError: If one is empty.
    """
    if isinstance(paths, str | PathLike):
        raise TypeError(f"paths must be a list of paths, got one: [{str(paths)!r}] would do")
    if isinstance(paths, bytes) or not isinstance(paths, Iterable):
        raise TypeError(f"paths must be a list of paths, got {paths!r:.60}")
    listed = list(paths)
    for place, path in enumerate(listed):
        if not isinstance(path, str | PathLike):
            raise TypeError(f"paths[{place}] must be a path, got {path!r:.60}")
        if not os.fspath(path):
            raise ValueError(f"paths[{place}] must be a file or a folder, got an empty text")
    return [Path(path) for path in listed]


def count_others(paths: Iterable[str | PathLike[str]]) -> Counter[str]:
    """Count what lies in the folders named and is not read, by cause, each thing once.

    Such as a file of another kind, a broken link, a link to a folder (which could lead in a
    circle), or a folder that may not be read. A file that is named itself is none of these: it is
    counted where it is read.
    """
    named = as_paths(paths)
    others: dict[Path, str] = {}
    for folder in {path.resolve() for path in named if path.is_dir()}:
        others.update(_search(folder)[1])
    for path in named:
        others.pop(path.parent.resolve() / path.name, None)
    return Counter(others.values())


def check_outside(output: str | PathLike[str], paths: Iterable[str | PathLike[str]]) -> None:
    """Refuse an output that lies where it would be read: by the same run when it goes on.

    Args:
        output: A folder, which need not exist.
        paths: Files and folders to read.

    Raises:
        ValueError: If the output lies in one of the folders, or holds one of the files.
    """
    place = Path(output).resolve()
    for path in as_paths(paths):
        found = path.resolve()
        if found in (place, *place.parents) or place in found.parents:
            raise ValueError(
                f"output {output} and {path}, whose files are to be read, lie in one another: "
                "choose an output outside"
            )


def _search(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """All files of a kind we read in a folder, to its depth, and why other things are not read."""
    found: list[Path] = []
    others: dict[Path, str] = {}
    waiting = [folder]
    while waiting:  # a list, no recursion: folders can be deeper than Python's calls
        place = waiting.pop()
        try:
            with os.scandir(place) as inside:
                entries = list(inside)
        except OSError as error:
            if place == folder:
                raise
            others[place] = f"folder cannot be read: {error.strerror}"
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif os.path.isdir(path):
                others[path] = "link to a folder"
            elif os.path.isfile(path) and kind_of(path):
                found.append(path)
            else:
                others[path] = "unknown kind of file"
    return sorted(found), others


def read_pages(
    path: str | PathLike[str],
    skipped: Counter[str],
    *,
    max_page_bytes: int = MAX_PAGE_BYTES,
) -> Iterator[Page]:
    """Read the pages of one file, one after another, holding one at a time.

    Args:
        path: The file; its suffix says what it is.
        skipped: Counts what could not be read, by cause; grown in place.
        max_page_bytes: A larger page is skipped.

    Yields:
        Pages with text; ``about`` has ``source``, the file, and for JSON lines the line's other
        fields, its own ``source`` among them.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the limit is less than 1.
        ImportError: If the file is HTML or WARC and the extra ``text`` is not installed.
    """
    [path] = as_paths([path])
    if not isinstance(skipped, Counter):
        raise TypeError(f"skipped must be a Counter, got {type(skipped).__name__}")
    [max_page_bytes] = check_sizes(max_page_bytes=max_page_bytes)
    kind = kind_of(path)
    if not path.is_file():
        skipped["no ordinary file"] += 1
        return
    before = _stamp(path)
    try:
        if kind in ARCHIVE:
            yield from _read_archive(path, skipped, max_page_bytes)
        elif kind in (*LINES, *TEXT, *WEB):
            with _open(path) as file:
                if kind in LINES:
                    with closing(_lines_of(file)) as lines:
                        yield from _read_lines(lines, path, skipped, max_page_bytes)
                else:
                    yield from _read_whole(file, path, kind, skipped, max_page_bytes)
        else:
            skipped["unknown kind of file"] += 1
    except _TRUNCATED:
        skipped["damaged or truncated compression"] += 1
    except OSError as error:
        skipped[f"cannot be read: {error.strerror or type(error).__name__}"] += 1
    if _stamp(path) != before:
        skipped["file changed while it was read"] += 1


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _open(path: Path) -> BufferedIOBase:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rb")
    return open(path, "rb")


def _lines_of(file: Any) -> BufferedIOBase | InUtf8:
    start = file.peek(4)
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    return file if encoding is None else InUtf8(file, encoding)


def _decode(data: bytes, skipped: Counter[str]) -> str | None:
    """What a mark at the begin says, UTF-8, or Windows' Western encoding; None for no text."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                break
    if b"\0" in data:
        skipped["binary"] += 1
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    text = data.decode("cp1252", "replace")
    control = sum(c < " " and c not in "\t\n\r\f" for c in text) + text.count("\ufffd")
    if control > 0.01 * len(text):
        skipped["binary"] += 1
        return None
    return text


def _read_whole(
    file: BufferedIOBase, path: Path, kind: str, skipped: Counter[str], limit: int
) -> Iterator[Page]:
    data = file.read(limit + 1)
    if len(data) > limit:
        skipped["larger than the limit"] += 1
        return
    text = extract_text(data) if kind in WEB else _decode(data, skipped)
    if text is None:
        return
    if not text.strip():
        skipped["no text"] += 1
        return
    yield Page(text, "", {"source": str(path)})


def _read_lines(
    file: BufferedIOBase | InUtf8, path: Path, skipped: Counter[str], limit: int
) -> Iterator[Page]:
    while line := file.readline(limit + 1):
        if len(line) > limit:
            skipped["larger than the limit"] += 1
            while line and not line.endswith(b"\n"):
                line = file.readline(limit)
            continue
        if not line.strip():
            continue
        written = _decode(line, skipped)
        if written is None:
            continue
        try:
            content: Any = json.loads(written)
        except (ValueError, RecursionError):
            skipped["line is not JSON"] += 1
            continue
        text = content.get("text") if isinstance(content, dict) else None
        if not isinstance(text, str):
            skipped["line has no field text"] += 1
            continue
        if not text.strip():
            skipped["no text"] += 1
            continue
        url = content.get("url")
        about = {key: value for key, value in content.items() if key not in ("text", "url")}
        yield Page(text, url if isinstance(url, str) else "", {"source": str(path), **about})


def extract_text(data: bytes) -> str:
    """Take the main text out of an HTML document: no menu, no banner, no footer.

    Args:
        data: The document's bytes; the encoding is detected.

    Returns:
        The text, paragraphs as lines; empty if there is none.

    Raises:
        ImportError: If resiliparse is not installed.
    """
    with needs("text", "HTML"):
        from resiliparse.extract.html2text import extract_plain_text
        from resiliparse.parse.encoding import bytes_to_str, detect_encoding
        from resiliparse.parse.html import HTMLTree
    tree = HTMLTree.parse(bytes_to_str(data, detect_encoding(data) or "utf-8"))
    return str(extract_plain_text(tree, main_content=True, preserve_formatting=True))


def _read_archive(path: Path, skipped: Counter[str], limit: int) -> Iterator[Page]:
    with needs("text", "WARC"):
        from fastwarc.warc import ArchiveIterator, WarcRecordType
    wanted = WarcRecordType.response | WarcRecordType.conversion
    n_records = 0
    with open(path, "rb") as file:
        stream: Any = Members(file) if path.name.lower().endswith(".gz") else file
        try:
            for record in ArchiveIterator(stream, auto_decode="all"):
                n_records += 1
                if not record.record_type & wanted:
                    continue
                # WET files hold text that was taken out before; others a web server's answers
                is_text = record.record_type == WarcRecordType.conversion
                yield from _read_record(record, is_text, path, skipped, limit)
        except (OSError, *_TRUNCATED):
            skipped["damaged or truncated archive"] += 1
            return
    broken = isinstance(stream, Members) and stream.broken
    if broken or (not n_records and path.stat().st_size):
        skipped["damaged or truncated archive"] += 1


def _read_record(
    record: Any, is_text: bool, path: Path, skipped: Counter[str], limit: int
) -> Iterator[Page]:
    url = record.headers.get("WARC-Target-URI") or ""
    if record.content_length > limit:
        skipped["larger than the limit"] += 1
        return
    if not is_text:
        status = record.http_headers.status_code if record.http_headers else None
        if status is not None and status != 200:
            skipped["record is no success"] += 1
            return
        kind = (record.http_content_type or "").lower() if record.http_headers else ""
        if kind and "html" not in kind and kind != "text/plain":
            skipped["record is no web page"] += 1
            return
        is_text = kind == "text/plain"
    data = record.reader.read(limit + 1)
    if len(data) > limit:  # it was compressed
        skipped["larger than the limit"] += 1
        while record.reader.read(2**20):
            pass  # the reader finds the next record only behind the end of this one
        return
    web = record.http_headers
    encoded = web and (web.get("Content-Encoding") or web.get("Transfer-Encoding"))
    if record.headers.get("Content-Length") is None or (
        len(data) < record.content_length and not encoded
    ):
        skipped["damaged or truncated archive"] += 1
        return
    text = _decode(data, skipped) if is_text else extract_text(data)
    if text is None:
        return
    if not text.strip():
        skipped["no text"] += 1
        return
    yield Page(text, url, {"source": str(path)})
