"""Models of the SentencePiece program (`.model`), read by its own library.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.files import write_bytes
from course_lib.tokenizers.base import Ids, Tokenizer, as_ids
from course_lib.tokenizers.files.common import find


class SentencePieceModel(Tokenizer):
    """A tokenizer in the file format of LLaMA 1 and 2 and of T5.

    The file can hold either kind of model, byte pair encoding or unigram; the library knows. It is
    read and not trained here.

    Args:
        model: the file's bytes.
        n_sentinels: T5's sentinels, which its file leaves to the program that reads it: they get
            the ids after those of the file, `<extra_id_0>` the highest.

    Raises:
        ModuleNotFoundError: the `sentencepiece` package is not installed.
        ValueError: the bytes are no SentencePiece model.

    Source: Kudo and Richardson 2018, "SentencePiece".
    """

    def __init__(self, model: bytes, *, n_sentinels: int = 0) -> None:
        self._model = bytes(model)
        self._processor = _processor(self._model)
        size = self._processor.get_piece_size()
        special = {
            self._processor.id_to_piece(i): i
            for i in range(size)
            if self._processor.is_control(i) or self._processor.is_unknown(i)
        }
        special |= {f"<extra_id_{n}>": size + n_sentinels - 1 - n for n in range(n_sentinels)}
        super().__init__(special)
        self._name_of = {i: name for name, i in special.items()}
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
        return list(self._processor.encode(text))

    def _offsets_ordinary(self, text: str, first: bool = True) -> list[tuple[int, int]]:
        mapping = self._processor.encode(text, return_type="offset_mapping")
        return [(start, end) for start, end in mapping["offsets"]]

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
    def load(cls, path: str | PathLike[str], *, n_sentinels: int = 0) -> SentencePieceModel:
        """Read a `.model` file.

        Args:
            path: the file, or a folder with `tokenizer.model` or `spiece.model`.
            n_sentinels: 100 for T5.

        Raises:
            FileNotFoundError: there is no such file.
            ModuleNotFoundError: the `sentencepiece` package is not installed.
            ValueError: the file is no SentencePiece model.
        """
        file = find(path, "tokenizer.model", "spiece.model")
        try:
            return cls(file.read_bytes(), n_sentinels=n_sentinels)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None


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
