"""The exercises of chapter 08: where they stand, and the section of the lecture they practise."""

CHAPTER = "08_detailed_architecture"
SECTION = "Detailed architecture"
