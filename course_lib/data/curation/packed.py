"""Kept pages as token ids on disk: one stream with separators, read a window at a time."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.checks import check_ids, check_methods, check_sizes
from course_lib.files import read_json, replacing_folder, write_json
from course_lib.shapes import Int
from course_lib.stored import StoredFile
from course_lib.tokenizers.base import Tokenizer, check_texts

TOKENS, ABOUT = "tokens.bin", "tokens.json"


def write_tokens(
    texts: Iterable[str], tokenizer: Tokenizer, output: str | PathLike[str], separator: str
) -> dict[str, Any]:
    """Tokenize texts into one stream on disk: separator, text, separator, ..., separator.

    Args:
        texts: The texts, read one at a time.
        tokenizer: Makes the ids.
        output: A folder; written whole or not at all.
        separator: A special token of the tokenizer.

    Returns:
        What ``tokens.json`` says: counts, the separator, the type of a number.

    Raises:
        TypeError: If the texts are one text, or the tokenizer is none.
        ValueError: If the separator is no special token, or there is no text.
    """
    check_methods("encode", "special_id", tokenizer=tokenizer)
    texts = check_texts(texts, "texts")
    separator_id = tokenizer.special_id(separator)
    dtype = np.dtype("<u2" if tokenizer.vocab_size <= 2**16 else "<u4")
    n_tokens, n_texts = 1, 0
    with replacing_folder(output) as folder:
        with open(folder / TOKENS, "wb") as file:
            file.write(np.array([separator_id], dtype).tobytes())
            for text in texts:
                ids = [*tokenizer.encode(text), separator_id]
                file.write(np.array(ids, dtype).tobytes())
                n_tokens += len(ids)
                n_texts += 1
        if not n_texts:
            raise ValueError("there is no text to tokenize: every page was dropped")
        about = {
            "n_tokens": n_tokens,
            "n_texts": n_texts,
            "separator": separator,
            "separator_id": separator_id,
            "vocab_size": tokenizer.vocab_size,
            "dtype": dtype.str,
        }
        write_json(folder / ABOUT, about)
        tokenizer.save(folder / "tokenizer.json")
    return about


class TokenRows:
    """Rows of a stream on disk, as ``pack`` would cut it, read when they are asked for.

    Nothing of the stream is held, which may be larger than memory. Nor is it mapped: a file that is
    cut short or replaced meanwhile is an error, and does not end the process.

    Args:
        folder: What ``write_tokens`` wrote.
        seq_len: T, the places of a row; a row holds one id more.

    Raises:
        TypeError: If ``seq_len`` is no whole number.
        ValueError: If the folder's files do not go together, or the stream is shorter than a row.

    Attributes:
        about: What ``tokens.json`` says.
        seq_len: T.
    """

    def __init__(self, folder: str | PathLike[str], seq_len: int) -> None:
        [seq_len] = check_sizes(seq_len=seq_len)
        about = read_json(Path(folder) / ABOUT)
        self.about = about
        if about.get("dtype") not in ("<u2", "<u4") or type(about.get("n_tokens")) is not int:
            raise ValueError(f"{Path(folder) / ABOUT} says no n_tokens and dtype of a stream")
        self._dtype = np.dtype(about["dtype"])
        self._stored = StoredFile(Path(folder) / TOKENS)
        n_tokens, rest = divmod(self._stored.n_bytes, self._dtype.itemsize)
        if n_tokens != about["n_tokens"] or rest:
            raise ValueError(
                f"{Path(folder) / TOKENS} holds {n_tokens} tokens, "
                f"its {ABOUT} says {about['n_tokens']}"
            )
        if n_tokens < seq_len + 1:
            raise ValueError(
                f"seq_len must be 1 to {n_tokens - 1}, the stream's tokens less one; got {seq_len}"
            )
        self._n_tokens, self.seq_len = n_tokens, seq_len

    def __len__(self) -> int:
        """Whole rows in the stream; the rest of fewer tokens is left out."""
        return (self._n_tokens - 1) // self.seq_len

    def __getitem__(self, rows: Int[Tensor, " B"]) -> Int[Tensor, "B T_plus_1"]:
        """Return the rows of these numbers.

        Raises:
            IndexError: If there is no such row.
            ValueError: If the file has been cut short or replaced since it was opened.
        """
        rows = check_ids("rows", rows, "B")
        if odd := [row for row in rows.tolist() if not 0 <= row < len(self)]:
            raise IndexError(f"rows must be 0 to {len(self) - 1}, got {odd[0]}")
        width = self._dtype.itemsize
        starts = (rows * (self.seq_len * width)).tolist()
        data = self._stored.read_rows(starts, (self.seq_len + 1) * width)
        ids = np.frombuffer(data, self._dtype).reshape(len(rows), self.seq_len + 1)
        return torch.from_numpy(ids.astype(np.int64))
