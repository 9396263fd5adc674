"""The exercises of chapter 07: where they stand, and the section of the lecture they practise."""

CHAPTER = "07_feed_forward_softmax"
SECTION = "Feed-forward network and softmax"
