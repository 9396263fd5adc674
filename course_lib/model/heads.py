"""Heads: what turns hidden states into the answer a task needs."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.layers import make_activation, make_norm


class HeadTransform(nn.Module):
    """The dense layer, activation and norm that masked language models put before the matrix.

    Args:
        config: Reads d_model, bias, activation and the norm.

    Source: Devlin et al. 2019, code.
    Chapter: 14_masked_language_modeling
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model, bias=config.bias)
        self.activation = make_activation(config.activation)
        self.norm = make_norm(config)

    def forward(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Transform each hidden state on its own."""
        return self.norm(self.activation(self.dense(hidden)))


class LanguageModelHead(nn.Module):
    """Score every word of the vocabulary by how well its vector fits the hidden state.

    A tied head owns no matrix: it is given the embedding table, so that the table exists once.

    Args:
        config: Reads tie_embeddings, head_transform, head_bias, scale_head.

    Source: Press and Wolf 2017 (tying); Raffel et al. 2020, code (scaling).
    Chapter: 07_feed_forward_softmax
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.scale = config.d_model**-0.5 if config.scale_head else None
        self.transform = HeadTransform(config) if config.head_transform else None
        self.weight: nn.Parameter | None = None
        if not config.tie_embeddings:
            self.weight = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        self.bias: Tensor | None = None
        if config.head_bias == "learned":
            self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        elif config.head_bias == "fixed":
            self.register_buffer("bias", torch.zeros(config.vocab_size))

    def forward(
        self, hidden: Float[Tensor, "B T D"], embedding: Float[Tensor, "V D"]
    ) -> Float[Tensor, "B T V"]:
        """Return the logits.

        Args:
            hidden: Output of the last stack.
            embedding: The embedding table, used if the head is tied to it.

        Returns:
            One score for each word of the vocabulary.
        """
        if self.transform is not None:
            hidden = self.transform(hidden)
        if self.scale is not None:
            hidden = hidden * self.scale
        return F.linear(hidden, embedding if self.weight is None else self.weight, self.bias)
