"""The exercises of chapter 06: where they stand, and the section of the lecture they practise."""

CHAPTER = "06_attention"
