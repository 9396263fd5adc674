"""Cutting text into the pieces across which no token may reach.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex

from course_lib.tokenizers.align import Span
from course_lib.tokenizers.bert_text import SIGN
from course_lib.tokenizers.files.section import Section, Unsupported
from course_lib.tokenizers.patterns import compile_pattern, find_all, read_pattern

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# GPT-2's pattern keeps contractions, runs of letters, runs of digits and runs of other signs apart;
# cl100k (GPT-4, LLaMA 3) cuts numbers into at most three digits; o200k (GPT-4o) also cuts where
# small letters turn to capitals. Each of these patterns matches every character of every text.
PATTERNS = {"gpt2": GPT2, "cl100k": CL100K, "o200k": O200K}

Splitter = Callable[[str], list[str]]
Cutter = Callable[[str], list[Span]]


def splitter(pattern: str) -> Splitter:
    r"""A function that cuts a text into pieces, losing nothing: joined, they are the text.

    Stretches that the pattern does not match are pieces too.

    Args:
        pattern: a name in `PATTERNS`, or a regular expression in the syntax of the `regex` package
            (Python's own `re` has no `\p{L}`, and its `\s` takes four control characters more).

    Raises:
        ValueError: the pattern is no regular expression, or matches an empty string only.
    """
    if pattern in PATTERNS:
        return regex.compile(PATTERNS[pattern]).findall
    try:
        compiled = compile_pattern(pattern)
    except ValueError as error:
        names = ", ".join(PATTERNS)
        raise ValueError(f"{error}; nor is it a known name ({names})") from None
    return lambda text: [text[start:end] for start, end in stretches(compiled, text)[0]]


def stretches(pattern: regex.Pattern[str], text: str) -> tuple[list[Span], list[bool]]:
    """The stretches that match and those between them, and which is which."""
    spans: list[Span] = []
    matched: list[bool] = []
    at = 0
    for start, end in find_all(pattern, text):
        if start > at:
            spans.append((at, start))
            matched.append(False)
        if end > start:
            spans.append((start, end))
            matched.append(True)
        at = max(at, end)
    if at < len(text):
        spans.append((at, len(text)))
        matched.append(False)
    return spans, matched


def isolated(spans: list[Span], matched: list[bool]) -> list[Span]:
    """Every stretch is a piece."""
    return spans


def removed(spans: list[Span], matched: list[bool]) -> list[Span]:
    """What matches is dropped."""
    return [span for span, match in zip(spans, matched, strict=True) if not match]


def contiguous(spans: list[Span], matched: list[bool]) -> list[Span]:
    """Neighbouring matches are one piece."""
    pieces: list[Span] = []
    before = None
    for (start, end), match in zip(spans, matched, strict=True):
        if match == before:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
        before = match
    return pieces


def merged_with_previous(spans: list[Span], matched: list[bool]) -> list[Span]:
    """A match belongs to the piece before it, the first of several matches only."""
    pieces: list[Span] = []
    before = False
    for (start, end), match in zip(spans, matched, strict=True):
        if match and not before and pieces:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
        before = match
    return pieces


def merged_with_next(spans: list[Span], matched: list[bool]) -> list[Span]:
    """A match belongs to the piece after it, the last of several matches only."""
    pieces: list[Span] = []
    after = False
    for (start, end), match in zip(reversed(spans), reversed(matched), strict=True):
        if match and not after and pieces:
            pieces[-1] = (start, pieces[-1][1])
        else:
            pieces.append((start, end))
        after = match
    return pieces[::-1]


BEHAVIORS = {
    "Isolated": isolated,
    "Removed": removed,
    "Contiguous": contiguous,
    "MergedWithPrevious": merged_with_previous,
    "MergedWithNext": merged_with_next,
}
_DIGIT = regex.compile(r"\p{N}")
_SPACE = regex.compile(r"\s")
_SPACES = regex.compile(r"\s+")
_WORD = regex.compile(r"\w+|[^\w\s]+")


def _cutter(pattern: regex.Pattern[str], behavior: str, *, invert: bool = False) -> Cutter:
    arrange = BEHAVIORS[behavior]

    def cut(text: str) -> list[Span]:
        spans, matched = stretches(pattern, text)
        return arrange(spans, [not m for m in matched] if invert else matched)

    return cut


def _behavior(section: Section, default: Any = ...) -> str:
    name = section.text("behavior", None if default is ... else default)
    if name not in BEHAVIORS:
        raise ValueError(
            f"{section.where}: behavior={name!r}: expected one of {', '.join(BEHAVIORS)}"
        )
    return str(name)


def _split(section: Section) -> Cutter:
    pattern = read_pattern(section)
    if isinstance(pattern, str):
        pattern = regex.compile(regex.escape(pattern))
    return _cutter(pattern, _behavior(section), invert=section.flag("invert", False))


def _delimiter(section: Section) -> Cutter:
    sign = section.text("delimiter")
    if len(sign) != 1:
        raise ValueError(f"{section.where}: delimiter={sign!r:.60}: expected one character")
    return _cutter(regex.compile(regex.escape(sign)), "Removed")


def _digits(section: Section) -> Cutter:
    single = section.flag("individual_digits", False)
    return _cutter(_DIGIT, "Isolated" if single else "Contiguous")


_BUILDERS: dict[str, Callable[[Section], Cutter]] = {
    "Split": _split,
    "Digits": _digits,
    "Punctuation": lambda section: _cutter(SIGN, _behavior(section, "Isolated")),
    "Whitespace": lambda section: _cutter(_WORD, "Removed", invert=True),
    "WhitespaceSplit": lambda section: _cutter(_SPACES, "Removed"),
    "CharDelimiterSplit": _delimiter,
    "BertPreTokenizer": lambda section: in_turn(
        [_cutter(_SPACE, "Removed"), _cutter(SIGN, "Isolated")]
    ),
}


def build_cutter(section: Mapping[str, Any], where: str = "pre_tokenizer") -> Cutter:
    """The function that one cutting step of a `pre_tokenizer` describes.

    Args:
        section: such as `{"type": "Digits", "individual_digits": true}`.
        where: what messages call it.

    Raises:
        Unsupported: a type or a key that is not known here.
        ValueError: a part is missing or of the wrong kind.
    """
    given = Section(section, where)
    kind = given.text("type")
    if kind not in _BUILDERS:
        raise Unsupported(
            f"{where}: a step of type {kind} is not supported, only {', '.join(_BUILDERS)}"
        )
    made = _BUILDERS[kind](given)
    given.done()
    return made


def in_turn(cutters: Sequence[Cutter]) -> Cutter:
    """One cutter that applies several, each to the pieces of the one before."""

    def cut(text: str) -> list[Span]:
        spans = [(0, len(text))] if text else []
        for cutter in cutters:
            spans = [
                (start + a, start + b)
                for start, end in spans
                for a, b in cutter(text[start:end])
                if b > a
            ]
        return spans

    return cut


def steps_of(section: Section | None) -> list[Section]:
    """The steps of a `pre_tokenizer` section, sequences in sequences laid out flat."""
    if section is None:
        return []
    if section.text("type") != "Sequence":
        return [section]
    steps = [step for part in section.sections("pretokenizers") for step in steps_of(part)]
    section.done()
    return steps
