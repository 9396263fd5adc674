"""Reading and writing tokenizer files: what all kinds have in common.

Chapter: 03_tokenizer
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.tokenizers.base import Tokenizer

JSON_NAME = "tokenizer.json"
# A token is found in a list by its id, so one absurd id would fill the memory. The largest
# published vocabularies have about a million entries.
ID_LIMIT = 2**24


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path.name}: there is no folder {path.parent}")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # a temporary file is private, this one need not be
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def write_json(path: str | PathLike[str], content: Mapping[str, Any]) -> None:
    """Write `content` as JSON to a file, or as `tokenizer.json` into an existing folder."""
    target = Path(path)
    if target.is_dir():
        target = target / JSON_NAME
    write_text(target, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def read_text(path: Path) -> str:
    """Read a UTF-8 file as it is, line ends included.

    Raises:
        ValueError: the file is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start}") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: the file is not JSON, or no object.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(content).__name__}")
    return content


def find(path: str | PathLike[str], *names: str) -> Path:
    """The file itself, or the first of `names` in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    base = Path(path)
    if base.is_file():
        return base
    if not base.is_dir():
        raise FileNotFoundError(f"no file or folder {base}")
    for name in names:
        if (base / name).is_file():
            return base / name
    raise FileNotFoundError(f"folder {base} has none of {', '.join(names)}")


@contextmanager
def reading(path: str | PathLike[str]) -> Iterator[None]:
    """Let every error of a file that is not built as expected say which file it is.

    Raises:
        ValueError: with the path, for whatever went wrong inside.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: a part is missing or of the wrong kind: {type(error).__name__}: {error}"
        ) from error
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from error


def check_vocab(vocab: object, path: Path) -> None:
    """Refuse a vocabulary that does not map spellings to ids.

    Raises:
        ValueError: it is no object, or has an id that is no whole number from 0 to 2^24.
    """
    if not isinstance(vocab, dict):
        raise ValueError(f"{path}: the vocabulary must map spellings to ids, got {vocab!r:.60}")
    for name, i in vocab.items():
        if type(i) is not int or not 0 <= i < ID_LIMIT:
            raise ValueError(
                f"{path}: token {name!r} has the id {i!r}, wants a whole number below {ID_LIMIT:,}"
            )


def check_parts(
    content: Mapping[str, Any], path: Path, model: str, **expected: tuple[str | None, ...]
) -> dict[str, Any]:
    """Refuse a `tokenizer.json` that says something the reader would not obey.

    Args:
        content: the file.
        path: named in the messages.
        model: the type of model wanted.
        expected: section -> types that are understood (None: absent).

    Returns:
        The model's section.

    Raises:
        ValueError: the file is of another type, or has a section that is not understood.
    """
    section = content.get("model")
    if not isinstance(section, dict) or "vocab" not in section:
        raise ValueError(f"{path} has no model with a vocabulary: not a tokenizer.json")
    found = model_type(section)
    if found != model:
        raise ValueError(f"{path} is a {found} tokenizer, not {model}")
    for part, types in expected.items():
        kind = (content.get(part) or {}).get("type")
        if kind not in types:
            known = ", ".join(str(t) for t in types)
            raise ValueError(f"{path}: {part} of type {kind} is not supported, only {known}")
    return section


def model_type(section: Mapping[str, Any]) -> str:
    """Type of the model's section of a `tokenizer.json`; older files do not say it."""
    if declared := section.get("type"):
        return str(declared)
    if "merges" in section:
        return "BPE"
    return "Unigram" if isinstance(section.get("vocab"), list) else "WordPiece"


def added_tokens(content: Mapping[str, Any], path: Path) -> dict[str, int]:
    """Spelling -> id of the tokens that lie outside the model."""
    added = {token["content"]: token["id"] for token in content.get("added_tokens") or []}
    check_vocab(added, path)
    return added


def skeleton(tokenizer: Tokenizer, **sections: Any) -> dict[str, Any]:
    """A whole `tokenizer.json`, its sections in the order in which the Rust library writes them."""
    kept = {entry["content"]: entry for entry in tokenizer.added}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        kept.get(name) or {"id": i, "content": name, **plain, "special": True}
        for name, i in sorted(tokenizer.special_tokens.items(), key=lambda item: item[1])
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": sections.get("normalizer"),
        "pre_tokenizer": sections.get("pre_tokenizer"),
        "post_processor": tokenizer.post_processor,
        "decoder": sections.get("decoder"),
        "model": sections["model"],
    }
