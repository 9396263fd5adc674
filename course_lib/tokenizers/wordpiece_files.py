"""The files of a WordPiece tokenizer: `tokenizer.json`, or `vocab.txt` with one piece a line.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.tokenizers.files import (
    JSON_NAME,
    added_tokens,
    check_parts,
    check_vocab,
    find,
    read_json,
    read_text,
    skeleton,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from course_lib.tokenizers.wordpiece import WordPiece


def write_vocab(tokenizer: WordPiece, path: str | PathLike[str]) -> None:
    """Write one piece a line, the line being the id."""
    write_text(Path(path), "".join(f"{name}\n" for name in tokenizer.tokens))


def write_tokenizer_json(tokenizer: WordPiece, path: str | PathLike[str]) -> None:
    """Write the tokenizer in the layout of the Rust library."""
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": tokenizer.lower_case,
    }
    model = {
        "type": "WordPiece",
        "unk_token": tokenizer.unknown,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": tokenizer.max_input_chars,
        "vocab": {name: i for i, name in enumerate(tokenizer.tokens) if name},
    }
    sections = {
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": model,
    }
    write_json(path, skeleton(tokenizer, **sections))


def read_wordpiece(
    path: str | PathLike[str], special: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of `WordPiece` out of its files, and the content of the `tokenizer.json`.

    Args:
        path: the file or its folder.
        special: special tokens to look for in a `vocab.txt`, which marks none.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are of another kind of tokenizer, or broken.
    """
    file = find(path, JSON_NAME, "vocab.txt")
    if file.suffix != ".json":
        return _from_vocab(file, special), {}
    content = read_json(file)
    model = check_parts(
        content,
        file,
        "WordPiece",
        normalizer=("BertNormalizer",),
        pre_tokenizer=("BertPreTokenizer",),
        decoder=("WordPiece",),
    )
    normalizer = content["normalizer"]
    lower = bool(normalizer.get("lowercase"))
    for option, wanted in {
        "clean_text": (True,),
        "handle_chinese_chars": (True,),
        "strip_accents": (None, lower),
    }.items():
        if normalizer.get(option) not in wanted:
            raise ValueError(f"{file}: {option} = {normalizer.get(option)!r} is not supported")
    if model.get("continuing_subword_prefix") != "##":
        raise ValueError(f"{file}: pieces inside a word must begin with '##'")
    added = added_tokens(content, file)
    check_vocab(model["vocab"], file)
    arguments = {
        "vocab": model["vocab"] | added,
        "special_tokens": list(added),
        "unknown": model["unk_token"],
        "lower_case": lower,
        "max_input_chars": model["max_input_chars_per_word"],
    }
    return arguments, content


def _from_vocab(file: Path, special: Sequence[str]) -> dict[str, Any]:
    # split("\n"), not splitlines: a piece can be a sign that Python takes for a line end.
    lines = [line.rstrip("\r") for line in read_text(file).split("\n")]
    if lines[-1] == "":
        lines.pop()
    vocab = {line: i for i, line in enumerate(lines)}
    if len(vocab) < len(lines):
        twice = next(line for i, line in enumerate(lines) if vocab[line] != i)
        raise ValueError(f"{file}: {twice!r} stands on more than one line")
    arguments: dict[str, Any] = {
        "vocab": vocab,
        "special_tokens": [name for name in special if name in vocab],
    }
    config = file.with_name("tokenizer_config.json")
    if config.is_file():
        arguments["lower_case"] = bool(read_json(config).get("do_lower_case", True))
    return arguments
