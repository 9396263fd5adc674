"""Embedding: a vector for each token, and what a stack adds to it before its first block."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.checks import check_tokens
from course_lib.model.layers import make_norm
from course_lib.model.positions import make_positions
from course_lib.shapes import Float, Int


class Embedding(nn.Embedding):
    """The table of the tokens' vectors; the language modelling head may use it too.

    Where encoder and decoder share a vocabulary, they share this table.

    Args:
        config: Reads vocab_size, d_model, scale_embedding.

    Source: Vaswani et al. 2017, section 3.4: also the factor sqrt(D).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config.vocab_size, config.d_model)
        self.scale = math.sqrt(config.d_model) if config.scale_embedding else None

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        """Look the tokens up.

        Args:
            tokens: Token ids.

        Returns:
            Their vectors.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If they are not (B, T), or an id is not in the vocabulary.
        """
        tokens = check_tokens(tokens)
        if tokens.device.type != self.weight.device.type:  # "meta" would find nothing, and say so
            raise ValueError(f"tokens are on {tokens.device}, the model is on {self.weight.device}")
        try:
            x = super().forward(tokens)
        except IndexError:
            low, high = tokens.min().item(), tokens.max().item()
            raise ValueError(
                f"tokens run from {low} to {high}, vocab_size={self.num_embeddings}"
            ) from None
        return x if self.scale is None else x * self.scale


class Entrance(nn.Module):
    """What a stack does to the tokens' vectors before its first block: order, segments, norm.

    `Stack` is one; encoder and decoder each have their own.

    Args:
        config: Reads n_segments, embedding_norm, dropout and the scheme of order.
        bidirectional: Whether tokens see those that come after them.

    Source: order: Vaswani et al. 2017, section 3.5; segments: Devlin et al. 2019, section 3.2.
    """

    def __init__(self, config: TransformerConfig, *, bidirectional: bool) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.positions = make_positions(config, bidirectional=bidirectional)
        self.segments = (
            nn.Embedding(config.n_segments, config.d_model) if config.n_segments else None
        )
        self.embedding_norm = make_norm(config) if config.embedding_norm else None

    def enter(
        self,
        x: Float[Tensor, "B T D"],
        positions: Int[Tensor, "..."],
        segments: Int[Tensor, "B T"] | None,
    ) -> Float[Tensor, "B T D"]:
        """Add order and segments, and normalise where the model does.

        Args:
            x: The tokens' vectors.
            positions: Position of each token, " T" or "B T".
            segments: Segment of each token; None means segment 0.

        Returns:
            The stream as the first block gets it.

        Raises:
            ValueError: If segments are given to a model that has none, or one is not in its table.
        """
        order = self.positions.embed(positions)
        if order is not None:
            x = x + order.to(x.dtype)
        if self.segments is None:
            if segments is not None:
                raise ValueError("segments given, but n_segments=0: this model has no segments")
        else:
            x = x + (self.segments.weight[0] if segments is None else self._look_up(segments))
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        return F.dropout(x, self.dropout) if self.dropout and self.training else x

    def _look_up(self, segments: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        assert self.segments is not None
        try:
            return self.segments(segments)
        except IndexError:
            low, high, n = int(segments.min()), int(segments.max()), self.segments.num_embeddings
            raise ValueError(f"segments run from {low} to {high}, n_segments={n}") from None
