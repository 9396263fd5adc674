"""The normalizers of a `tokenizer.json`, as plain functions of text.

Chapter: 03_tokenizer
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Literal

import regex

from course_lib.tokenizers.charsmap import CharacterMap

Normalizer = Callable[[str], str]
Section = Mapping[str, Any]


def build_normalizer(section: Section | None) -> Normalizer:
    """The function that a `normalizer` section describes; None changes nothing.

    Args:
        section: for example `{"type": "NFKC"}`; `Sequence` takes several in turn.

    Raises:
        ValueError: a type that is not known here.
    """
    if section is None:
        return _same
    kind = section.get("type")
    if kind == "Sequence":
        steps = [build_normalizer(part) for part in section["normalizers"]]
        return lambda text: _in_turn(steps, text)
    if kind in _BUILDERS:
        return _BUILDERS[kind](section)
    known = ", ".join(["Sequence", *_BUILDERS])
    raise ValueError(f"normalizer of type {kind} is not supported, only {known}")


def _same(text: str) -> str:
    return text


def _in_turn(steps: list[Normalizer], text: str) -> str:
    for step in steps:
        text = step(text)
    return text


def _unicode_form(form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> Callable[[Section], Normalizer]:
    return lambda section: lambda text: unicodedata.normalize(form, text)


def _lowercase(section: Section) -> Normalizer:
    # Letter by letter: Python lowers a capital sigma by its place in the word, Rust's library not.
    return lambda text: "".join(map(str.lower, text))


def _replace(section: Section) -> Normalizer:
    pattern, content = section["pattern"], section["content"]
    if "String" in pattern:
        return lambda text: text.replace(pattern["String"], content)
    compiled = regex.compile(pattern["Regex"], regex.V1)
    return lambda text: compiled.sub(lambda _: content, text)


def _prepend(section: Section) -> Normalizer:
    return lambda text: section["prepend"] + text if text else text


def _strip(section: Section) -> Normalizer:
    left = r"\A\s+" if section["strip_left"] else ""
    right = r"\s+\Z" if section["strip_right"] else ""
    pattern = "|".join(filter(None, [left, right]))
    return lambda text: regex.sub(pattern, "", text) if pattern else text


def _precompiled(section: Section) -> Normalizer:
    charsmap = section.get("precompiled_charsmap")
    return CharacterMap(base64.b64decode(charsmap)) if charsmap else _same


_BUILDERS: dict[Any, Callable[[Section], Normalizer]] = {
    "NFC": _unicode_form("NFC"),
    "NFD": _unicode_form("NFD"),
    "NFKC": _unicode_form("NFKC"),
    "NFKD": _unicode_form("NFKD"),
    "Lowercase": _lowercase,
    "Replace": _replace,
    "Strip": _strip,
    "Prepend": _prepend,
    "Precompiled": _precompiled,
}
