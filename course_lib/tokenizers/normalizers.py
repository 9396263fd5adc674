"""The normalizers of a `tokenizer.json`: what becomes of a text, and whence each character came."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex

from course_lib.tokenizers.align import Span, align, follow
from course_lib.tokenizers.bert_text import BertNormalizer
from course_lib.tokenizers.charsmap import CharacterMap
from course_lib.tokenizers.files.section import Section, Unsupported
from course_lib.tokenizers.patterns import find_all, read_pattern

GROWTH = 100
"""How many times longer a text may become; Unicode's own forms make it at most 18 times longer."""
LONGEST_CONTENT = 256


class Normalizer:
    """A function of text that can also say where the characters of its result came from.

    Args:
        function: changes a text in such a way that a change has only near effects.
    """

    def __init__(self, function: Callable[[str], str] = str) -> None:
        self._function = function

    def __call__(self, text: str) -> str:
        """The normalized text."""
        return self._function(text)

    def aligned(self, text: str) -> tuple[str, list[Span]]:
        """The normalized text, and for each of its characters `(start, end)` in `text`."""
        if self._function is str:
            return text, [(i, i + 1) for i in range(len(text))]
        return align(self._function, text)


class _InTurn(Normalizer):
    def __init__(self, steps: Sequence[Normalizer]) -> None:
        super().__init__()
        self._steps = steps

    def __call__(self, text: str) -> str:
        made = text
        for step in self._steps:
            made = step(made)
            _check_growth(text, made)
        return made

    def aligned(self, text: str) -> tuple[str, list[Span]]:
        made, spans = super().aligned(text)
        for step in self._steps:
            made, inner = step.aligned(made)
            _check_growth(text, made)
            spans = through(spans, inner)
        return made, spans


def through(spans: Sequence[Span], inner: Sequence[Span]) -> list[Span]:
    """The spans in the text behind `spans` of spans of the characters that have these spans."""
    found: list[Span] = []
    for start, end in inner:
        if end > start:
            found.append((spans[start][0], spans[end - 1][1]))
        else:
            at = spans[start][0] if start < len(spans) else spans[-1][1] if spans else 0
            found.append((at, at))
    return found


def _check_growth(text: str, made: str) -> None:
    if len(made) > GROWTH * len(text) + 1000:
        raise ValueError(
            f"the normalizer makes a text of {len(text)} characters longer than {GROWTH} times"
        )


class _Replace(Normalizer):
    def __init__(self, pattern: str | regex.Pattern[str], content: str) -> None:
        super().__init__()
        self._pattern, self._content = pattern, content

    def __call__(self, text: str) -> str:
        if isinstance(self._pattern, str):
            return text.replace(self._pattern, self._content)
        parts, done = [], 0
        for start, end in find_all(self._pattern, text):
            parts += [text[done:start], self._content]
            done = end
        return "".join([*parts, text[done:]])

    def aligned(self, text: str) -> tuple[str, list[Span]]:
        pattern = self._pattern
        if isinstance(pattern, str):
            pattern = regex.compile(regex.escape(pattern))
        parts: list[str] = []
        spans: list[Span] = []
        done = 0
        for start, end in find_all(pattern, text):
            parts += [text[done:start], self._content]
            spans += [(i, i + 1) for i in range(done, start)]
            spans += [(max(end - 1, 0), end)] * len(self._content)  # the last that was replaced
            done = end
        spans += [(i, i + 1) for i in range(done, len(text))]
        return "".join([*parts, text[done:]]), spans


class _Mapped(Normalizer):
    def __init__(self, table: CharacterMap) -> None:
        super().__init__(table)
        self._table = table

    def aligned(self, text: str) -> tuple[str, list[Span]]:
        return follow(self._table.changes(text), len(text))


class _Prepend(Normalizer):
    def __init__(self, content: str) -> None:
        super().__init__(lambda text: content + text if text else text)
        self._content = content

    def aligned(self, text: str) -> tuple[str, list[Span]]:
        spans = [(i, i + 1) for i in range(len(text))]
        return self(text), [*spans[:1] * len(self._content), *spans]


class _Strip(Normalizer):
    def __init__(self, left: bool, right: bool) -> None:
        super().__init__()
        self._left = regex.compile(r"\s*" if left else "")
        self._right = right

    def _range(self, text: str) -> Span:
        start = self._left.match(text).end()
        end = len(text)
        while self._right and end > start and _BLANK.match(text, end - 1):
            end -= 1
        return start, end

    def __call__(self, text: str) -> str:
        start, end = self._range(text)
        return text[start:end]

    def aligned(self, text: str) -> tuple[str, list[Span]]:
        start, end = self._range(text)
        return text[start:end], [(i, i + 1) for i in range(start, end)]


_BLANK = regex.compile(r"\s")
_MARK = regex.compile(r"\p{M}")


def _lower(text: str) -> str:
    # Letter by letter: Python lowers a capital sigma by its place in the word, Rust's library not.
    return "".join(map(str.lower, text))


def _strip_accents(text: str) -> str:
    return _MARK.sub("", text)


def build_normalizer(
    section: Mapping[str, Any] | None, where: str = "normalizer", depth: int = 0
) -> Normalizer:
    """The function that a `normalizer` section describes; None changes nothing.

    Args:
        section: for example `{"type": "NFKC"}`; `Sequence` takes several in turn.
        where: what messages call it.
        depth: how deep in others it stands.

    Raises:
        Unsupported: a type or a key that is not known here.
        ValueError: a part is missing or of the wrong kind.
    """
    if section is None:
        return Normalizer()
    if depth > 50:
        raise ValueError(f"{where[:80]} is nested too deeply")
    given = Section(section, where)
    kind = given.text("type")
    if kind == "Sequence":
        made: Normalizer = _InTurn(
            [
                build_normalizer(part.content, part.where, depth + 1)
                for part in given.sections("normalizers")
            ]
        )
    elif kind in ("NFC", "NFD", "NFKC", "NFKD"):
        made = Normalizer(lambda text: unicodedata.normalize(kind, text))
    elif kind in _BUILDERS:
        made = _BUILDERS[kind](given)
    else:
        known = ", ".join(["Sequence", "NFC", "NFD", "NFKC", "NFKD", *_BUILDERS])
        raise Unsupported(f"normalizer of type {kind} is not supported, only {known}")
    given.done()
    return made


def _build_replace(section: Section) -> Normalizer:
    pattern = read_pattern(section)
    content = section.text("content")
    if len(content) > LONGEST_CONTENT:
        raise ValueError(f"{section.where}: content has {len(content)} characters: too long")
    return _Replace(pattern, content)


def _build_prepend(section: Section) -> Normalizer:
    content = section.text("prepend")
    if len(content) > LONGEST_CONTENT:
        raise ValueError(f"{section.where}: prepend has {len(content)} characters: too long")
    return _Prepend(content)


def _build_precompiled(section: Section) -> Normalizer:
    given = section.text("precompiled_charsmap", "")
    try:
        blob = base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{section.where}: precompiled_charsmap is no base64: {error}") from None
    return _Mapped(CharacterMap(blob)) if blob else Normalizer()


def _build_bert(section: Section) -> Normalizer:
    lower = section.flag("lowercase", True)
    accents = section.get("strip_accents", None)
    return Normalizer(
        BertNormalizer(
            lower,
            strip_accents=lower if accents is None else section.flag("strip_accents"),
            clean=section.flag("clean_text", True),
            split_chinese=section.flag("handle_chinese_chars", True),
        )
    )


_BUILDERS: dict[str, Callable[[Section], Normalizer]] = {
    "Lowercase": lambda section: Normalizer(_lower),
    "StripAccents": lambda section: Normalizer(_strip_accents),
    "Replace": _build_replace,
    "Strip": lambda s: _Strip(s.flag("strip_left", True), s.flag("strip_right", True)),
    "Prepend": _build_prepend,
    "Precompiled": _build_precompiled,
    "BertNormalizer": _build_bert,
}
