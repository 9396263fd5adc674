"""What the exercises of several chapters compute their keys from."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.code.draw import Array


def softmax(logits: Array) -> Array:
    """Turn logits into probabilities along the last axis, whatever their size."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attention_parameters(width: int, heads: int) -> int:
    """Count the weights of attention, without biases: query, key, value and output matrices."""
    size = width // heads
    per_head = 3 * width * size
    output = heads * size * width
    return heads * per_head + output


def feed_forward_parameters(width: int, factor: int) -> int:
    """Count the weights of a feed-forward block without biases: up and down again."""
    return width * factor * width + factor * width * width


def share_of_block(width: int) -> float:
    """Give the feed-forward block's share of the weights of attention and feed-forward."""
    feed_forward = feed_forward_parameters(width, 4)
    return feed_forward / (feed_forward + attention_parameters(width, 12))
