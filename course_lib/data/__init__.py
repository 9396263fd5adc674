"""Text to train on: where it comes from, how it is held out, and how it becomes rows of ids."""

from course_lib.data.corpora import (
    digest,
    pydoc_topics,
    read_text_files,
    split,
    stdlib_docstrings,
)
from course_lib.data.packing import Batches, batches, one_per_row, pack

__all__ = [
    "Batches",
    "batches",
    "digest",
    "one_per_row",
    "pack",
    "pydoc_topics",
    "read_text_files",
    "split",
    "stdlib_docstrings",
]
