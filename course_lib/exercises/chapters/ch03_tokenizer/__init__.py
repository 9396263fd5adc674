"""The exercises of chapter 03: where they stand, and the section of the lecture they practise."""

CHAPTER = "03_tokenizer"
SECTION = "Tokenizer"
