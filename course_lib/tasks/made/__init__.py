"""Tasks made by rules: their best answer is known, and so is the text to pre-train on.

Each has unlabelled texts and labelled items. Few items are enough to learn what the labels mean,
and far too few to meet every word: what a model knows of the others it can only have from the
texts.
"""

from course_lib.tasks.made.task import MADE, MadeTask
from course_lib.tasks.made.tokenizer import made_tokenizer, vocabulary

__all__ = ["MADE", "MadeTask", "made_tokenizer", "vocabulary"]
