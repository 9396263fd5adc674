"""Generation: from next-token logits to text."""

from typing import Any

from course_lib.generation.beam import Beams, beam_search
from course_lib.generation.chain import PastTokens, Processor, probabilities, process
from course_lib.generation.constraints import (
    allow_only,
    bias_words,
    exclude_words,
    force_first,
    force_last,
)
from course_lib.generation.cutoffs import epsilon_cutoff, eta_cutoff
from course_lib.generation.loop import Drawn, Generation, each_token, generate
from course_lib.generation.penalties import (
    frequency_penalty,
    min_new_tokens,
    no_repeat_ngram,
    presence_penalty,
    repetition_penalty,
)
from course_lib.generation.processors import min_p, temperature, top_k, top_p, typical_p
from course_lib.generation.recipe import recipe
from course_lib.generation.speculative import LookupDraft, ModelDraft, Speculation, speculate
from course_lib.generation.stream import Detokenizer, StopStrings, stream

__all__ = [
    "Beams",
    "Detokenizer",
    "Drawn",
    "Generation",
    "LookupDraft",
    "ModelDraft",
    "PastTokens",
    "Processor",
    "Speculation",
    "StopStrings",
    "allow_only",
    "beam_search",
    "bias_words",
    "each_token",
    "epsilon_cutoff",
    "eta_cutoff",
    "exclude_words",
    "force_first",
    "force_last",
    "frequency_penalty",
    "generate",
    "min_new_tokens",
    "min_p",
    "no_repeat_ngram",
    "presence_penalty",
    "probabilities",
    "process",
    "recipe",
    "repetition_penalty",
    "speculate",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
]

_RENAMED = {
    "History": "PastTokens",
    "Steps": "each_token",
    "Unrolled": "Detokenizer",
}


def __getattr__(name: str) -> Any:
    if name in _RENAMED:  # an ImportError, since `from ... import` hides what other errors say
        raise ImportError(f"course_lib.generation.{name} is now {_RENAMED[name]}")
    raise AttributeError(f"module 'course_lib.generation' has no attribute {name!r}")
