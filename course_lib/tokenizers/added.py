"""Tokens that lie outside the model, found in a text before it is cut into words.

Some are special (`<|endoftext|>`): their spelling in a text means nothing unless the caller says
so. Others are words that somebody added to a finished vocabulary: these are always found.

Source: the Rust library `tokenizers`, `added_vocabulary.rs`, whose order of steps this follows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import regex

_SPACE_AFTER = regex.compile(r"\s*")
_WORD_BEFORE = regex.compile(r"\w\Z")
_WORD_AFTER = regex.compile(r"\w")


@dataclass(frozen=True, kw_only=True)
class AddedToken:
    """A token outside the model, with all that a `tokenizer.json` says of it.

    Args:
        content: its spelling.
        id: its id.
        special: whether the caller decides if its spelling in a text counts.
        normalized: look for it in the normalized text, not in the text as it came.
        single_word: only where no letter or digit stands beside it.
        lstrip: it swallows the white space before it.
        rstrip: it swallows the white space after it.
    """

    content: str
    id: int
    special: bool = True
    normalized: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False


class Finder:
    """Finds added tokens in a text, the leftmost first and the longest of those.

    Args:
        tokens: what is looked for.
        spelled: how a token is spelled in the texts that are searched.
    """

    def __init__(self, tokens: Sequence[AddedToken], spelled: Callable[[str], str] = str) -> None:
        self._token_of = {name: t for t in tokens if (name := spelled(t.content))}
        longest_first = sorted(self._token_of, key=len, reverse=True)
        self._pattern = regex.compile("|".join(map(regex.escape, longest_first)))
        self._special = {t.content for t in self._token_of.values() if t.special}
        self._has_words = len(self._special) < len(self._token_of)

    def __bool__(self) -> bool:
        return bool(self._token_of)

    def active(self, allowed: Collection[str]) -> bool:
        """Whether anything can be found when these special tokens count."""
        return self._has_words or (bool(allowed) and not self._special.isdisjoint(allowed))

    def cut(self, text: str, allowed: Collection[str]) -> Iterator[tuple[int, int, int | None]]:
        """Cut a text at the tokens.

        Args:
            text: the text.
            allowed: the special tokens that count.

        Yields:
            Start, end, and the id of a token or None for what lies between two.
        """
        done = 0
        for match in self._pattern.finditer(text) if self._token_of else ():
            token = self._token_of[match[0]]
            start, stop = match.span()
            if token.special and token.content not in allowed:
                continue
            if token.single_word and (
                _WORD_BEFORE.search(text, max(0, start - 1), start) or _WORD_AFTER.match(text, stop)
            ):
                continue
            if token.lstrip:
                start = max(done, _start_of_space(text, start))
            if token.rstrip:
                stop = _SPACE_AFTER.match(text, stop).end()
            if start > done:
                yield done, start, None
            yield start, stop, token.id
            done = stop
        if done < len(text):
            yield done, len(text), None


def _start_of_space(text: str, end: int) -> int:
    while end and _SPACE_AFTER.fullmatch(text, end - 1, end):
        end -= 1
    return end
