"""The exercises of chapter 20: where they stand, and the section of the lecture they practise."""

CHAPTER = "20_capstone"
SECTION = "Generative AI Lifecycle"
