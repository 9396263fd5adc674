"""The exercises of chapter 10: where they stand, and the section of the lecture they practise."""

CHAPTER = "10_prompt_engineering"
SECTION = "Prompt engineering: prompt, inference, completion"
