"""Chapter 03: what its exercises compute their keys from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.tokenizers import ByteLevelBPE

# What ByteLevelBPE.train(split(pydoc_topics())[0], 4096) learns, saved: a check must not train.
SHOWN = Path(__file__).with_name("shown_tokenizer.json")


@functools.cache
def shown_tokenizer() -> ByteLevelBPE:
    """Load the tokenizer that the page trains; a test holds the two equal."""
    from course_lib.tokenizers import ByteLevelBPE

    return ByteLevelBPE.load(SHOWN)


def held_out_text() -> str:
    """Give the texts that the shown tokenizer has not seen."""
    from course_lib.data.corpora import pydoc_topics, split

    return "\n".join(split(pydoc_topics())[1])
