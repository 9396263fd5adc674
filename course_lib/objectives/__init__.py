"""What a model is asked to predict: pure functions from token ids to inputs, targets and a loss."""

from course_lib.objectives.causal import causal_example, causal_loss, token_losses
from course_lib.objectives.denoising import (
    delete_tokens,
    denoising_example,
    infill,
    mask_tokens,
    permute_sentences,
    rotate,
)
from course_lib.objectives.example import IGNORE, Example
from course_lib.objectives.masked import masked_example
from course_lib.objectives.span_corruption import (
    Denoiser,
    join_spans,
    span_corruption_example,
    split_spans,
    ul2,
)

__all__ = [
    "IGNORE",
    "Denoiser",
    "Example",
    "causal_example",
    "causal_loss",
    "delete_tokens",
    "denoising_example",
    "infill",
    "join_spans",
    "mask_tokens",
    "masked_example",
    "permute_sentences",
    "rotate",
    "span_corruption_example",
    "split_spans",
    "token_losses",
    "ul2",
]
