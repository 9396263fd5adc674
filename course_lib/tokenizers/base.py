"""What every tokenizer of the course can do."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, runtime_checkable

from course_lib.checks import check_whole
from course_lib.tokenizers.added import AddedToken, Finder
from course_lib.tokenizers.align import Span
from course_lib.tokenizers.framing import Framing
from course_lib.tokenizers.normalizers import Normalizer, through


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
        added_tokens: more tokens outside the model, special or not, with all that a file says of
            them; one of a spelling in `special_tokens` describes that one.

    Raises:
        ValueError: a spelling is empty or has a lone surrogate.
    """

    def __init__(
        self,
        special_tokens: Mapping[str, int] | None = None,
        added_tokens: Iterable[AddedToken] = (),
    ) -> None:
        if isinstance(special_tokens, str | bytes):
            raise TypeError(f"special_tokens must map spellings to ids, got {special_tokens!r}")
        added = {name: AddedToken(content=name, id=i) for name, i in (special_tokens or {}).items()}
        added |= {token.content: token for token in added_tokens}
        if "" in added:
            raise ValueError("special_tokens holds an empty string; a special token needs a name")
        for name in added:
            check_text(name, "special_tokens")
        self.added_tokens = list(added.values())
        self._special_tokens = {t.content: t.id for t in self.added_tokens if t.special}
        self.post_processor: Mapping[str, Any] | None = None
        self._framing = Framing(None)
        self._look_for(Normalizer())

    _compiled: tuple[str, ...] = ("_normalize", "_finders", "_shown")
    """What pickle does not carry; `_build` makes it anew."""

    def _build(self) -> None:
        self._look_for(Normalizer())

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in self._compiled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._build()

    def _look_for(self, normalize: Normalizer) -> None:
        """Say how the tokenizer normalizes text, in which some added tokens are looked for."""
        self._normalize = normalize
        plain = [token for token in self.added_tokens if not token.normalized]
        rest = [token for token in self.added_tokens if token.normalized]
        self._finders = Finder(plain), Finder(rest, normalize)
        # A token that is looked for in normalized text is normalized when it is decoded too.
        self._shown = {t.id: normalize(t.content) for t in rest}

    def frame_with(self, post_processor: Mapping[str, Any] | None) -> None:
        """Say what `encode(..., add_special=True)` puts around a text.

        Args:
            post_processor: such a section of a `tokenizer.json`; None for nothing.

        Raises:
            ValueError: it is of an unknown type, or broken.
        """
        self._framing = Framing(post_processor)
        self.post_processor = post_processor

    # What a kind of tokenizer must say about itself.

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""

    @property
    @abstractmethod
    def tokens(self) -> Sequence[str] | Sequence[bytes]:
        """Id -> spelling, or bytes where tokens are bytes."""

    @abstractmethod
    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        """Ids of a normalized text in which nothing is special.

        Args:
            text: the text.
            first: whether it stands at the beginning of the whole text.
        """

    @abstractmethod
    def _offsets_ordinary(self, text: str, first: bool = True) -> list[Span]:
        """Span in the normalized text of each token of `_encode_ordinary(text, first)`."""

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

    def _spellings(
        self, ids: Ids, name_of: Mapping[int, str], skip_special: bool
    ) -> Iterator[tuple[int, str]]:
        """Each id that is decoded, with the spelling that stands for it in the text."""
        for i in as_ids(ids):
            if i not in name_of:
                raise ValueError(f"id {i} is not in the vocabulary of {self.vocab_size} tokens")
            shown = self._shown.get(i, name_of[i])
            if not (skip_special and shown in self._special_tokens):  # as the library looks it up
                yield i, shown

    @property
    def special_tokens(self) -> dict[str, int]:
        """Spelling -> id of the special tokens (a copy)."""
        return dict(self._special_tokens)

    def special_id(self, token: str) -> int:
        """Id of a special token.

        Raises:
            TypeError: it is no string.
            ValueError: the tokenizer has no such special token; the message has the nearest one.
        """
        if not isinstance(token, str):
            raise TypeError(f"token must be a string, got {token!r:.60}")
        if token in self._special_tokens:
            return self._special_tokens[token]
        known = list(self._special_tokens)
        near = difflib.get_close_matches(token, known, n=1, cutoff=0.0)
        hint = f"the nearest is {near[0]!r}" if near else "this tokenizer has none"
        raise ValueError(f"{token!r} is not a special token: {hint}; known: {known}")

    @property
    def special_frame(self) -> tuple[list[int], list[int]]:
        """The ids that `encode(..., add_special=True)` puts before a text, and those after it."""
        return list(self._framing.before), list(self._framing.after)

    def encode(
        self,
        text: str,
        *,
        allow_special: bool | Collection[str] = False,
        add_special: bool = False,
    ) -> list[int]:
        """Ids of a text.

        Args:
            text: any string without lone surrogates.
            allow_special: False reads every character as ordinary text. True turns the spelling of
                each special token into its one id, and a collection of spellings does so for those.
            add_special: put round the ids what the tokenizer's file says, such as the beginning
                of a text (`special_frame` tells what that is).

        Returns:
            One id per token.

        Raises:
            TypeError: `text` is not a string.
            ValueError: `text` holds half of a surrogate pair, which no encoding can carry, or
                `allow_special` names a token that does not exist.
        """
        check_text(text)
        ids: list[int] = []
        for start, end, found in self._cut(text, allow_special, self._finders[0]):
            if found is not None:
                ids.append(found)
                continue
            stretch = self._normalize(text[start:end])
            if not self._finders[1]:
                ids.extend(self._encode_ordinary(stretch, start == 0))
                continue
            for a, b, inner in self._cut(stretch, allow_special, self._finders[1]):
                if inner is not None:
                    ids.append(inner)
                else:
                    ids.extend(self._encode_ordinary(stretch[a:b], start == a == 0))
        return self._framing.put_around(ids) if add_special else ids

    def offsets(
        self,
        text: str,
        *,
        allow_special: bool | Collection[str] = False,
        add_special: bool = False,
    ) -> list[Span]:
        """Where each token of `encode(text)` lies in the text.

        A token may hold only some of the bytes of a character; its span is then the whole
        character, and neighbouring tokens share it. A token that is put round the text lies
        nowhere, at (0, 0).

        Args:
            text: as for `encode`.
            allow_special: as for `encode`.
            add_special: as for `encode`.

        Returns:
            One `(start, end)` per token, in characters: it covers `text[start:end]`.

        Raises:
            ValueError: as `encode`.
        """
        check_text(text)
        spans: list[Span] = []
        spellings: list[str] = []
        for start, end, found in self._cut(text, allow_special, self._finders[0]):
            if found is not None:
                spans.append((start, end))
                spellings.append(text[start:end])
                continue
            stretch, source = self._normalize.aligned(text[start:end])
            for a, b, inner in self._cut(stretch, allow_special, self._finders[1]):
                found_spans = [(0, b - a)]
                if inner is None:
                    found_spans = self._offsets_ordinary(stretch[a:b], start == a == 0)
                inside = [(a + left, a + right) for left, right in found_spans]
                spans += [(start + x, start + y) for x, y in through(source, inside)]
                if self._framing.trims and inner is None:
                    ids = self._encode_ordinary(stretch[a:b], start == a == 0)
                    for i, (left, right) in zip(ids, found_spans, strict=True):
                        spellings.append(self._spelling(i, stretch[a + left : a + right]))
                elif self._framing.trims:
                    spellings.append(stretch[a:b])
        if self._framing.trims:
            spans = self._framing.trim(spans, spellings)
        before, after = self.special_frame if add_special else ([], [])
        return [*[(0, 0)] * len(before), *spans, *[(0, 0)] * len(after)]

    def _spelling(self, i: int, covered: str) -> str:
        """How files spell a token, or what it covers where that is its spelling."""
        return str(self.tokens[i])

    def _cut(
        self, text: str, allowed: bool | Collection[str], finder: Finder
    ) -> Iterable[tuple[int, int, int | None]]:
        """Cut a text at added tokens: (start, end, id), id None for what lies between them."""
        if isinstance(allowed, str):
            raise TypeError(f"allow_special wants True, False or a list of tokens, got {allowed!r}")
        names: Collection[str] = self._special_tokens if allowed is True else allowed or ()
        if not isinstance(allowed, bool):
            for name in allowed:
                self.special_id(name)
        if not finder.active(names):
            return [(0, len(text), None)] if text else []
        return finder.cut(text, names)


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


def check_texts(texts: Iterable[str], name: str = "texts") -> Iterator[str]:
    """Pass texts through, and stop at the first that is not a proper string.

    Args:
        texts: what should be several strings.
        name: what the messages call them.

    Raises:
        TypeError: `texts` is one string, or an item is not a string.
        ValueError: an item has a lone surrogate.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise TypeError(f"{name} must be a list of strings, got one {type(texts).__name__}: [text]")
    for index, text in enumerate(texts):
        try:
            check_text(text)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}[{index}]: {error}") from None
        yield text


LONGEST_WORD = 1000
"""Characters after which a word is cut for learning, whose work grows with the square of them."""


def bounded(words: Iterable[str]) -> Iterator[str]:
    """The words, longer ones in parts of 1,000 characters."""
    for word in words:
        if len(word) <= LONGEST_WORD:
            yield word
        else:
            for start in range(0, len(word), LONGEST_WORD):
                yield word[start : start + LONGEST_WORD]


def check_names(special_tokens: Iterable[str]) -> list[str]:
    """The names of special tokens, each once.

    Raises:
        TypeError: they are one string, or one of them is no string.
    """
    if isinstance(special_tokens, str | bytes):
        raise TypeError(
            f"special_tokens must be a list of names, got one {special_tokens!r:.60}: "
            f"[{special_tokens!r:.60}]"
        )
    if not isinstance(special_tokens, Iterable):
        raise TypeError(f"special_tokens must be a list of names, got {special_tokens!r}")
    names = list(special_tokens)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"special_tokens[{index}] must be a string, got {name!r:.60}")
    return list(dict.fromkeys(names))


def check_vocab_size(vocab_size: int, smallest: int, why: str) -> int:
    """Stop at a vocabulary that cannot hold what every vocabulary must hold.

    Raises:
        TypeError: not an integer.
        ValueError: smaller than `smallest`.
    """
    [vocab_size] = check_whole(vocab_size=vocab_size)
    if vocab_size < smallest:
        raise ValueError(f"vocab_size must be at least {smallest} ({why}), got {vocab_size}")
    return vocab_size


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
