"""Byte pair encoding over characters: the tokenizer of LLaMA 1 and 2, Mistral and Gemma."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from os import PathLike
from typing import Any

from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.align import Span
from course_lib.tokenizers.base import Ids, Tokenizer
from course_lib.tokenizers.byte_spelling import byte_piece
from course_lib.tokenizers.decoders import build_decoder
from course_lib.tokenizers.files import character_bpe as files
from course_lib.tokenizers.files.beside import read_tokenizer
from course_lib.tokenizers.files.common import JSON_NAME, find, reading, write
from course_lib.tokenizers.merges import Pair, apply_merges
from course_lib.tokenizers.normalizers import build_normalizer, through
from course_lib.tokenizers.word_cache import WordCache
from course_lib.tokenizers.words import build_words


class CharacterBPE(Tokenizer):
    """Byte pair encoding whose alphabet is the characters of a vocabulary.

    A character that the vocabulary lacks becomes its bytes `<0x00>` to `<0xFF>` with
    `byte_fallback`, else the unknown token; without either, a text that holds it is refused. Such
    tokenizers are read and not trained here.

    Args:
        vocab: spelling -> id.
        merges: pairs of ids in the order they were learned.
        special_tokens: spelling -> id.
        added_tokens: more tokens outside the model, as a file describes them.
        unknown: spelling of the unknown token.
        byte_fallback: spell an unknown character by its bytes, where the vocabulary has them all.
        fuse_unknown: make neighbouring unknown characters one token.
        ignore_merges: a word that is itself a token becomes that token, whatever the merges say.
        subword_prefix: marks a symbol that does not begin a word.
        word_suffix: marks a symbol that ends a word.
        normalizer: a `normalizer` section of a `tokenizer.json`; None leaves text as it is.
        pre_tokenizer: such a section; None makes the whole text one word.
        decoder: such a section; None puts spaces between the tokens.

    Raises:
        ValueError: two tokens have one id, a merge makes no known token, or a section is not
            understood.

    Source: Sennrich et al. 2016; Kudo and Richardson 2018, "SentencePiece" (byte fallback).
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        merges: Sequence[Pair],
        special_tokens: Mapping[str, int] | None = None,
        *,
        added_tokens: Iterable[AddedToken] = (),
        unknown: str | None = None,
        byte_fallback: bool = False,
        fuse_unknown: bool = False,
        ignore_merges: bool = False,
        subword_prefix: str = "",
        word_suffix: str = "",
        normalizer: Mapping[str, Any] | None = None,
        pre_tokenizer: Mapping[str, Any] | None = None,
        decoder: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(special_tokens, added_tokens)
        self._vocab = dict(vocab)
        self._name_of = {i: name for name, i in self._vocab.items()}
        if len(self._name_of) < len(self._vocab):
            raise ValueError(f"vocab gives {len(vocab)} tokens only {len(self._name_of)} ids")
        self._name_of |= {token.id: token.content for token in self.added_tokens}
        if unknown is not None and unknown not in self._vocab:
            raise ValueError(f"vocab lacks the unknown token {unknown!r}")
        self.merges = [(left, right) for left, right in merges]
        self.unknown, self.fuse_unknown = unknown, fuse_unknown
        self.byte_fallback, self.ignore_merges = byte_fallback, ignore_merges
        self.subword_prefix, self.word_suffix = subword_prefix, word_suffix
        self.normalizer, self.pre_tokenizer, self.decoder = normalizer, pre_tokenizer, decoder
        self._byte_ids = [self._vocab.get(byte_piece(b)) for b in range(256)]
        self._ranks: dict[Pair, int] = {}
        self._results: list[int] = []
        self._n_symbols: dict[int, int] = {}
        for rank, (left, right) in enumerate(self.merges):
            joined = self._name_of[left] + self._name_of[right][len(subword_prefix) :]
            if joined not in self._vocab:
                raise ValueError(f"merges[{rank}] = {(left, right)} does not make a token")
            made = self._vocab[joined]
            self._ranks.setdefault((left, right), rank)
            self._results.append(made)
            symbols = self._n_symbols
            symbols.setdefault(made, symbols.get(left, 1) + symbols.get(right, 1))
        self._build()

    _compiled = ("_normalize", "_finders", "_shown", "_cut_words", "_decode", "_words")

    def _build(self) -> None:
        self._look_for(build_normalizer(self.normalizer))
        self._cut_words = build_words(self.pre_tokenizer)
        self._decode = build_decoder(self.decoder)
        self._words = WordCache(self._encode_word)

    @property
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""
        return max(self._name_of, default=-1) + 1

    @property
    def tokens(self) -> list[str]:
        """Id -> spelling; an id without a token has an empty one."""
        return [self._name_of.get(i, "") for i in range(self.vocab_size)]

    def _symbols(self, word: str) -> tuple[list[int], list[Span]]:
        """Ids of the characters of a word, and the span of each in the word."""
        ids: list[int] = []
        spans: list[Span] = []
        unknown = None if self.unknown is None else self._vocab[self.unknown]
        unfinished = False
        last = len(word) - 1
        for at, character in enumerate(word):
            spelled = (self.subword_prefix if at else "") + character
            spelled += self.word_suffix if at == last else ""
            i = self._vocab.get(spelled)
            found = [i] if i is not None else self._fallback(spelled)
            if found is not None:
                ids += found
                spans += [(at, at + 1)] * len(found)
                unfinished = False
            elif unknown is not None and unfinished and self.fuse_unknown:
                spans[-1] = (spans[-1][0], at + 1)
            elif unknown is not None:
                ids.append(unknown)
                spans.append((at, at + 1))
                unfinished = True
            else:
                raise ValueError(
                    f"text holds the character {character!r}, for which this vocabulary has no "
                    "token, and it names no unknown token"
                )
        return ids, spans

    def _fallback(self, spelled: str) -> list[int] | None:
        if not self.byte_fallback:
            return None
        ids = [self._byte_ids[b] for b in spelled.encode()]
        return None if None in ids else [i for i in ids if i is not None]

    def _encode_word(self, word: str) -> list[int]:
        if self.ignore_merges and word in self._vocab:
            return [self._vocab[word]]
        return apply_merges(self._symbols(word)[0], self._ranks, self._results)

    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        words = self._cut_words(text, first)
        return list(chain.from_iterable(self._words[word] for word, _ in words))

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[Span]:
        found: list[Span] = []
        for word, places in self._cut_words(text, first):
            ids, spans = list(self._words[word]), self._symbols(word)[1]
            if self.ignore_merges and word in self._vocab:
                spans = [(0, len(word))]
                ids = ids[:1]
            at = 0
            inner: list[Span] = []
            for i in ids:
                n = min(self._n_symbols.get(i, 1), len(spans) - at)
                inner.append((spans[at][0], spans[at + n - 1][1]))
                at += n
            found += through(places, inner)
        return found

    def decode(self, ids: Ids, *, skip_special: bool = False) -> str:
        """Text of the ids.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have.
        """
        names = [name for _, name in self._spellings(ids, self._name_of, skip_special)]
        return "".join(self._decode(names))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokenizer as a `tokenizer.json` that the Rust library reads.

        Args:
            path: the file, or an existing folder in which `tokenizer.json` is written.
        """
        content = files.to_json(
            vocab=self._vocab,
            merges=self.merges,
            added_tokens=self.added_tokens,
            unknown=self.unknown,
            byte_fallback=self.byte_fallback,
            fuse_unknown=self.fuse_unknown,
            ignore_merges=self.ignore_merges,
            subword_prefix=self.subword_prefix,
            word_suffix=self.word_suffix,
            normalizer=self.normalizer,
            pre_tokenizer=self.pre_tokenizer,
            decoder=self.decoder,
            post_processor=self.post_processor,
        )
        write(path, content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> CharacterBPE:
        """Read a `tokenizer.json`.

        Args:
            path: the file or its folder.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is of another kind of tokenizer; the message says which part.
        """
        with reading(path):
            file = find(path, JSON_NAME)
            arguments, post_processor = files.from_json(read_tokenizer(file), str(file))
            tokenizer = cls(**arguments)
            tokenizer.frame_with(post_processor)
        return tokenizer
