"""The exercises of chapter 17: where they stand, and the section of the lecture they practise."""

CHAPTER = "17_summary"
SECTION = "Summary"
