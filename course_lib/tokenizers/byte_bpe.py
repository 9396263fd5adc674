"""Byte-level byte pair encoding: the tokenizer of GPT-2, RoBERTa, BART, BLOOM and LLaMA 3.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from os import PathLike
from typing import Any

from tqdm import tqdm

from course_lib.tokenizers.base import Ids, Tokenizer, as_ids, check_texts, check_vocab_size
from course_lib.tokenizers.byte_bpe_files import (
    BYTE_ORDER,
    read_byte_level_bpe,
    write_tokenizer_json,
)
from course_lib.tokenizers.files import reading
from course_lib.tokenizers.merges import Pair, apply_merges, learn_merges
from course_lib.tokenizers.pretokenize import splitter
from course_lib.tokenizers.word_cache import WordCache


class ByteLevelBPE(Tokenizer):
    """Byte pair encoding over the 256 bytes, so that no text is ever out of vocabulary.

    The alphabet is the bytes of UTF-8 and not the characters: a token can hold part of a
    character, and any byte string can be encoded, valid UTF-8 or not.

    Args:
        tokens: id -> bytes. Every single byte must be among them.
        merges: pairs of ids in the order they were learned.
        special_tokens: spelling -> id.
        pattern: how text is cut before merging: a name in `pretokenize.PATTERNS` or a regular
            expression.
        ignore_merges: a word that is itself a token becomes that token, whatever the merges say
            (LLaMA 3 does so).
        add_prefix_space: read the text as if it began with a space.

    Raises:
        ValueError: a byte has no token, two tokens are the same, a merge makes no known token.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.

    Chapter: 03_tokenizer
    """

    def __init__(
        self,
        tokens: Mapping[int, bytes] | Sequence[bytes],
        merges: Sequence[Pair],
        special_tokens: Mapping[str, int] | None = None,
        *,
        pattern: str = "gpt2",
        ignore_merges: bool = False,
        add_prefix_space: bool = False,
    ) -> None:
        super().__init__(special_tokens)
        self._bytes_of = dict(tokens) if isinstance(tokens, Mapping) else dict(enumerate(tokens))
        self._id_of = {token: i for i, token in self._bytes_of.items()}
        if len(self._id_of) < len(self._bytes_of):
            twice = [t for t, n in Counter(self._bytes_of.values()).items() if n > 1]
            raise ValueError(f"tokens must differ, these occur twice: {twice[:5]}")
        if missing := [b for b in range(256) if bytes([b]) not in self._id_of]:
            raise ValueError(f"tokens must hold every byte; missing: {missing[:8]}")
        self.merges = [(left, right) for left, right in merges]
        self.pattern = pattern
        self.ignore_merges = ignore_merges
        self.add_prefix_space = add_prefix_space
        self._results = []
        for rank, (left, right) in enumerate(self.merges):
            try:
                self._results.append(self._id_of[self._bytes_of[left] + self._bytes_of[right]])
            except KeyError:
                raise ValueError(
                    f"merges[{rank}] = {(left, right)} does not make a token"
                ) from None
        self._ranks: dict[Pair, int] = {}
        for rank, pair in enumerate(self.merges):
            self._ranks.setdefault(pair, rank)
        for name, i in self._special_tokens.items():
            if i in self._bytes_of:
                raise ValueError(f"special token {name!r} has the id of {self._bytes_of[i]!r}: {i}")
        self._special_of = {i: name for name, i in self._special_tokens.items()}
        self._text_of = self._bytes_of | {i: name.encode() for i, name in self._special_of.items()}
        self._byte_ids = [self._id_of[bytes([b])] for b in range(256)]
        self._split = splitter(pattern)
        self._words = WordCache(self._encode_text_word)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        special_tokens: Sequence[str] = (),
        pattern: str = "gpt2",
        progress: bool = False,
    ) -> ByteLevelBPE:
        """Learn a vocabulary from texts.

        A corpus that runs out of pairs gives a smaller vocabulary than asked for: `vocab_size` of
        the result says how large it is.

        Args:
            texts: the corpus, read once.
            vocab_size: tokens in all: the special ones, the 256 bytes, and one per merge.
            special_tokens: get the ids 0, 1, ... in this order.
            pattern: how text is cut before merging.
            progress: show a progress bar.

        Returns:
            The tokenizer. The same texts always give the same one.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
            ValueError: no text at all, or `vocab_size` is below 256 plus the special tokens.
        """
        specials = {name: i for i, name in enumerate(dict.fromkeys(special_tokens))}
        smallest = 256 + len(specials)
        check_vocab_size(vocab_size, smallest, f"256 bytes and {len(specials)} special tokens")
        split = splitter(pattern)
        words: Counter[str] = Counter()
        for text in tqdm(check_texts(texts), "read", disable=not progress, unit="text"):
            words.update(split(text))
        if not words:
            raise ValueError("texts must hold some text to learn from, got none")

        # Learning works on ids that begin at 0; the special tokens go before them afterwards.
        first = len(specials)
        tokens = [bytes([b]) for b in BYTE_ORDER]
        byte_ids = [BYTE_ORDER.index(b) for b in range(256)]
        as_symbols = [[byte_ids[b] for b in word.encode()] for word in words]
        total = vocab_size - smallest
        with tqdm(desc="merge", total=total, disable=not progress, unit="merge") as bar:
            step = bar.update if progress else lambda: None
            counts = list(words.values())
            merges = learn_merges(as_symbols, counts, tokens, vocab_size - first, on_merge=step)
        return cls(
            {first + i: token for i, token in enumerate(tokens)},
            [(first + left, first + right) for left, right in merges],
            specials,
            pattern=pattern,
        )

    @property
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""
        return max(self._text_of) + 1

    @property
    def tokens(self) -> list[bytes]:
        """Id -> bytes, special tokens by their spelling; an id without a token has no bytes."""
        return [self._text_of.get(i, b"") for i in range(self.vocab_size)]

    @property
    def ordinary_tokens(self) -> dict[int, bytes]:
        """Id -> bytes without the special tokens (a copy)."""
        return dict(self._bytes_of)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["_split"], state["_words"]  # a compiled function and a memory of this process
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._split = splitter(self.pattern)
        self._words = WordCache(self._encode_text_word)

    def forget(self) -> None:
        """Empty the memory of encoded words, which only makes encoding faster."""
        self._words.clear()

    def _encode_text_word(self, word: str) -> list[int]:
        return self._encode_word(word.encode())

    def _encode_word(self, word: bytes) -> list[int]:
        if self.ignore_merges and word in self._id_of:
            return [self._id_of[word]]
        byte_ids = self._byte_ids
        return apply_merges([byte_ids[b] for b in word], self._ranks, self._results)

    def _pieces(self, text: str) -> list[str]:
        if self.add_prefix_space and not text.startswith(" "):
            text = " " + text
        return self._split(text)

    def _encode_ordinary(self, text: str) -> list[int]:
        if not text:
            return []
        return list(chain.from_iterable(map(self._words.__getitem__, self._pieces(text))))

    def encode_bytes(self, data: bytes) -> list[int]:
        """Ids of any byte string; for valid UTF-8 the same as `encode` of its text.

        Args:
            data: bytes, which need not be UTF-8.

        Returns:
            One id per token; `decode_bytes` gives back exactly `data`.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes, got {type(data).__name__}")
        try:
            return self._encode_ordinary(data.decode())
        except UnicodeDecodeError:
            # A byte that is not UTF-8 travels through the pattern as a lone surrogate.
            pieces = self._pieces(data.decode(errors="surrogateescape"))
            words = (piece.encode(errors="surrogateescape") for piece in pieces)
            return [i for word in words for i in self._encode_word(word)]

    def decode_bytes(self, ids: Ids, *, skip_special: bool = False) -> bytes:
        """Bytes of the ids.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have.
        """
        plain = as_ids(ids)
        table = self._text_of
        if skip_special:
            plain = [i for i in plain if i not in self._special_of]
        try:
            return b"".join(map(table.__getitem__, plain))
        except KeyError as error:
            raise ValueError(
                f"id {error.args[0]!r} is not in the vocabulary of {self.vocab_size} tokens"
            ) from None

    def decode(self, ids: Ids, errors: str = "replace", *, skip_special: bool = False) -> str:
        """Text of the ids.

        Ids cut out of a longer sequence can end in the middle of a character.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            errors: what to do with bytes that are not UTF-8, as in `bytes.decode`: "replace" puts
                U+FFFD, "strict" raises.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have, or bad UTF-8 with "strict".
        """
        return self.decode_bytes(ids, skip_special=skip_special).decode(errors=errors)

    def _offsets_ordinary(self, text: str) -> list[tuple[int, int]]:
        ids = self._encode_ordinary(text)
        character_at = [at for at, c in enumerate(text) for _ in c.encode()]
        if self.add_prefix_space and text and not text.startswith(" "):
            character_at.insert(0, 0)
        spans, byte = [], 0
        for i in ids:
            end = byte + len(self._bytes_of[i])
            spans.append((character_at[byte], character_at[end - 1] + 1))
            byte = end
        return spans

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokenizer as a `tokenizer.json` that the Rust library reads.

        Args:
            path: the file, or an existing folder in which `tokenizer.json` is written.
        """
        write_tokenizer_json(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> ByteLevelBPE:
        """Read `tokenizer.json`, or `vocab.json` and `merges.txt`.

        Args:
            path: a `tokenizer.json`, or a folder with either kind of files.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is of another kind of tokenizer; the message says which part.
        """
        with reading(path):
            arguments, content = read_byte_level_bpe(path)
            tokenizer = cls(**arguments)
        tokenizer._keep(content)
        return tokenizer
