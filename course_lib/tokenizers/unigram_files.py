"""The `tokenizer.json` of a Unigram tokenizer.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.tokenizers.files import (
    JSON_NAME,
    added_tokens,
    check_parts,
    find,
    read_json,
    skeleton,
    write_json,
)
from course_lib.tokenizers.metaspace import SPACE, Metaspace

if TYPE_CHECKING:
    from course_lib.tokenizers.unigram import Unigram


def byte_piece(byte: int) -> str:
    """Spelling of the piece that is one byte: `<0x0A>`."""
    return f"<0x{byte:02X}>"


def sentinel_name(n: int) -> str:
    """Spelling of T5's n-th sentinel."""
    return f"<extra_id_{n}>"


def write_tokenizer_json(tokenizer: Unigram, path: str | PathLike[str]) -> None:
    """Write the tokenizer in the layout of the Rust library."""
    metaspace = {
        "type": "Metaspace",
        "replacement": SPACE,
        "prepend_scheme": "always" if tokenizer.spaces.prefix else "never",
        "split": tokenizer.spaces.split_words,
    }
    pre_tokenizer: dict[str, Any] = metaspace
    if tokenizer.spaces.split_at_space:
        steps = [{"type": "WhitespaceSplit"}, metaspace]
        pre_tokenizer = {"type": "Sequence", "pretokenizers": steps}
    decoder: dict[str, Any] = metaspace
    if tokenizer.byte_fallback:
        decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace]}
    model = {
        "type": "Unigram",
        "unk_id": tokenizer.special_id(tokenizer.unknown),
        "vocab": [[spelling, score] for spelling, score in tokenizer.pieces],
        "byte_fallback": tokenizer.byte_fallback,
    }
    sections = {
        "normalizer": tokenizer.normalizer,
        "pre_tokenizer": pre_tokenizer,
        "decoder": decoder,
        "model": model,
    }
    write_json(path, skeleton(tokenizer, **sections))


def read_unigram(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of `Unigram` out of its file, and the content of the file.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: the file is of another kind of tokenizer, or broken.
    """
    file = find(path, JSON_NAME)
    content = read_json(file)
    model = check_parts(
        content,
        file,
        "Unigram",
        pre_tokenizer=("Metaspace", "Sequence"),
        decoder=("Metaspace", "Sequence"),
    )
    unknown = model.get("unk_id")
    if unknown is None:
        raise ValueError(f"{file}: the model names no unknown token (unk_id)")
    pieces = [(spelling, float(score)) for spelling, score in model["vocab"]]
    name = pieces[unknown][0]
    arguments = {
        "pieces": pieces,
        "special_tokens": added_tokens(content, file) | {name: unknown},
        "unknown": name,
        "byte_fallback": bool(model.get("byte_fallback")),
        "normalizer": content.get("normalizer"),
    }
    return arguments | {"spaces": _spaces(content["pre_tokenizer"], file)}, content


def _spaces(section: dict[str, Any], file: Path) -> Metaspace:
    """How the file treats spaces."""
    steps = section["pretokenizers"] if section["type"] == "Sequence" else [section]
    kinds = [step["type"] for step in steps]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        raise ValueError(
            f"{file}: pre_tokenizer {kinds} is not supported, only Metaspace, alone or after "
            "WhitespaceSplit"
        )
    metaspace = steps[-1]
    # Before version 0.14 of the Rust library the scheme was a Boolean.
    before = "always" if metaspace.get("add_prefix_space", True) else "never"
    scheme = metaspace.get("prepend_scheme", before)
    if metaspace["replacement"] != SPACE or scheme not in ("always", "never"):
        raise ValueError(f"{file}: pre_tokenizer {metaspace} is not supported")
    return Metaspace(
        prefix=scheme == "always",
        split_words=bool(metaspace.get("split", True)),
        split_at_space=len(steps) == 2,
    )
