"""The exercises of chapter 04: where they stand, and the section of the lecture they practise."""

CHAPTER = "04_embedding"
SECTION = "Embedding"
