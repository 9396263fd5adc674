"""From text to integers and back: byte-level BPE, WordPiece and Unigram.

Each tokenizer trains on plain strings, keeps the promise that its saved file is the one the
ecosystem reads (`tokenizer.json`), and gives the same ids as the reference implementations.

Chapter: 03_tokenizer
"""

from os import PathLike

from course_lib.files import read_json
from course_lib.tokenizers.base import Tokenizer
from course_lib.tokenizers.byte_bpe import ByteLevelBPE
from course_lib.tokenizers.character_bpe import CharacterBPE
from course_lib.tokenizers.files.byte_bpe import is_byte_level
from course_lib.tokenizers.files.common import JSON_NAME, find, is_tokenizer_json, model_type
from course_lib.tokenizers.files.section import Unsupported
from course_lib.tokenizers.library import LibraryTokenizer
from course_lib.tokenizers.sentencepiece_model import SentencePieceModel
from course_lib.tokenizers.unigram import Unigram
from course_lib.tokenizers.wordpiece import WordPiece

__all__ = [
    "ByteLevelBPE",
    "CharacterBPE",
    "LibraryTokenizer",
    "SentencePieceModel",
    "Tokenizer",
    "Unigram",
    "WordPiece",
    "load_tokenizer",
]

_KINDS: dict[str, type[Tokenizer]] = {"WordPiece": WordPiece, "Unigram": Unigram}


def load_tokenizer(path: str | PathLike[str]) -> Tokenizer:
    """Read a tokenizer of whatever kind the files declare.

    Looked for, in this order: `tokenizer.json`, whose model section names its type; `vocab.json`
    with `merges.txt` (byte-level BPE); `vocab.txt` (WordPiece); `tokenizer.model` or `spiece.model`
    (SentencePiece). The name of the folder plays no part.

    What a file says is obeyed to the last key, by the classes here or, where they do not know a
    part of it, by the `tokenizers` package.

    Args:
        path: a folder, or one of these files.

    Returns:
        The tokenizer.

    Raises:
        FileNotFoundError: the folder has none of these files.
        ValueError: the file is broken, or says something that is not known here, and the
            `tokenizers` package is not installed or does not know it either.
    """
    file = find(path, JSON_NAME, "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")
    if file.suffix == ".txt":
        return WordPiece.load(file)
    if file.suffix == ".model":
        return SentencePieceModel.load(file)
    content = read_json(file)
    if file.name != JSON_NAME and not is_tokenizer_json(
        content
    ):  # a vocab.json: spellings and ids, nothing else
        return ByteLevelBPE.load(file)
    if not is_tokenizer_json(content):
        raise ValueError(f"{file} has no model with a vocabulary: not a tokenizer.json")
    kind = model_type(content["model"])
    if kind == "BPE":
        own: type[Tokenizer] = ByteLevelBPE if is_byte_level(content) else CharacterBPE
    else:
        own = _KINDS.get(kind, LibraryTokenizer)
    try:
        return own.load(file)
    except Unsupported as error:
        try:
            return LibraryTokenizer.load(file)
        except ModuleNotFoundError as missing:
            raise Unsupported(f"{error}; {missing}") from error
    except ModuleNotFoundError as missing:
        known = ", ".join(["BPE", *_KINDS])
        raise Unsupported(f"{file} is a {kind} tokenizer; known are {known}; {missing}") from None
