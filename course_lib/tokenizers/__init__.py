"""From text to integers and back: byte-level BPE, WordPiece and Unigram.

Each tokenizer trains on plain strings, keeps the promise that its saved file is the one the
ecosystem reads (`tokenizer.json`), and gives the same ids as the reference implementations.

Chapter: 03_tokenizer
"""

from course_lib.tokenizers.base import Tokenizer
from course_lib.tokenizers.byte_bpe import ByteLevelBPE
from course_lib.tokenizers.wordpiece import WordPiece

__all__ = ["ByteLevelBPE", "Tokenizer", "WordPiece"]
