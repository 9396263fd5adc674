"""Chapter 03: what its exercises compute their keys from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.tokenizers import ByteLevelBPE


def shown_tokenizer() -> ByteLevelBPE:
    """Train the tokenizer that the page shows, in a quarter of a second."""
    from course_lib.data.corpora import pydoc_topics, split
    from course_lib.tokenizers import ByteLevelBPE

    return ByteLevelBPE.train(split(pydoc_topics())[0], 4096)


def held_out_text() -> str:
    """Give the texts that the shown tokenizer has not seen."""
    from course_lib.data.corpora import pydoc_topics, split

    return "\n".join(split(pydoc_topics())[1])
