"""The exercises of chapter 12: where they stand, and the section of the lecture they practise."""

CHAPTER = "12_generative_ai_lifecycle"
SECTION = "Generative AI Lifecycle"
