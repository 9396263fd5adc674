"""What every tokenizer of the course can do.

Chapter: 03_tokenizer
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Protocol, runtime_checkable

import regex


@runtime_checkable
class HasToList(Protocol):
    """A tensor or an array."""

    def tolist(self) -> Any:
        """The numbers as plain Python objects."""


Ids = Iterable[int] | HasToList


class Tokenizer(ABC):
    """Turns text into a list of integers, and the integers back into text.

    A special token (`<|endoftext|>`, `[MASK]`) is a token that no text can produce by accident: its
    spelling in a text is ordinary characters unless the caller asks for it with `allow_special`.

    Args:
        special_tokens: spelling -> id of the special tokens.

    Chapter: 03_tokenizer
    """

    def __init__(self, special_tokens: Mapping[str, int] | None = None) -> None:
        self._special_tokens = dict(special_tokens or {})
        if "" in self._special_tokens:
            raise ValueError("special_tokens holds an empty string; a special token needs a name")
        for name in self._special_tokens:
            check_text(name, "special_tokens")
        # What a file says beyond this class, kept so that `save` writes it again.
        self.added: list[dict[str, Any]] = []
        self.post_processor: dict[str, Any] | None = None

    def _keep(self, content: Mapping[str, Any]) -> None:
        self.added = list(content.get("added_tokens") or [])
        self.post_processor = content.get("post_processor")

    # What a kind of tokenizer must say about itself.

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""

    @abstractmethod
    def _encode_ordinary(self, text: str) -> list[int]:
        """Ids of a text in which nothing is special."""

    @abstractmethod
    def _offsets_ordinary(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of `_encode_ordinary(text)`."""

    @abstractmethod
    def decode(self, ids: Ids, *, skip_special: bool = False) -> str:
        """Text of the ids."""

    @abstractmethod
    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokenizer as the ecosystem's `tokenizer.json`."""

    @classmethod
    @abstractmethod
    def load(cls, path: str | PathLike[str]) -> Tokenizer:
        """Read a tokenizer from the ecosystem's files."""

    # What they share.

    @property
    def special_tokens(self) -> dict[str, int]:
        """Spelling -> id of the special tokens (a copy)."""
        return dict(self._special_tokens)

    def special_id(self, token: str) -> int:
        """Id of a special token.

        Raises:
            ValueError: the tokenizer has no such special token; the message has the nearest one.
        """
        if token in self._special_tokens:
            return self._special_tokens[token]
        known = list(self._special_tokens)
        near = difflib.get_close_matches(token, known, n=1, cutoff=0.0)
        hint = f"the nearest is {near[0]!r}" if near else "this tokenizer has none"
        raise ValueError(f"{token!r} is not a special token: {hint}; known: {known}")

    def encode(self, text: str, *, allow_special: bool | Collection[str] = False) -> list[int]:
        """Ids of a text.

        Args:
            text: any string without lone surrogates.
            allow_special: False reads every character as ordinary text. True turns the spelling of
                each special token into its one id, and a collection of spellings does so for those.

        Returns:
            One id per token.

        Raises:
            TypeError: `text` is not a string.
            ValueError: `text` holds half of a surrogate pair, which no encoding can carry, or
                `allow_special` names a token that does not exist.
        """
        check_text(text)
        if allow_special is False:
            return self._encode_ordinary(text)
        ids: list[int] = []
        for piece, special in self._cut_special(text, allow_special):
            if special is None:
                ids.extend(self._encode_ordinary(piece))
            else:
                ids.append(special)
        return ids

    def offsets(
        self, text: str, *, allow_special: bool | Collection[str] = False
    ) -> list[tuple[int, int]]:
        """Where each token of `encode(text)` lies in the text.

        A token may hold only some of the bytes of a character; its span is then the whole
        character, and neighbouring tokens share it.

        Args:
            text: as for `encode`.
            allow_special: as for `encode`.

        Returns:
            One `(start, end)` per token, in characters: it covers `text[start:end]`.

        Raises:
            ValueError: as `encode`.
        """
        check_text(text)
        if allow_special is False:
            return self._offsets_ordinary(text)
        spans: list[tuple[int, int]] = []
        at = 0
        for piece, special in self._cut_special(text, allow_special):
            if special is None:
                spans.extend((at + a, at + b) for a, b in self._offsets_ordinary(piece))
            else:
                spans.append((at, at + len(piece)))
            at += len(piece)
        return spans

    def _cut_special(
        self, text: str, allowed: bool | Collection[str]
    ) -> Iterator[tuple[str, int | None]]:
        """Cut the text at its special tokens: pairs of (piece, id), id None for ordinary text."""
        if isinstance(allowed, str):
            raise TypeError(f"allow_special wants True, False or a list of tokens, got {allowed!r}")
        names = self._special_tokens if isinstance(allowed, bool) else allowed
        ids = {name: self.special_id(name) for name in names}
        if not ids:
            yield text, None
            return
        longest_first = sorted(ids, key=len, reverse=True)
        pattern = "|".join(self._special_pattern(name) for name in longest_first)
        at = 0
        for match in regex.finditer(pattern, text):
            if match.start() > at:
                yield text[at : match.start()], None
            name = next(name for name in longest_first if name in match[0])
            yield match[0], ids[name]
            at = match.end()
        if at < len(text):
            yield text[at:], None

    def _special_pattern(self, name: str) -> str:
        """Some special tokens swallow the space beside them, such as RoBERTa's `<mask>`."""
        entry: dict[str, Any] = next((e for e in self.added if e["content"] == name), {})
        before = r"\s*" if entry.get("lstrip") else ""
        after = r"\s*" if entry.get("rstrip") else ""
        return before + regex.escape(name) + after


def check_text(text: object, name: str = "text") -> None:
    """Stop at anything that is not a string which UTF-8 can carry.

    Args:
        text: what should be one.
        name: what the messages call it.

    Raises:
        TypeError: not a string.
        ValueError: a lone surrogate, with its position.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a string, got {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} has a lone surrogate {text[error.start]!r} at character {error.start}: half "
            "of a UTF-16 pair is no character; replace it before encoding"
        ) from None


def check_texts(texts: Iterable[str]) -> Iterator[str]:
    """Pass training texts through, and stop at the first that is not a proper string.

    Raises:
        TypeError: `texts` is one string, or an item is not a string.
        ValueError: an item has a lone surrogate.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts must be a list of strings, got one {type(texts).__name__}: [text]")
    for index, text in enumerate(texts):
        try:
            check_text(text)
        except (TypeError, ValueError) as error:
            raise type(error)(f"texts[{index}]: {error}") from None
        yield text


def check_vocab_size(vocab_size: int, smallest: int, why: str) -> None:
    """Stop at a vocabulary that cannot hold what every vocabulary must hold.

    Raises:
        TypeError: not an integer.
        ValueError: smaller than `smallest`.
    """
    if isinstance(vocab_size, bool) or not isinstance(vocab_size, int):
        raise TypeError(f"vocab_size must be an integer, got {vocab_size!r}")
    if vocab_size < smallest:
        raise ValueError(f"vocab_size must be at least {smallest} ({why}), got {vocab_size}")


def as_ids(ids: Ids) -> list[int]:
    """The ids as a plain list; a one-dimensional tensor or array is welcome.

    Raises:
        TypeError: the ids are nested, or no sequence.
    """
    if not isinstance(ids, HasToList | Iterable):
        raise TypeError(f"ids must be a sequence of integers, got {type(ids).__name__}")
    plain = ids.tolist() if isinstance(ids, HasToList) else list(ids)
    if plain and isinstance(plain[0], list):
        raise TypeError(f"ids must be one sequence, got {len(plain)} of them: decode row by row")
    return plain
