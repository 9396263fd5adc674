"""Chapter 02: what its exercises compute their keys from."""

from __future__ import annotations

import numpy as np

LAYERS, HEADS, SOURCE, TARGET = 2, 4, 7, 8


def attend_plainly(queries: np.ndarray, keys: np.ndarray, causal: bool = False) -> np.ndarray:
    """Attend without any learned matrices: add to each query a mixture of what it may see."""
    scores = queries @ keys.T
    if causal:
        scores = np.where(np.tri(len(queries), len(keys), dtype=bool), scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(queries + powers / powers.sum(axis=1, keepdims=True) @ keys)


def through_encoder(source: np.ndarray) -> np.ndarray:
    """Run an encoder of one layer."""
    return attend_plainly(source, source)
