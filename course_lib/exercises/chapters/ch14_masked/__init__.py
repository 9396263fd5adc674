"""The exercises of chapter 14: where they stand, and the section of the lecture they practise."""

CHAPTER = "14_masked_language_modeling"
SECTION = "Encoder-only model"
