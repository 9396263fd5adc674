"""WordPiece: the tokenizer of BERT.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from os import PathLike
from typing import Any, Literal

from tqdm import tqdm

from course_lib.files import write_text
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.align import Span
from course_lib.tokenizers.base import Ids, Tokenizer, check_names, check_texts
from course_lib.tokenizers.bert_text import BertNormalizer, words_and_signs
from course_lib.tokenizers.decoders import clean_up, join_pieces
from course_lib.tokenizers.files import legacy
from course_lib.tokenizers.files import wordpiece as files
from course_lib.tokenizers.files.beside import read_tokenizer
from course_lib.tokenizers.files.common import JSON_NAME, find, reading, write
from course_lib.tokenizers.normalizers import Normalizer
from course_lib.tokenizers.word_cache import WordCache
from course_lib.tokenizers.wordpiece_trainer import learn_pieces

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PREFIX = "##"


class WordPiece(Tokenizer):
    """Cuts each word into the longest pieces that the vocabulary has, from left to right.

    A piece that does not begin a word is spelled with `##` in front. One character that no piece
    covers makes the whole word unknown, however much of it is known.

    Args:
        vocab: spelling -> id, special tokens included.
        special_tokens: which spellings are special.
        unknown: spelling of the unknown token, which the vocabulary must have.
        lower_case: lower the case of texts and take off their accents.
        max_input_chars: a longer word is unknown without being looked at.
        strip_accents: take off accents, or not; None does so where the case is lowered.
        clean_text: drop control characters and make every space a plain one.
        split_chinese: make every CJK character a word.
        clean_up: draw the commonest signs to the word before them when decoding.
        clean_up_text: do so once more in the whole text.
        added_tokens: more tokens outside the model, as a file describes them.

    Raises:
        ValueError: a special token is missing from the vocabulary, or two pieces have one id.

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 4.1; the encoder
    is the greedy one of BERT's published code (whose limit for a word was 200 characters; the
    reference library's is 100).
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        *,
        special_tokens: Iterable[str] = SPECIAL,
        unknown: str = "[UNK]",
        lower_case: bool = True,
        max_input_chars: int = 100,
        strip_accents: bool | None = None,
        clean_text: bool = True,
        split_chinese: bool = True,
        clean_up: bool = True,
        clean_up_text: bool = False,
        added_tokens: Iterable[AddedToken] = (),
    ) -> None:
        names = check_names(special_tokens)
        if missing := [name for name in [*names, unknown] if name not in vocab]:
            raise ValueError(f"vocab lacks the special tokens {missing}")
        super().__init__({name: vocab[name] for name in names}, added_tokens)
        if max_input_chars < 1:
            raise ValueError(f"max_input_chars must be at least 1, got {max_input_chars}")
        self.unknown = unknown
        self.max_input_chars = max_input_chars
        self._vocab = dict(vocab)
        self._name_of = {i: name for name, i in vocab.items()}
        if len(self._name_of) < len(self._vocab):
            raise ValueError(f"vocab gives {len(vocab)} pieces only {len(self._name_of)} ids")
        outside = {token.content for token in self.added_tokens}
        self._pieces = {n: i for n, i in self._vocab.items() if n not in outside}
        self._longest = max(map(len, self._pieces), default=0)
        self.lower_case, self.strip_accents = lower_case, strip_accents
        self.clean_text, self.split_chinese = clean_text, split_chinese
        self.clean_up, self.clean_up_text = clean_up, clean_up_text
        self._build()

    _compiled = ("_normalize", "_finders", "_shown", "_join", "_words")

    def _build(self) -> None:
        normalizer = BertNormalizer(
            self.lower_case,
            strip_accents=self.strip_accents,
            clean=self.clean_text,
            split_chinese=self.split_chinese,
        )
        self._look_for(Normalizer(normalizer))
        self._join = join_pieces(PREFIX, self.clean_up)
        self._words = WordCache(self._encode_word)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        special_tokens: Sequence[str] = SPECIAL,
        lower_case: bool = True,
        score: Literal["count", "likelihood"] = "count",
        min_count: int = 2,
        progress: bool = False,
    ) -> WordPiece:
        """Learn a vocabulary by merging pairs of pieces.

        The paper adds the pair that raises the likelihood of the text most (Schuster and Nakajima,
        2012); its program was not published. Textbooks describe it by the score "likelihood",
        count(ab) / (count(a) count(b)): merge what is seen together more often than apart. The
        reference library merges by plain "count", as BPE does, and its vocabularies are the better
        ones: the likelihood score loves rare pairs, because their parts are rare.

        Args:
            texts: the corpus, read once.
            vocab_size: special tokens, characters (each once as the beginning of a word and once
                with `##`, where seen) and merged pieces.
            special_tokens: get the ids 0, 1, ... in this order; `[UNK]` must be among them.
            lower_case: lower the case and take off accents first.
            score: what makes a pair worth merging.
            min_count: rarer pairs are not merged.
            progress: show a progress bar.

        Returns:
            The tokenizer. The same texts always give the same one.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
            ValueError: no text, or `vocab_size` is smaller than special tokens and characters.
        """
        specials = check_names(special_tokens)
        if "[UNK]" not in specials:
            raise ValueError(f"special_tokens must hold '[UNK]', got {specials}")
        if score not in ("count", "likelihood"):
            raise ValueError(f"score must be 'count' or 'likelihood', got {score!r}")
        normalizer = BertNormalizer(lower_case)
        words: Counter[str] = Counter()
        for text in tqdm(check_texts(texts), "read", disable=not progress, unit="text"):
            words.update(words_and_signs(normalizer(text)))
        if not words:
            raise ValueError("texts must hold some text to learn from, got none")
        pieces = learn_pieces(
            words,
            vocab_size,
            n_special=len(specials),
            prefix=PREFIX,
            by_likelihood=score == "likelihood",
            min_count=min_count,
            progress=progress,
        )
        vocab = {name: i for i, name in enumerate([*specials, *pieces])}
        return cls(vocab, special_tokens=specials, lower_case=lower_case)

    @property
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""
        return max(self._name_of) + 1

    @property
    def tokens(self) -> list[str]:
        """Id -> spelling; an id without a token has an empty one."""
        return [self._name_of.get(i, "") for i in range(self.vocab_size)]

    def _cut_word(self, word: str) -> list[tuple[int, int]] | None:
        """Pieces of a word as (id, end in the word), or None where it cannot be cut."""
        if len(word) > self.max_input_chars:
            return None
        pieces, start = [], 0
        while start < len(word):
            prefix = PREFIX if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                if (i := self._pieces.get(prefix + word[start:end])) is not None:
                    break
            else:
                return None
            pieces.append((i, end))
            start = end
        return pieces

    def _encode_word(self, word: str) -> list[int]:
        pieces = self._cut_word(word)
        return [self._vocab[self.unknown]] if pieces is None else [i for i, _ in pieces]

    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        return list(chain.from_iterable(map(self._words.__getitem__, words_and_signs(text))))

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[Span]:
        spans, at = [], 0
        for word in words_and_signs(text):
            at = text.index(word, at)
            start = 0
            for _, end in self._cut_word(word) or [(self._vocab[self.unknown], len(word))]:
                spans.append((at + start, at + end))
                start = end
            at += len(word)
        return spans

    def decode(self, ids: Ids, *, skip_special: bool = False) -> str:
        """Words of the ids with spaces between them.

        Case, accents and the spacing round signs are lost in encoding and do not come back; the
        commonest signs are drawn to the word before them.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have.
        """
        names = [name for _, name in self._spellings(ids, self._name_of, skip_special)]
        text = "".join(self._join(names))
        return clean_up(text, whole=True) if self.clean_up_text else text

    def frame(self, first: list[int], second: list[int] | None = None) -> dict[str, list[int]]:
        """Put BERT's frame round one text or two: `[CLS] first [SEP] second [SEP]`.

        Args:
            first: ids of the first text.
            second: ids of the second text.

        Returns:
            `tokens`, and `segments` with 0 for the first text and its frame and 1 for the second.
        """
        separator = self.special_id("[SEP]")
        tokens = [self.special_id("[CLS]"), *first, separator]
        segments = [0] * len(tokens)
        if second is not None:
            tokens += [*second, separator]
            segments += [1] * (len(second) + 1)
        return {"tokens": tokens, "segments": segments}

    def save(self, path: str | PathLike[str]) -> None:
        """Write `tokenizer.json`, or a `vocab.txt` when the path ends in `.txt`.

        Args:
            path: the file, or an existing folder in which `tokenizer.json` is written.
        """
        if str(path).endswith(".txt"):
            write_text(path, "".join(f"{name}\n" for name in self.tokens))
            return
        content = files.to_json(
            vocab=self._vocab,
            added_tokens=self.added_tokens,
            unknown=self.unknown,
            lower_case=self.lower_case,
            strip_accents=self.strip_accents,
            clean_text=self.clean_text,
            split_chinese=self.split_chinese,
            max_input_chars=self.max_input_chars,
            clean_up=self.clean_up,
            clean_up_text=self.clean_up_text,
            post_processor=self.post_processor,
        )
        write(path, content)

    @classmethod
    def load(cls, path: str | PathLike[str], **options: Any) -> WordPiece:
        """Read `tokenizer.json`, or `vocab.txt` with the `tokenizer_config.json` beside it.

        Args:
            path: the file, or a folder with either.
            options: what a `vocab.txt` does not say: `lower_case`, `special_tokens`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is of another kind of tokenizer; the message says which part.
        """
        with reading(path):
            file = find(path, JSON_NAME, "vocab.txt")
            if file.suffix == ".json":
                arguments, post_processor = files.from_json(read_tokenizer(file), str(file))
            else:
                arguments, post_processor = legacy.from_vocab_txt(file, SPECIAL)
            tokenizer = cls(**(arguments | options))
            tokenizer.frame_with(post_processor)
        return tokenizer
