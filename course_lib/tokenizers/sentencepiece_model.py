"""Models of the SentencePiece program (`.model`), read by its own library.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.files import write_bytes
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.base import Ids, Tokenizer, as_ids
from course_lib.tokenizers.files.common import find
from course_lib.tokenizers.files.sentencepiece import read_options

_UNHEARD_OF = "\ue000"  # a letter of nobody's alphabet: no piece holds it together with another


class SentencePieceModel(Tokenizer):
    """A tokenizer in the file format of LLaMA 1 and 2 and of T5.

    The file can hold either kind of model, byte pair encoding or unigram; the library knows. It is
    read and not trained here.

    Args:
        model: the file's bytes.
        n_sentinels: T5's sentinels, which its file leaves to the program that reads it: they get
            the ids after those of the file, `<extra_id_0>` the highest.
        added_tokens: tokens of the vocabulary that are special, or found whole in a text.
        blank_at_each: whether a text goes on after a special token as if it began there, with the
            blank that the model puts before a text; T5 and LLaMA 1 do so.

    Raises:
        ModuleNotFoundError: the `sentencepiece` package is not installed.
        ValueError: the bytes are no SentencePiece model.

    Source: Kudo and Richardson 2018, "SentencePiece".
    """

    def __init__(
        self,
        model: bytes,
        *,
        n_sentinels: int = 0,
        added_tokens: Sequence[AddedToken] = (),
        blank_at_each: bool = True,
    ) -> None:
        self._model = bytes(model)
        self._processor = _processor(self._model)
        size = self._processor.get_piece_size()
        special = {
            self._processor.id_to_piece(i): i
            for i in range(size)
            if self._processor.is_control(i) or self._processor.is_unknown(i)
        }
        special |= {f"<extra_id_{n}>": size + n_sentinels - 1 - n for n in range(n_sentinels)}
        super().__init__(special, added_tokens)
        self._name_of = {token.id: token.content for token in self.added_tokens}
        self.blank_at_each = blank_at_each
        self.n_sentinels = n_sentinels

    _compiled = ("_normalize", "_finders", "_shown", "_processor")

    def _build(self) -> None:
        super()._build()
        self._processor = _processor(self._model)

    @property
    def vocab_size(self) -> int:
        """Number of rows an embedding table needs: the highest id plus one."""
        return int(self._processor.get_piece_size()) + self.n_sentinels

    @property
    def tokens(self) -> list[str]:
        """Id -> spelling."""
        pieces = [self._processor.id_to_piece(i) for i in range(self._processor.get_piece_size())]
        return pieces + [self._name_of[i] for i in range(len(pieces), self.vocab_size)]

    def sentinel(self, n: int) -> int:
        """Id of T5's mark of the n-th left-out span, `<extra_id_n>`.

        Raises:
            ValueError: there is no such sentinel.
        """
        return self.special_id(f"<extra_id_{n}>")

    def _encode_ordinary(self, text: str, first: bool = True) -> list[int]:
        if first or self.blank_at_each:
            return list(self._processor.encode(text))
        before = len(self._processor.encode(_UNHEARD_OF))
        return list(self._processor.encode(_UNHEARD_OF + text))[before:]

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[tuple[int, int]]:
        if first or self.blank_at_each:
            mapping = self._processor.encode(text, return_type="offset_mapping")
            return [(start, end) for start, end in mapping["offsets"]]
        before = len(self._processor.encode(_UNHEARD_OF))
        mapping = self._processor.encode(_UNHEARD_OF + text, return_type="offset_mapping")
        return [(start - 1, end - 1) for start, end in mapping["offsets"][before:]]

    def decode(self, ids: Ids, *, skip_special: bool = False) -> str:
        """Text of the ids.

        Args:
            ids: token ids, a list or a one-dimensional tensor.
            skip_special: leave special tokens out.

        Raises:
            ValueError: an id that the vocabulary does not have.
        """
        parts: list[str] = []
        run: list[int] = []
        for i in as_ids(ids):
            if not 0 <= i < self.vocab_size:
                raise ValueError(f"id {i} is not in the vocabulary of {self.vocab_size} tokens")
            if i not in self._name_of:
                run.append(i)
            elif not skip_special:  # one that is left out does not part the words beside it
                parts.append(self._processor.decode(run))
                parts.append(self._name_of[i])
                run = []
        parts.append(self._processor.decode(run))
        return "".join(parts)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the `.model` file, byte for byte as it was read.

        Args:
            path: the file, or an existing folder in which `tokenizer.model` is written.
        """
        target = Path(path)
        write_bytes(target / "tokenizer.model" if target.is_dir() else target, self._model)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, n_sentinels: int | None = None
    ) -> SentencePieceModel:
        """Read a `.model` file, and what `tokenizer_config.json` and others beside it say.

        Args:
            path: the file, or a folder with `tokenizer.model` or `spiece.model`.
            n_sentinels: 100 for T5; None for what the files beside it say.

        Raises:
            FileNotFoundError: there is no such file.
            ModuleNotFoundError: the `sentencepiece` package is not installed.
            Unsupported: a file beside it has an option that is not obeyed here.
            ValueError: the file is no SentencePiece model, or one beside it is broken.
        """
        file = find(path, "tokenizer.model", "spiece.model")
        model = file.read_bytes()
        try:
            found = _processor(model)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        size = found.get_piece_size()
        options = read_options(file, {found.id_to_piece(i): i for i in range(size)})
        loaded = cls(
            model,
            n_sentinels=options.n_sentinels if n_sentinels is None else n_sentinels,
            added_tokens=options.added,
            blank_at_each=options.blank_at_each,
        )
        loaded.frame_with(options.frame)
        return loaded


def _processor(model: bytes) -> Any:
    try:
        import sentencepiece
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "a .model file is read by the sentencepiece package: pip install sentencepiece"
        ) from None
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except (RuntimeError, ValueError):
        raise ValueError(f"{len(model)} bytes that are no SentencePiece model") from None
    return processor
