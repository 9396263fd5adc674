"""Heads: what turns hidden states into the answer a task needs.

Chapter: 07_feed_forward_softmax
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_numbers, check_sizes
from course_lib.config import TransformerConfig
from course_lib.model.layers import ACTIVATIONS, make_norm
from course_lib.model.masks import Mask, as_keep
from course_lib.shapes import Float


def check_dropout(dropout: float) -> float:
    """Return a share that may be dropped.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is not from 0 to 1.
    """
    [dropout] = check_numbers(dropout=dropout)
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout must be from 0 to 1, got {dropout}")
    return dropout


class HeadTransform(nn.Module):
    """The dense layer, activation and norm that masked language models put before the matrix.

    Args:
        config: Reads d_model, bias, activation and the norm.

    Source: Devlin et al. 2019, code.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model, bias=config.bias)
        self.activate = ACTIVATIONS[config.activation]
        self.norm = make_norm(config)

    def forward(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Transform each hidden state on its own."""
        return self.norm(self.activate(self.dense(hidden)))


class LanguageModelHead(nn.Module):
    """Score every word of the vocabulary by how well its vector fits the hidden state.

    A tied head owns no matrix: it is given the embedding table, so that the table exists once.

    Args:
        config: Reads tie_embeddings, head_transform, head_bias, scale_head.

    Source: Press and Wolf 2017 (tying); Raffel et al. 2020, code (scaling).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.scale = config.d_model**-0.5 if config.scale_head else None
        self.transform = HeadTransform(config) if config.head_transform else None
        self.weight: nn.Parameter | None = None
        if not config.tie_embeddings:
            self.weight = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        self.bias: Tensor | None
        if config.head_bias == "learned":
            self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        else:
            fixed = torch.zeros(config.vocab_size) if config.head_bias == "fixed" else None
            self.register_buffer("bias", fixed)

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


class Pooler(nn.Module):
    """One vector for a whole text: tanh of a dense layer on the first token's hidden state.

    Args:
        d_model: Width, D.

    Source: Devlin et al. 2019, section 3.1 and code.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        check_sizes(d_model=d_model)
        self.dense = nn.Linear(d_model, d_model)

    def forward(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B D"]:
        """Pool the first slot."""
        return torch.tanh(self.dense(hidden[:, 0]))


class NextSentenceHead(nn.Module):
    """Does the second segment follow the first? Logit 0 says yes, logit 1 says it is random.

    Args:
        d_model: Width, D.

    Source: Devlin et al. 2019, section 3.1.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        check_sizes(d_model=d_model)
        self.output = nn.Linear(d_model, 2)

    def forward(self, pooled: Float[Tensor, "B D"]) -> Float[Tensor, "B 2"]:
        """Score both answers.

        Args:
            pooled: Output of `Pooler`.

        Returns:
            Logits of "follows" and "random".
        """
        return self.output(pooled)


class SequenceClassifier(nn.Module):
    """One label for a whole text, read from one of its hidden states.

    An encoder reads the first token. A decoder reads the last real one, the only token that has
    seen all the others; so does the decoder of an encoder-decoder, which reads the text again.

    Args:
        d_model: Width, D.
        n_labels: How many labels there are.
        last: Whether to read the last real token; if not, the first.
        dense: Whether tanh of a dense layer comes before the labels, as in BERT and BART; GPT-2
            and LLaMA have none.
        bias: Whether the labels have a bias.
        dropout: Probability of dropping an element before each layer, in training.

    Source: Devlin et al. 2019, section 4.1; Radford et al. 2018, section 3.2; Lewis et al. 2020,
    section 3.1.
    """

    def __init__(
        self,
        d_model: int,
        n_labels: int,
        *,
        last: bool = False,
        dense: bool = True,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes(d_model=d_model, n_labels=n_labels)
        self.last = last
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.dense = nn.Linear(d_model, d_model) if dense else None
        self.output = nn.Linear(d_model, n_labels, bias=bias)

    def forward(
        self, hidden: Float[Tensor, "B T D"], keep: Mask[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B N"]:
        """Score the labels.

        Args:
            hidden: Output of the last stack.
            keep: True for real tokens; None means all are. Only `last` needs it.

        Returns:
            One score for each label.
        """
        B, T, _ = hidden.shape
        keep = as_keep(keep)
        if not self.last:
            read = hidden[:, 0]
        elif keep is None:
            read = hidden[:, -1]
        else:
            slots = torch.arange(T, device=hidden.device)
            read = hidden[torch.arange(B, device=hidden.device), (slots * keep).argmax(-1)]
        if self.dense is not None:
            read = torch.tanh(self.dense(self.dropout(read)))
        return self.output(self.dropout(read))


class TokenClassifier(nn.Module):
    """One label for each token: names, parts of speech.

    Args:
        d_model: Width, D.
        n_labels: How many labels there are.
        dropout: Probability of dropping an element of the hidden state, in training.

    Source: Devlin et al. 2019, section 5.3.
    """

    def __init__(self, d_model: int, n_labels: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        check_sizes(d_model=d_model, n_labels=n_labels)
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.output = nn.Linear(d_model, n_labels)

    def forward(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B T N"]:
        """Score the labels of each token."""
        return self.output(self.dropout(hidden))


class SpanHead(nn.Module):
    """Where an answer starts and where it ends in the text.

    Args:
        d_model: Width, D.

    Source: Devlin et al. 2019, section 4.2.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        check_sizes(d_model=d_model)
        self.output = nn.Linear(d_model, 2)

    def forward(
        self, hidden: Float[Tensor, "B T D"], keep: Mask[Tensor, "B T"] | None = None
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Score each token as the first and as the last of the answer.

        Args:
            hidden: Output of the last stack.
            keep: True where an answer may lie; elsewhere scores are minus infinity.

        Returns:
            Start scores and end scores.
        """
        keep = as_keep(keep)
        scores = self.output(hidden)  # (B, T, 2)
        if keep is not None:
            scores = scores.masked_fill(~keep[..., None], float("-inf"))
        start, end = scores.unbind(-1)
        return start, end
