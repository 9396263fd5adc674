"""The exercises of chapter 09: where they stand, and the section of the lecture they practise."""

CHAPTER = "09_transformer_models"
SECTION = "Transformer models"
