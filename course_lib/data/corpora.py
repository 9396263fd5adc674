"""Real English that the package brings along, the reader's own files, and an honest split.

Chapter: 01_relevance
"""

import ast
import hashlib
import json
import re
import stat
import sysconfig
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from tqdm import tqdm

from course_lib.checks import check_lists, check_numbers
from course_lib.tokenizers.base import check_text, check_texts

_TOPICS = Path(__file__).with_name("python_topics.json")
_NOT_PROSE = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
_SHORTEST_SHARED_CHARACTERS = 80


def pydoc_topics() -> list[str]:
    """Read the language reference of Python 3.11.7, in order of topic name.

    About 80 documents and half a megabyte. The text lies beside this module, with its licence,
    because Python's own copy changes with every patch release: what is trained or counted on it
    must come out the same for every reader. Topics repeat each other: about a sixth
    of the characters stand in two topics or more, which is why ``split`` looks for that.

    Returns:
        One string a topic.
    """
    topics = json.loads(_TOPICS.read_text(encoding="utf-8"))
    return [topics[name] for name in sorted(topics)]


def stdlib_docstrings(*, progress: bool = False) -> list[str]:
    """Collect every docstring of the standard library, tests left out, each text once.

    The files are parsed, never imported, so nothing runs. About 8,000 texts and 1.8 MB.

    Args:
        progress: Whether to show a bar over the files; reading them takes some seconds.

    Returns:
        Docstrings in order of file name, then of place in the file.
    """
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        p for p in sorted(root.rglob("*.py")) if not _NOT_PROSE & set(p.relative_to(root).parts)
    ]
    found: dict[str, None] = {}
    for path in tqdm(files, desc="reading docstrings", unit="file", disable=not progress):
        with tokenize.open(path) as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    found[text] = None
    return list(found)


def read_text_files(paths: Iterable[str | PathLike[str]]) -> list[str]:
    """Read UTF-8 text files, one document each.

    A byte that is no text stops the reading: a silently replaced character would be learned.

    Args:
        paths: Files to read, in this order.

    Returns:
        The documents; a byte order mark at the start is dropped.

    Raises:
        ValueError: If no path is given, one is a folder, a pipe or a device, a file is empty or
            blank, or a file holds a byte that is
            no UTF-8 text or a zero byte; the message names the file and the byte's offset.
        FileNotFoundError: If a file does not exist.
    """
    if isinstance(paths, str | PathLike):
        raise TypeError(f"paths must be a list of files, got one path: [{str(paths)!r}] would do")
    if not isinstance(paths, Iterable):
        raise TypeError(f"paths must be a list of files, got {paths!r:.60}")
    documents = []
    for path in map(Path, paths):
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may have no end
            raise ValueError(f"{path} is no ordinary file")
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # utf-8-sig counts from behind the mark, a reader's editor from the file's start.
            offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
            raise ValueError(
                f"{path} is not UTF-8 text: byte {data[offset]:#04x} at offset {offset} "
                f"({error.reason})"
            ) from error
        if b"\0" in data:
            raise ValueError(f"{path} is not text: byte 0x00 at offset {data.index(0)}")
        if not text.strip():
            raise ValueError(f"{path} holds no text: its {len(data)} bytes are all blank")
        documents.append(text)
    if not documents:
        raise ValueError("paths must name at least 1 file, got 0")
    return documents


def digest(documents: Iterable[str]) -> str:
    """Name a corpus by its content: the first 12 hexadecimal digits of a SHA-256.

    Args:
        documents: The texts; their order and their borders count.

    Returns:
        Twelve characters, equal only for equal corpora (for all practical purposes).

    Raises:
        TypeError: If it is one text, or a document is none.
        ValueError: If a document has half of a character, which UTF-8 cannot carry.
    """
    total = hashlib.sha256()
    for document in check_texts(documents, "documents"):
        total.update(hashlib.sha256(document.encode()).digest())
    return total.hexdigest()[:12]


def split(documents: Sequence[str], held_out: float = 0.1) -> tuple[list[str], list[str]]:
    """Set documents aside for measuring, so that no measured paragraph was also learned.

    Documents that share a paragraph of 80 characters or more, directly or through a third, go to
    the same side. Which groups are held out follows from their text alone (a hash), so neither
    the order of the documents nor a random seed changes the answer.

    Args:
        documents: At least two texts.
        held_out: Share of all characters to hold out, above 0 and below 1; what is held out comes
            as near to it from below as whole groups allow.

    Returns:
        The training documents and the held-out documents, each in their old order.

    Raises:
        TypeError: If documents are no list of texts, or the share is no number.
        ValueError: If there are fewer than two documents, one is blank, the share is not inside
            (0, 1), or no group is small enough to be held out.
    """
    if isinstance(documents, str):
        raise TypeError("documents must be a list of texts, got one text")
    check_lists(documents=documents)
    [held_out] = check_numbers(held_out=held_out)
    for index, document in enumerate(documents):
        check_text(document, f"documents[{index}]")
        if not document.strip():
            raise ValueError(f"documents[{index}] must hold text, got {document!r:.60}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, got {held_out}")
    if len(documents) < 2:
        raise ValueError(f"documents must hold at least 2 texts to split, got {len(documents)}")

    groups = _groups_sharing_text(documents)
    budget = held_out * sum(map(len, documents))
    order = sorted(groups, key=lambda group: digest([documents[group[0]]]))
    chosen: set[int] = set()
    for group in order:
        size = sum(len(documents[index]) for index in group)
        if size <= budget:
            chosen.update(group)
            budget -= size
    if not chosen:
        raise ValueError(
            f"held_out {held_out} of {sum(map(len, documents))} characters is less than the "
            f"smallest of {len(groups)} groups of documents without shared text"
        )
    train = [text for index, text in enumerate(documents) if index not in chosen]
    return train, [text for index, text in enumerate(documents) if index in chosen]


def paragraphs(document: str) -> list[str]:
    """Cut a text at blank lines, and make every run of blanks in a paragraph one space.

    Args:
        document: Any text.

    Returns:
        The paragraphs, without the empty ones.

    Raises:
        TypeError: If it is no text.
    """
    check_text(document, "document")
    pieces = (" ".join(piece.split()) for piece in re.split(r"\n\s*\n", document))
    return [piece for piece in pieces if piece]


def _groups_sharing_text(documents: Sequence[str]) -> list[list[int]]:
    """Join documents that share a long paragraph: connected components, by union-find."""
    parent = list(range(len(documents)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first_seen: dict[str, int] = {}
    for index, document in enumerate(documents):
        shared = [p for p in paragraphs(document) if len(p) >= _SHORTEST_SHARED_CHARACTERS]
        # A text without any long paragraph still must not stand on both sides itself.
        for text in shared or [" ".join(document.split())]:
            other = root(first_seen.setdefault(text, index))
            mine = root(index)
            parent[max(mine, other)] = min(mine, other)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(documents)):
        groups[root(index)].append(index)
    return list(groups.values())
