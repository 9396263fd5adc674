"""From text to integers and back: byte-level BPE, WordPiece and Unigram.

Each tokenizer trains on plain strings, keeps the promise that its saved file is the one the
ecosystem reads (`tokenizer.json`), and gives the same ids as the reference implementations.

Chapter: 03_tokenizer
"""

from os import PathLike

from course_lib.files import read_json
from course_lib.tokenizers.base import Tokenizer
from course_lib.tokenizers.byte_bpe import ByteLevelBPE
from course_lib.tokenizers.files.common import JSON_NAME, find, is_tokenizer_json, model_type
from course_lib.tokenizers.sentencepiece_model import SentencePieceModel
from course_lib.tokenizers.unigram import Unigram
from course_lib.tokenizers.wordpiece import WordPiece

__all__ = [
    "ByteLevelBPE",
    "SentencePieceModel",
    "Tokenizer",
    "Unigram",
    "WordPiece",
    "load_tokenizer",
]

_KINDS: dict[str, type[Tokenizer]] = {
    "BPE": ByteLevelBPE,
    "WordPiece": WordPiece,
    "Unigram": Unigram,
}


def load_tokenizer(path: str | PathLike[str]) -> Tokenizer:
    """Read a tokenizer of whatever kind the files declare.

    Looked for, in this order: `tokenizer.json`, whose model section names its type; `vocab.json`
    with `merges.txt` (byte-level BPE); `vocab.txt` (WordPiece); `tokenizer.model` or `spiece.model`
    (SentencePiece). The name of the folder plays no part.

    Args:
        path: a folder, or one of these files.

    Returns:
        The tokenizer.

    Raises:
        FileNotFoundError: the folder has none of these files.
        ValueError: the file declares a kind that is not known, or one part that is not supported.
    """
    file = find(path, JSON_NAME, "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")
    if file.suffix == ".txt":
        return WordPiece.load(file)
    if file.suffix == ".model":
        return SentencePieceModel.load(file)
    content = read_json(file)
    if not is_tokenizer_json(content):  # a vocab.json: spellings and ids, nothing else
        return ByteLevelBPE.load(file)
    kind = model_type(content["model"])
    if kind not in _KINDS:
        raise ValueError(f"{file} is a {kind} tokenizer; known are {', '.join(_KINDS)}")
    return _KINDS[kind].load(file)
