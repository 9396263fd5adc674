"""Generation: from next-token logits to text."""

from course_lib.generation.beam import Beams, beam_search
from course_lib.generation.penalties import (
    chain,
    frequency_penalty,
    min_new_tokens,
    no_repeat_ngram,
    presence_penalty,
    repetition_penalty,
)
from course_lib.generation.processors import (
    History,
    Processor,
    min_p,
    probabilities,
    process,
    temperature,
    top_k,
    top_p,
    typical_p,
)
from course_lib.generation.sample import Drawn, Generation, Steps, generate
from course_lib.generation.speculative import LookupDraft, ModelDraft, Speculation, speculate
from course_lib.generation.stream import StopStrings, Unrolled, stream

__all__ = [
    "LookupDraft",
    "ModelDraft",
    "Speculation",
    "speculate",
    "Beams",
    "StopStrings",
    "Unrolled",
    "beam_search",
    "stream",
    "History",
    "Processor",
    "Drawn",
    "Generation",
    "Steps",
    "chain",
    "frequency_penalty",
    "generate",
    "min_new_tokens",
    "min_p",
    "no_repeat_ngram",
    "presence_penalty",
    "probabilities",
    "process",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
]
