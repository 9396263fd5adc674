"""The exercises of chapter 02: where they stand, and the section of the lecture they practise."""

CHAPTER = "02_simplified_architecture"
SECTION = "Simplified architecture"
