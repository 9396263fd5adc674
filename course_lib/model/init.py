"""How parameters start."""

import math

import torch
from torch import nn

from course_lib.config import TransformerConfig


def initialize(
    model: nn.Module, config: TransformerConfig, generator: torch.Generator | None = None
) -> None:
    """Draw all parameters from normal distributions; norms start at 1, biases at 0.

    Matrices have a spread of 0.02. Those that add to the stream start smaller, by the root of
    twice the depth, so that the stream's size does not grow with depth.

    A model that does not divide its scores by sqrt(K) starts otherwise, so that scores are of
    size 1 all the same: each matrix by the root of its number of inputs, and queries by another
    sqrt(K). The embedding then has a spread of 1, or of 1 / sqrt(D) where it is also the matrix of
    a head that scales nothing.

    Args:
        model: A `Transformer`.
        config: Its config.
        generator: Source of randomness, on the device of the parameters; None uses torch's own.

    Source: Radford et al. 2019, section 2.3; unscaled scores: the code of Raffel et al. 2020, with
        a head of its own like any other matrix.
    """
    spread = _by_depth if config.scale_scores else _by_inputs
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                std = spread(name, parameter.shape[1], config)
                parameter.normal_(0.0, std, generator=generator)
                if not config.scale_scores and name.endswith((".qkv.weight", ".query.weight")):
                    parameter[: config.n_heads * config.head_dim] *= config.head_dim**-0.5
        for buffer in model.buffers():
            buffer.zero_()


def _by_depth(name: str, n_inputs: int, config: TransformerConfig) -> float:
    if name.endswith(("attention.output.weight", "feed_forward.down.weight")):
        return 0.02 / math.sqrt(2 * max(config.n_encoder_layers, config.n_decoder_layers))
    return 0.02


def _by_inputs(name: str, n_inputs: int, config: TransformerConfig) -> float:
    if name == "embedding.weight" and (config.scale_head or not config.tie_embeddings):
        return 1.0
    if name.endswith("positions.table.weight"):
        return config.d_model**-0.5
    return n_inputs**-0.5
