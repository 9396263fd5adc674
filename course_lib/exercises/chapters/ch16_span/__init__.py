"""The exercises of chapter 16: where they stand, and the section of the lecture they practise."""

CHAPTER = "16_span_corruption"
SECTION = "Encoder-Decoder model"
