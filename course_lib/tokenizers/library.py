"""Tokenizers of any other build, read by the Rust library `tokenizers` where it is installed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Mapping
from os import PathLike
from typing import Any

from course_lib.tokenizers.align import Span
from course_lib.tokenizers.base import Ids, Tokenizer, as_ids, check_text
from course_lib.tokenizers.files.beside import read_tokenizer
from course_lib.tokenizers.files.common import (
    JSON_NAME,
    check_vocab,
    find,
    model_type,
    read_added,
    reading,
    write,
)
from course_lib.tokenizers.files.section import Section, Unsupported
from course_lib.tokenizers.framing import Framing
from course_lib.tokenizers.patterns import read_pattern


class LibraryTokenizer(Tokenizer):
    """A `tokenizer.json` of whatever build, behind the interface of the others.

    All that the file says is obeyed, since the library does it: `encode` also cuts texts off and
    fills them up where the file says so.

    Args:
        content: the file.

    Raises:
        ModuleNotFoundError: the `tokenizers` package is not installed.
        ValueError: the library cannot read it.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        _check_types(content)
        added = read_added(Section(content, "tokenizer.json"))
        super().__init__(None, added)
        self._content = dict(content)
        self._variants: dict[frozenset[str], Any] = {}
        self._plain = self._variant(frozenset())
        if lost := _lost(self._content, json.loads(self._plain.to_str())):
            raise ValueError(f"tokenizer.json: {lost} is not known to the library either")
        vocab = self._plain.get_vocab(with_added_tokens=True)
        self._name_of = {i: name for name, i in check_vocab(vocab, "tokenizer.json").items()}
        self.post_processor = content.get("post_processor")

    def __getstate__(self) -> dict[str, Any]:
        return {"content": self._content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["content"])  # type: ignore[misc]

    def _variant(self, allowed: frozenset[str]) -> Any:
        """The library's tokenizer for which only these special tokens count in a text.

        It knows one switch for all special tokens, so one that counts is called an ordinary
        added token here.
        """
        if allowed not in self._variants:
            content = dict(self._content)
            content["added_tokens"] = [
                entry | {"special": bool(entry["special"] and entry["content"] not in allowed)}
                for entry in content.get("added_tokens") or []
            ]
            made = _library().Tokenizer.from_str(json.dumps(content, ensure_ascii=False))
            made.encode_special_tokens = True
            self._variants[allowed] = made
        return self._variants[allowed]

    def _encoding(self, text: str, allowed: bool | Collection[str], add_special: bool) -> Any:
        check_text(text)
        if isinstance(allowed, str):
            raise TypeError(f"allow_special wants True, False or a list of tokens, got {allowed!r}")
        names = self._special_tokens if allowed is True else allowed or ()
        for name in names:
            self.special_id(name)
        try:
            made = self._variant(frozenset(names))
            return made.encode(text, add_special_tokens=add_special)
        except BaseException as error:
            raise _plain_error(error) from error

    def encode(
        self,
        text: str,
        *,
        allow_special: bool | Collection[str] = False,
        add_special: bool = False,
    ) -> list[int]:
        """Ids of a text; see `Tokenizer.encode`."""
        return list(self._encoding(text, allow_special, add_special).ids)

    def offsets(
        self,
        text: str,
        *,
        allow_special: bool | Collection[str] = False,
        add_special: bool = False,
    ) -> list[Span]:
        """Where each token lies in the text; see `Tokenizer.offsets`."""
        return list(self._encoding(text, allow_special, add_special).offsets)

    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        return self.encode(text)

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[Span]:
        return self.offsets(text)

    @property
    def special_frame(self) -> tuple[list[int], list[int]]:
        """The ids that `encode(..., add_special=True)` puts before a text, and those after it.

        Raises:
            Unsupported: the file's post-processor does something else besides.
        """
        framing = Framing(self.post_processor)
        return list(framing.before), list(framing.after)

    @property
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""
        return max(self._name_of, default=-1) + 1

    @property
    def tokens(self) -> list[str]:
        """Id -> spelling; an id without a token has an empty one."""
        return [self._name_of.get(i, "") for i in range(self.vocab_size)]

    def decode(self, ids: Ids, *, skip_special: bool = False) -> str:
        """Text of the ids.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have, or tokens on which a step of the
                file's decoder fails.
        """
        plain = as_ids(ids)
        for i in plain:
            if i not in self._name_of:
                raise ValueError(f"id {i} is not in the vocabulary of {self.vocab_size} tokens")
        try:
            return str(self._plain.decode(plain, skip_special_tokens=skip_special))
        except BaseException as error:
            raise _plain_error(error) from error

    def save(self, path: str | PathLike[str]) -> None:
        """Write the `tokenizer.json` as it was read.

        Args:
            path: the file, or an existing folder in which `tokenizer.json` is written.
        """
        write(path, self._content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> LibraryTokenizer:
        """Read a `tokenizer.json`.

        Args:
            path: the file or its folder.

        Raises:
            FileNotFoundError: there is no such file.
            ModuleNotFoundError: the `tokenizers` package is not installed.
            ValueError: the library cannot read the file.
        """
        with reading(path):
            content = read_tokenizer(find(path, JSON_NAME))
            try:
                return cls(content)
            except (ValueError, ModuleNotFoundError):
                raise
            except BaseException as error:
                raise _plain_error(error) from error


# An unheard-of type can make the library end the whole process, so only these reach it.
_TYPES = {
    "model": {"BPE", "WordPiece", "Unigram", "WordLevel"},
    "normalizer": set(
        "BertNormalizer Strip StripAccents NFC NFD NFKC NFKD Sequence Lowercase Nmt Precompiled "
        "Replace Prepend ByteLevel".split()
    ),
    "pre_tokenizer": set(
        "BertPreTokenizer ByteLevel CharDelimiterSplit Metaspace Whitespace Sequence Split "
        "Punctuation WhitespaceSplit Digits UnicodeScripts FixedLength".split()
    ),
    "post_processor": set(
        "BertProcessing RobertaProcessing ByteLevel TemplateProcessing Sequence".split()
    ),
    "decoder": set(
        "BPEDecoder ByteLevel WordPiece Metaspace CTC Sequence Replace Fuse Strip "
        "ByteFallback".split()
    ),
}
_STEPS = ("normalizers", "pretokenizers", "processors", "decoders")


def _check_types(content: Mapping[str, Any]) -> None:
    """Refuse what the library does not know either, and patterns that ours would refuse.

    Raises:
        Unsupported: a type is not known.
        ValueError: a part is missing or of the wrong kind.
    """
    for part, known in _TYPES.items():
        waiting = [content.get(part)]
        for section in waiting:  # grows while it is walked through
            if section is None and part != "model":
                continue
            given = Section(section, f"tokenizer.json: {part}")
            kind = model_type(given.content) if part == "model" else given.text("type")
            if kind not in known:
                raise Unsupported(f"{part} of type {kind!r:.60} is not supported")
            for key in _STEPS:
                waiting.extend(given.array(key, []))
            if part == "model":
                _check_prefix(given)
            elif given.content.get("pattern") is not None:
                read_pattern(given)


def _check_prefix(model: Section) -> None:
    """The library cuts the prefix off the second half of a merge without looking."""
    prefix = model.content.get("continuing_subword_prefix")
    if not prefix or model.content.get("type") != "BPE":
        return
    for merge in model.array("merges", []):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if not str(prefix).isascii() or not str(parts[-1]).startswith(str(prefix)):
            raise ValueError(f"{model.where}: merge {merge!r:.60} lacks the prefix {prefix!r:.60}")


_BIG = ("vocab", "merges", "added_tokens")
_RENAMED = ("str_rep", "add_prefix_space", "type")  # of old files, and a type that is understood


def _lost(given: Any, kept: Any, where: str = "") -> str:
    """The way to a key that the library took no notice of; empty if there is none."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in _BIG or value is None or (key not in kept and key in _RENAMED):
                continue
            inner = f"{where}: {key}" if where else key
            if key not in kept:
                return f"{inner}={value!r:.60}"
            if lost := _lost(value, kept[key], inner):
                return lost
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for n, (value, other) in enumerate(zip(given, kept, strict=True)):
            if lost := _lost(value, other, f"{where}[{n}]"):
                return lost
    return ""


def _library() -> Any:
    try:
        return importlib.import_module("tokenizers")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "such a tokenizer.json is read by the tokenizers package: pip install tokenizers"
        ) from None


def _plain_error(error: BaseException) -> BaseException:
    """The library raises bare exceptions, and panics that are none of Python's own."""
    known = (KeyboardInterrupt, SystemExit, MemoryError, TypeError, ValueError, ModuleNotFoundError)
    return error if isinstance(error, known) else ValueError(f"the library refuses it: {error}")
