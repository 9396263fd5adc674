"""The exercises of chapter 15: where they stand, and the section of the lecture they practise."""

CHAPTER = "15_causal_language_modeling"
SECTION = "LLM pre-training"
