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

from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.align import Span
from course_lib.tokenizers.base import (
    Ids,
    Tokenizer,
    as_ids,
    check_names,
    check_texts,
    check_vocab_size,
)
from course_lib.tokenizers.byte_spelling import BYTE_ORDER, spell
from course_lib.tokenizers.files import byte_bpe as files
from course_lib.tokenizers.files import legacy
from course_lib.tokenizers.files.beside import read_tokenizer
from course_lib.tokenizers.files.common import JSON_NAME, find, is_tokenizer_json, reading, write
from course_lib.tokenizers.merges import Pair, apply_merges, learn_merges
from course_lib.tokenizers.normalizers import build_normalizer
from course_lib.tokenizers.pretokenize import build_cutter, in_turn, splitter
from course_lib.tokenizers.word_cache import WordCache


class ByteLevelBPE(Tokenizer):
    """Byte pair encoding over the 256 bytes, so that no text is ever out of vocabulary.

    The alphabet is the bytes of UTF-8 and not the characters: a token can hold part of a
    character, and any byte string can be encoded, valid UTF-8 or not.

    Args:
        tokens: id -> bytes. A text that holds a byte without a token is refused, or gets `unknown`.
        merges: pairs of ids in the order they were learned.
        special_tokens: spelling -> id.
        pattern: how text is cut before merging: a name in `pretokenize.PATTERNS` or a regular
            expression.
        ignore_merges: a word that is itself a token becomes that token, whatever the merges say
            (LLaMA 3 does so).
        add_prefix_space: read the text as if it began with a space.
        added_tokens: more tokens outside the model, as a file describes them.
        normalizer: a `normalizer` section of a `tokenizer.json`; None leaves text as it is.
        cuts: steps of a `pre_tokenizer` section that cut before the pattern does.
        unknown: spelling of the special token that a byte without a token becomes.
        fuse_unknown: make neighbouring unknown bytes one token.

    Raises:
        ValueError: two tokens are the same, a merge makes no known token.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
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
        added_tokens: Iterable[AddedToken] = (),
        normalizer: Mapping[str, Any] | None = None,
        cuts: Sequence[Mapping[str, Any]] = (),
        unknown: str | None = None,
        fuse_unknown: bool = False,
    ) -> None:
        super().__init__(special_tokens, added_tokens)
        self._bytes_of = dict(tokens) if isinstance(tokens, Mapping) else dict(enumerate(tokens))
        self._id_of = {token: i for i, token in self._bytes_of.items()}
        if len(self._id_of) < len(self._bytes_of):
            twice = [t for t, n in Counter(self._bytes_of.values()).items() if n > 1]
            raise ValueError(f"tokens must differ, these occur twice: {twice[:5]}")
        self.merges = [(left, right) for left, right in merges]
        self.pattern = pattern
        self.ignore_merges = ignore_merges
        self.add_prefix_space = add_prefix_space
        self.normalizer, self.cuts = normalizer, list(cuts)
        self.unknown, self.fuse_unknown = unknown, fuse_unknown
        self._unknown_id = None if unknown is None else self.special_id(unknown)
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
        for token in self.added_tokens:
            if token.id in self._bytes_of:
                raise ValueError(
                    f"special token {token.content!r} has the id of {self._bytes_of[token.id]!r}: "
                    f"{token.id}"
                )
        self._special_of = {i: name for name, i in self._special_tokens.items()}
        self._text_of = self._bytes_of | {t.id: t.content.encode() for t in self.added_tokens}
        self._byte_ids = [self._id_of.get(bytes([b])) for b in range(256)]
        self._holds_all = None not in self._byte_ids
        self._build()

    _compiled = ("_split", "_precut", "_words", "_normalize", "_finders", "_shown")

    def _build(self) -> None:
        self._split = splitter(self.pattern)
        self._precut = in_turn([build_cutter(cut) for cut in self.cuts]) if self.cuts else None
        self._words = WordCache(self._encode_text_word)
        self._look_for(build_normalizer(self.normalizer))
        self._text_of |= {i: name.encode() for i, name in self._shown.items()}

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
        specials = {name: i for i, name in enumerate(check_names(special_tokens))}
        smallest = 256 + len(specials)
        vocab_size = check_vocab_size(
            vocab_size, smallest, f"256 bytes and {len(specials)} special tokens"
        )
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

    def forget(self) -> None:
        """Empty the memory of encoded words, which only makes encoding faster."""
        self._words.clear()

    def _encode_text_word(self, word: str) -> list[int]:
        return self._encode_word(word.encode())

    def _encode_word(self, word: bytes) -> list[int]:
        if self.ignore_merges and word in self._id_of:
            return [self._id_of[word]]
        byte_ids = self._byte_ids
        ids = [i for b in word if (i := byte_ids[b]) is not None]
        if not self._holds_all:
            ids = self._without_unknown(word)
        return apply_merges(ids, self._ranks, self._results)

    def _without_unknown(self, word: bytes) -> list[int]:
        """Ids of the bytes; one that has none is the unknown token, or an error."""
        ids: list[int] = []
        for b in word:
            i = self._byte_ids[b]
            if i is not None:
                ids.append(i)
                continue
            if self._unknown_id is None:
                raise ValueError(
                    f"text holds the byte {b:#04x}, for which this vocabulary has no token, and "
                    "it names no unknown token"
                )
            if not (self.fuse_unknown and ids[-1:] == [self._unknown_id]):
                ids.append(self._unknown_id)
        return ids

    def _pieces(self, text: str) -> list[str]:
        stretches = [text]
        if self._precut is not None:
            stretches = [text[start:end] for start, end in self._precut(text)]
        if self.add_prefix_space:
            stretches = [s if s.startswith(" ") else f" {s}" for s in stretches]
        if len(stretches) == 1:
            return self._split(stretches[0])
        return [piece for stretch in stretches for piece in self._split(stretch)]

    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        if not text:
            return []
        return list(chain.from_iterable(map(self._words.__getitem__, self._pieces(text))))

    def encode_bytes(self, data: bytes) -> list[int]:
        """Ids of any byte string; for valid UTF-8 the same as `encode` of its text.

        Args:
            data: bytes, which need not be UTF-8.

        Returns:
            One id per token; `decode_bytes` gives back exactly `data`.

        Raises:
            TypeError: `data` is no bytes.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes, got {type(data).__name__}")
        try:
            return self.encode(data.decode())
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

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[Span]:
        stretches = [(0, len(text))] if text else []
        if self._precut is not None:
            stretches = self._precut(text)
        spans: list[Span] = []
        for start, end in stretches:
            stretch = text[start:end]
            at = [i for i, c in enumerate(stretch, start) for _ in c.encode()]
            if self.add_prefix_space and not stretch.startswith(" "):
                at.insert(0, start)
                stretch = " " + stretch
            for piece in self._split(stretch):
                for n_bytes in self._lengths(piece):
                    spans.append((at[0], at[n_bytes - 1] + 1))
                    del at[:n_bytes]
        return spans

    def _lengths(self, piece: str) -> list[int]:
        """Bytes behind each token of a piece."""
        ids = list(self._words[piece])
        if self._unknown_id not in ids:
            return [len(self._bytes_of[i]) for i in ids]
        data, lengths = piece.encode(), []
        for i in ids:
            n = len(self._bytes_of.get(i, b"?"))
            if i == self._unknown_id and self.fuse_unknown:
                n = next(
                    (k for k, b in enumerate(data) if self._byte_ids[b] is not None), len(data)
                )
            lengths.append(n)
            data = data[n:]
        return lengths

    def _spelling(self, i: int, covered: str) -> str:
        return spell(self._bytes_of[i]) if i in self._bytes_of else self._text_of[i].decode()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokenizer as a `tokenizer.json` that the Rust library reads.

        Args:
            path: the file, or an existing folder in which `tokenizer.json` is written.
        """
        content = files.to_json(
            tokens=self._bytes_of,
            merges=self.merges,
            added_tokens=self.added_tokens,
            pattern=self.pattern,
            ignore_merges=self.ignore_merges,
            add_prefix_space=self.add_prefix_space,
            normalizer=self.normalizer,
            cuts=self.cuts,
            unknown=self.unknown,
            fuse_unknown=self.fuse_unknown,
            post_processor=self.post_processor,
        )
        write(path, content)

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
            file = find(path, JSON_NAME, "vocab.json")
            content = read_tokenizer(file)
            if file.name == JSON_NAME or is_tokenizer_json(content):
                arguments, post_processor = files.from_json(content, str(file))
            else:
                arguments, post_processor = legacy.from_vocab_json(content, file)
            tokenizer = cls(**arguments)
            tokenizer.frame_with(post_processor)
        return tokenizer
