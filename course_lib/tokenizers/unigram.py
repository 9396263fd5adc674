"""Unigram: the tokenizer of T5.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from os import PathLike
from typing import Any

from tqdm import tqdm

from course_lib.checks import check_whole
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.align import Span
from course_lib.tokenizers.base import (
    Ids,
    Tokenizer,
    bounded,
    check_names,
    check_texts,
    check_vocab_size,
)
from course_lib.tokenizers.byte_spelling import byte_piece
from course_lib.tokenizers.decoders import clean_up
from course_lib.tokenizers.files import unigram as files
from course_lib.tokenizers.files.beside import read_tokenizer
from course_lib.tokenizers.files.common import JSON_NAME, find, reading, write
from course_lib.tokenizers.metaspace import SPACE, Metaspace
from course_lib.tokenizers.normalizers import build_normalizer
from course_lib.tokenizers.segment import Segmenter
from course_lib.tokenizers.word_cache import WordCache

SPECIAL = ("<pad>", "</s>", "<unk>")


def sentinel_name(n: int) -> str:
    """Spelling of T5's n-th sentinel."""
    return f"<extra_id_{n}>"


class Unigram(Tokenizer):
    """Cuts text into the pieces whose probabilities have the largest product.

    A space is written `▁` and belongs to the word after it. Unlike byte pair encoding, where the
    order of merges decides, every piece has a probability, and a text has many cuts, of which
    `encode` takes the likeliest, `n_best` lists several and `sample` draws one.

    Args:
        pieces: (spelling, log-probability) by id, special tokens and bytes included.
        special_tokens: spelling -> id; the unknown token must be one of them.
        unknown: spelling of the unknown token.
        byte_fallback: spell a character that has no piece by its bytes `<0x00>` to `<0xFF>`.
        normalizer: a `normalizer` section of a `tokenizer.json`; None leaves text as it is.
        spaces: how spaces are written; `decode` takes a space that it put in front away again.
        clean_up_text: draw the commonest signs to the word before them when decoding.
        added_tokens: more tokens outside the model, as a file describes them.

    Raises:
        ValueError: a piece occurs twice, no unknown token, or bytes missing with `byte_fallback`.

    Source: Kudo 2018, "Subword Regularization"; Raffel et al. 2020 (T5), sections 2.2 and 3.1.4.
    """

    def __init__(
        self,
        pieces: Sequence[tuple[str, float]],
        special_tokens: Mapping[str, int],
        *,
        unknown: str = "<unk>",
        byte_fallback: bool = False,
        normalizer: Mapping[str, Any] | None = None,
        spaces: Metaspace | None = None,
        clean_up_text: bool = False,
        added_tokens: Iterable[AddedToken] = (),
    ) -> None:
        super().__init__(special_tokens, added_tokens)
        if unknown not in self._special_tokens:
            raise ValueError(f"special_tokens must hold the unknown token {unknown!r}")
        self.pieces = [(spelling, float(score)) for spelling, score in pieces]
        id_of = {spelling: i for i, (spelling, _) in enumerate(self.pieces)}
        if len(id_of) < len(self.pieces):
            twice = [s for s, n in Counter(s for s, _ in self.pieces).items() if n > 1]
            raise ValueError(f"pieces must differ, these occur twice: {twice[:5]}")
        self.unknown, self.byte_fallback = unknown, byte_fallback
        self.normalizer, self.spaces = normalizer, spaces or Metaspace()
        self.clean_up_text = clean_up_text
        names = [byte_piece(b) for b in range(256)] if byte_fallback else []
        if missing := [name for name in names if name not in id_of]:
            raise ValueError(f"byte_fallback needs a piece for every byte; missing: {missing[:5]}")
        self._byte_ids = [id_of[name] for name in names]
        self._byte_of = {i: b for b, i in enumerate(self._byte_ids)}
        self._name_of = {i: s for s, i in id_of.items()}
        self._name_of |= {token.id: token.content for token in self.added_tokens}
        # Special tokens and bytes never match text that happens to be spelled like them.
        reserved = set(names) | {token.content for token in self.added_tokens}
        self._ordinary = {s: i for s, i in id_of.items() if s not in reserved}
        scores = {s: score for s, score in self.pieces if s not in reserved}
        lowest = min((score for _, score in self.pieces), default=0.0)
        self._segmenter = Segmenter(scores, lowest)
        self._build()

    _compiled = ("_normalize", "_finders", "_shown", "_words")

    def _build(self) -> None:
        self._look_for(build_normalizer(self.normalizer))
        self._words = WordCache(self._encode_word)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        special_tokens: Sequence[str] = SPECIAL,
        n_sentinels: int = 0,
        byte_fallback: bool = False,
        normalizer: Mapping[str, Any] | None = None,
        seed_size: int = 1_000_000,
        progress: bool = False,
    ) -> Unigram:
        """Learn pieces and their probabilities from texts.

        Args:
            texts: the corpus, read once.
            vocab_size: special tokens, bytes, pieces and sentinels in all.
            special_tokens: get the ids 0, 1, ... in this order; `<unk>` must be among them.
            n_sentinels: T5's marks of left-out spans, `<extra_id_0>` with the highest id of all,
                then downwards.
            byte_fallback: add the 256 bytes, so that no character is unknown.
            normalizer: a `normalizer` section, such as `{"type": "NFKC"}`; None leaves text alone.
            seed_size: candidates to begin with.
            progress: show a progress bar.

        Returns:
            The tokenizer. The same texts always give the same one.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings, or a number is
                no whole number.
            ValueError: no text, `n_sentinels` is negative, or `vocab_size` has no room for every
                character.
        """
        [n_sentinels, seed_size] = check_whole(n_sentinels=n_sentinels, seed_size=seed_size)
        if n_sentinels < 0:
            raise ValueError(f"n_sentinels must be 0 or more, got {n_sentinels}")
        from course_lib.tokenizers.unigram_trainer import learn_pieces  # brings torch with it

        specials = check_names(special_tokens)
        if "<unk>" not in specials:
            raise ValueError(f"special_tokens must hold '<unk>', got {specials}")
        normalize = build_normalizer(normalizer)
        words: Counter[str] = Counter()
        for text in tqdm(check_texts(texts), "read", disable=not progress, unit="text"):
            words.update(bounded(Metaspace().cut(normalize(text))))
        if not words:
            raise ValueError("texts must hold some text to learn from, got none")
        characters = {character for word in words for character in word}
        head = [*specials, *(byte_piece(b) for b in range(256 if byte_fallback else 0))]
        n_others = len(head) + n_sentinels
        vocab_size = check_vocab_size(
            vocab_size,
            n_others + len(characters),
            f"{n_others} special tokens, bytes and sentinels, {len(characters)} characters",
        )
        learned = learn_pieces(
            words,
            vocab_size - n_others,
            required=characters,
            seed_size=seed_size,
            progress=progress,
        )
        tail = [sentinel_name(n) for n in reversed(range(n_sentinels))]
        pieces = [(name, 0.0) for name in head] + learned + [(name, 0.0) for name in tail]
        special = {s: i for i, (s, _) in enumerate(pieces) if s in {*specials, *tail}}
        return cls(pieces, special, byte_fallback=byte_fallback, normalizer=normalizer)

    @property
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""
        return max(self._name_of) + 1

    @property
    def tokens(self) -> list[str]:
        """Id -> spelling; an id without a token has an empty one."""
        return [self._name_of.get(i, "") for i in range(self.vocab_size)]

    def sentinel(self, n: int) -> int:
        """Id of T5's mark of the n-th left-out span, `<extra_id_n>`.

        Raises:
            ValueError: the tokenizer has no such sentinel.
        """
        return self.special_id(sentinel_name(n))

    def _spelling(self, i: int, covered: str) -> str:
        return covered if i == self._special_tokens[self.unknown] else super()._spelling(i, covered)

    def _spell(self, word: str, spans: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """Pieces as (id, start, end); neighbouring unknown characters are one unknown token."""
        tokens: list[tuple[int, int, int]] = []
        unknown_id = self._special_tokens[self.unknown]
        for start, end in spans:
            i = self._ordinary.get(word[start:end])
            if i is not None:
                tokens.append((i, start, end))
            elif self.byte_fallback:
                tokens += [(self._byte_ids[b], start, end) for b in word[start:end].encode()]
            elif tokens and tokens[-1][0] == unknown_id:
                tokens[-1] = (unknown_id, tokens[-1][1], end)
            else:
                tokens.append((unknown_id, start, end))
        return tokens

    def _encode_word(self, word: str) -> list[int]:
        return [i for i, _, _ in self._spell(word, self._segmenter.best(word))]

    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        words = self.spaces.cut(text, first)
        return list(chain.from_iterable(map(self._words.__getitem__, words)))

    def n_best(self, word: str, n: int) -> list[tuple[float, list[str]]]:
        """The `n` likeliest ways to cut one word, as (log-probability, pieces), the best first.

        Args:
            word: a word as it stands in a text; a space is put before it as in `encode`.
            n: how many.
        """
        (marked,) = Metaspace(prefix=self.spaces.prefix, split_words=False).cut(
            self._normalize(word)
        ) or [""]
        ways = self._segmenter.n_best(marked, n)
        return [(score, [marked[start:end] for start, end in spans]) for score, spans in ways]

    def sample(self, text: str, alpha: float, uniform: Callable[[], float]) -> list[int]:
        """Ids of a text, each word cut at random (subword regularization).

        Args:
            text: any text.
            alpha: sharpness: 0 draws all cuts alike, 1 by their probability, large values the best.
            uniform: draws a number from [0, 1), such as `lambda: torch.rand((),
                generator=generator).item()`.

        Raises:
            ValueError: `alpha` is negative.
        """
        if not alpha >= 0:
            raise ValueError(f"alpha must be 0 or more, got {alpha}")
        ids: list[int] = []
        for word in self.spaces.cut(self._normalize(text)):
            spans = self._segmenter.sample(word, alpha, uniform)
            ids += [i for i, _, _ in self._spell(word, spans)]
        return ids

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[Span]:
        return [
            (spans[start][0], spans[end - 1][1])
            for word, spans in self.spaces.cut_with_spans(text, first)
            for _, start, end in self._spell(word, self._segmenter.best(word))
        ]

    def decode(self, ids: Ids, *, skip_special: bool = False) -> str:
        """Text of the ids.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have.
        """
        parts: list[bytes] = []
        for i, name in self._spellings(ids, self._name_of, skip_special):
            if i in self._byte_of:
                parts.append(bytes([self._byte_of[i]]))
            elif not parts and self.spaces.prefix:
                parts.append(name.replace(SPACE, "").encode())
            else:
                parts.append(name.replace(SPACE, " ").encode())
        text = b"".join(parts).decode(errors="replace")
        return clean_up(text, whole=True) if self.clean_up_text else text

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokenizer as a `tokenizer.json` that the Rust library reads.

        Args:
            path: the file, or an existing folder in which `tokenizer.json` is written.
        """
        content = files.to_json(
            pieces=self.pieces,
            added_tokens=self.added_tokens,
            unknown=self.unknown,
            byte_fallback=self.byte_fallback,
            normalizer=self.normalizer,
            spaces=self.spaces,
            clean_up_text=self.clean_up_text,
            post_processor=self.post_processor,
        )
        write(path, content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Unigram:
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
