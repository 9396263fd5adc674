"""The transformer: one block, three families, every scheme of order.

The function `attention` is not among the names here, for its module has the same one.
"""

from course_lib.model.attention import Attention, CrossAttention, View, attention_weights
from course_lib.model.block import Block, Stack
from course_lib.model.cache import KVCache, LayerCache
from course_lib.model.embedding import Embedding
from course_lib.model.heads import (
    LanguageModelHead,
    NextSentenceHead,
    Pooler,
    SequenceClassifier,
    SpanHead,
    TokenClassifier,
)
from course_lib.model.init import initialize
from course_lib.model.layers import FeedForward, GatedFeedForward, RMSNorm
from course_lib.model.masks import as_keep, causal_mask, padding_mask
from course_lib.model.originals import is_original, replaced_definitions
from course_lib.model.positions import (
    ALiBi,
    Learned,
    Positions,
    Relative,
    Rotary,
    Sinusoidal,
    make_positions,
)
from course_lib.model.transformer import AttentionMaps, AttentionRecord, Transformer

__all__ = [
    "ALiBi",
    "Attention",
    "AttentionMaps",
    "AttentionRecord",
    "Block",
    "CrossAttention",
    "Embedding",
    "FeedForward",
    "GatedFeedForward",
    "KVCache",
    "LanguageModelHead",
    "LayerCache",
    "Learned",
    "NextSentenceHead",
    "Pooler",
    "Positions",
    "RMSNorm",
    "Relative",
    "Rotary",
    "SequenceClassifier",
    "Sinusoidal",
    "SpanHead",
    "Stack",
    "TokenClassifier",
    "Transformer",
    "View",
    "as_keep",
    "attention_weights",
    "causal_mask",
    "initialize",
    "is_original",
    "make_positions",
    "padding_mask",
    "replaced_definitions",
]
