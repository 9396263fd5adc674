"""How parameters start."""

import math

import torch
from torch import nn

from course_lib.config import TransformerConfig


def initialize(
    model: nn.Module, config: TransformerConfig, generator: torch.Generator | None = None
) -> None:
    """Draw all parameters from normal distributions; norms start at 1, biases at 0.

    Matrices that add to the stream start smaller, by the root of how many of them there are, so
    that the stream's size does not grow with depth.

    Args:
        model: A `Transformer`.
        config: Its config.
        generator: Source of randomness, on the device of the parameters; None uses torch's own.

    Source: Radford et al. 2019, section 2.3; unscaled scores and embeddings: Raffel et al. 2020,
        code.
    Chapter: 15_causal_language_modeling
    """
    std = 0.02
    depth = max(config.n_encoder_layers, config.n_decoder_layers)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(1.0)
            elif name.endswith(("attention.output.weight", "feed_forward.down.weight")):
                parameter.normal_(0.0, std / math.sqrt(2 * depth), generator=generator)
            else:
                parameter.normal_(0.0, std, generator=generator)
        for buffer in model.buffers():
            buffer.zero_()
