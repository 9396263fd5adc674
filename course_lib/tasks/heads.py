"""A pre-trained model with the head of a task on it, and the one loss that all heads share."""

from typing import Literal

import torch
from torch import Tensor, nn

from course_lib.checks import check_generator, check_whole
from course_lib.config import TransformerConfig
from course_lib.model import SequenceClassifier, SpanHead, TokenClassifier, Transformer
from course_lib.model.masks import Mask
from course_lib.objectives import causal_loss
from course_lib.shapes import Float, Int

HeadKind = Literal["sequence", "tokens", "span"]
HEAD_KINDS: tuple[HeadKind, ...] = ("sequence", "tokens", "span")
_DEVIATION = 0.02


def make_head(
    config: TransformerConfig,
    kind: HeadKind,
    n_labels: int = 2,
    *,
    generator: torch.Generator,
) -> nn.Module:
    """Build a fresh head of the form that a family's published checkpoints have.

    Args:
        config: The model it will stand on.
        kind: `sequence` (one label for a text), `tokens` (one for each token) or `span` (where an
            answer starts and ends, which needs no labels).
        n_labels: How many labels there are; a span has none.
        generator: Draws the weights, with standard deviation 0.02; biases are 0.

    Returns:
        The head.

    Raises:
        TypeError: If the config is none, ``n_labels`` no whole number, or ``generator`` none.
        ValueError: If the kind is none, or there are less than two labels.

    Source: Devlin et al. 2019, section 4; Radford et al. 2018, section 3.2; Lewis et al. 2020,
    section 3.1.
    """
    if not isinstance(config, TransformerConfig):
        raise TypeError(f"config must be a TransformerConfig, got {config!r:.60}")
    [n_labels] = check_whole(n_labels=n_labels)
    check_generator(generator)
    if kind not in HEAD_KINDS:
        raise ValueError(f"kind={kind!r}: must be one of {', '.join(HEAD_KINDS)}")
    if kind != "span" and n_labels < 2:
        raise ValueError(f"n_labels must be at least 2, got {n_labels}")
    d_model, dropout = config.d_model, config.dropout
    head: nn.Module
    if kind == "sequence":
        reads_last = config.n_decoder_layers > 0
        head = SequenceClassifier(
            d_model,
            n_labels,
            last=reads_last,
            dense=config.n_encoder_layers > 0,
            bias=config.n_encoder_layers > 0,
            dropout=dropout,
        )
    elif kind == "tokens":
        head = TokenClassifier(d_model, n_labels, dropout=dropout)
    else:
        head = SpanHead(d_model)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, _DEVIATION, generator=generator)
            else:
                parameter.zero_()
    return head


class TaskModel(nn.Module):
    """A transformer of any family that answers with labels instead of words.

    Whatever the head, it gives questions with choices: one question a text for its label, one a
    token for theirs, and two for a span, whose choices are the places of the text.

    Args:
        model: The pre-trained model; all of it is tuned.
        head: From `make_head` or `course_lib.weights.load_head`.

    Raises:
        TypeError: If the model is no transformer, or the head none of a task.
    """

    def __init__(self, model: Transformer, head: nn.Module) -> None:
        super().__init__()
        if not isinstance(model, Transformer):
            raise TypeError(f"model must be a Transformer, got {type(model).__name__}")
        if not isinstance(head, SequenceClassifier | TokenClassifier | SpanHead):
            raise TypeError(f"head must be of a task, got {type(head).__name__}")
        self.model, self.head, self.config = model, head, model.config
        head.to(device=model.embedding.weight.device, dtype=model.embedding.weight.dtype)

    @property
    def kind(self) -> HeadKind:
        """What the head is for."""
        if isinstance(self.head, SequenceClassifier):
            return "sequence"
        return "tokens" if isinstance(self.head, TokenClassifier) else "span"

    @property
    def n_labels(self) -> int | None:
        """Choices of the head; None for a span, whose choices are places of the text."""
        last = getattr(self.head, "output", None)
        return last.out_features if isinstance(last, nn.Linear) and self.kind != "span" else None

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        keep: Mask[Tensor, "B T"] | None = None,
        source: Int[Tensor, "B S"] | None = None,
        source_keep: Mask[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B M N"]:
        """Score the choices.

        Args:
            tokens: The text; for an encoder-decoder, which reads it twice, the decoder's side.
            keep: True for real tokens; None means all are.
            source: The encoder's side of an encoder-decoder.
            source_keep: True for real tokens of it.

        Returns:
            Logits of N choices for each of M questions: M is 1 for `sequence`, T for `tokens`, and
            2 (first and last token) for `span`, where N is T.
        """
        hidden = self.hidden(tokens, keep=keep, source=source, source_keep=source_keep)
        if self.kind == "span":
            return torch.stack(self.head(hidden, keep), 1)  # (B, 2, T)
        if self.kind == "tokens":
            return self.head(hidden)
        return self.head(hidden, keep)[:, None]  # (B, 1, N)

    def hidden(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        keep: Mask[Tensor, "B T"] | None = None,
        source: Int[Tensor, "B S"] | None = None,
        source_keep: Mask[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Return the hidden states that the head reads: those of the last stack.

        Args:
            tokens: As in `forward`.
            keep: As in `forward`.
            source: As in `forward`.
            source_keep: As in `forward`.

        Raises:
            ValueError: If an encoder-decoder gets one side only.
        """
        if self.model.decoder is None:
            return self.model.encode(tokens, keep)
        if self.model.encoder is None:
            return self.model.decode(tokens, keep=keep)
        if source is None:
            raise ValueError("source=None: an encoder-decoder needs the encoder's side too")
        memory = self.model.encode(source, source_keep)
        return self.model.decode(tokens, memory, keep=keep, memory_keep=source_keep)


def task_loss(logits: Float[Tensor, "B M N"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Average the surprise at the right choices, in nats.

    The answers to a text's M questions stand at its first M places of `targets`; so the same loss
    serves every head, and is that of language modelling.

    Args:
        logits: What `TaskModel` returns.
        targets: Wanted choices, or `IGNORE`.
    """
    return causal_loss(logits, targets[:, : logits.shape[1]])
