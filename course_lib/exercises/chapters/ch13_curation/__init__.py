"""The exercises of chapter 13: where they stand, and the section of the lecture they practise."""

CHAPTER = "13_self_supervision_curation"
SECTION = "LLM pre-training"
