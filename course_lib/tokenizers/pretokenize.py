"""Cutting text into the pieces across which no token may reach.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections.abc import Callable

import regex

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


def splitter(pattern: str) -> Splitter:
    r"""A function that cuts a text into pieces, losing nothing: joined, they are the text.

    Stretches that the pattern does not match are pieces too.

    Args:
        pattern: a name in `PATTERNS`, or a regular expression in the syntax of the `regex` package
            (Python's own `re` has no `\p{L}`, and its `\s` takes four control characters more).

    Raises:
        ValueError: the pattern is no regular expression, or matches an empty string only.

    Chapter: 03_tokenizer
    """
    if pattern in PATTERNS:
        return regex.compile(PATTERNS[pattern]).findall
    try:
        # V1: a set inside a set is a set, as in the Oniguruma syntax of `tokenizer.json`.
        compiled = regex.compile(pattern, regex.V1)
    except regex.error as error:
        names = ", ".join(PATTERNS)
        raise ValueError(
            f"pattern is neither a known name ({names}) nor a regular expression: {pattern!r}: "
            f"{error}"
        ) from None

    def split(text: str) -> list[str]:
        pieces, at = [], 0
        for match in compiled.finditer(text):
            start, end = match.span()
            if start > at:
                pieces.append(text[at:start])
            if end > start:
                pieces.append(text[start:end])
            at = max(at, end)
        if at < len(text):
            pieces.append(text[at:])
        return pieces

    return split


def chain(splitters: list[Splitter]) -> Splitter:
    """One splitter that applies several, each to the pieces of the one before."""
    if len(splitters) == 1:
        return splitters[0]

    def split(text: str) -> list[str]:
        pieces = [text]
        for cut in splitters:
            pieces = [part for piece in pieces for part in cut(piece)]
        return pieces

    return split
