"""The exercises of chapter 05: where they stand, and the section of the lecture they practise."""

CHAPTER = "05_positions"
SECTION = "Positional encoding"
