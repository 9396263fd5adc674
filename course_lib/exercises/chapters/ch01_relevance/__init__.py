"""The exercises of chapter 01: where they stand, and the section of the lecture they practise."""

CHAPTER = "01_relevance"
SECTION = "What a transformer learns: relevance of each word to each other word"
