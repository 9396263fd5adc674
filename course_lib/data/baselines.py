"""What can be predicted without a transformer: from no context, or from one token back.

A model is only interesting where it beats them on the same held-out tokens, so they are made as
good as their kind allows.

Chapter: 01_relevance
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.objectives.example import IGNORE


class NGram:
    """Probabilities of the next token from counts: a table, nothing learned by gradients.

    The unigram gives every token its share of the training text, one count added to each so that
    none is impossible. The bigram takes ``discount`` off each pair's count and gives what it gained
    to a distribution that asks how many different tokens each one has followed.

    Args:
        rows: Training rows as ``course_lib.data.pack`` makes them.
        vocab_size: V.
        order: 1 (unigram) or 2 (bigram).

    Raises:
        ValueError: If the order is neither, or an id does not fit the vocabulary.

    Source: Kneser and Ney 1995, "Improved Backing-off for M-gram Language Modeling"; interpolated,
    with discount n1 / (n1 + 2 n2), as in Chen and Goodman 1999, "An Empirical Study of Smoothing
    Techniques for Language Modeling"; one is added to each count of the fallback, so that a token
    never seen is not impossible.
    """

    def __init__(self, rows: Int[Tensor, "N M"], vocab_size: int, order: int) -> None:
        if order not in (1, 2):
            raise ValueError(f"order must be 1 (unigram) or 2 (bigram), got {order}")
        before, after = _pairs(rows)
        top = int(torch.cat([before, after]).max())
        if top >= vocab_size:
            raise ValueError(f"rows hold id {top}, vocab_size is {vocab_size}")
        self.vocab_size = vocab_size
        self.order = order
        if order == 1:
            counts = torch.bincount(after, minlength=vocab_size).double() + 1
            self.log_probabilities = (counts / counts.sum()).log()[None]  # (1, V)
            return
        pairs = torch.bincount(before * vocab_size + after, minlength=vocab_size**2)
        counts = pairs.view(vocab_size, vocab_size).double()  # (V, V)
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        self.discount = once / (once + 2 * twice) if once else 0.5
        followed = (counts > 0).sum(0) + 1.0  # how many different tokens came before each
        fallback = followed / followed.sum()
        total = counts.sum(1, keepdim=True)
        spared = self.discount * (counts > 0).sum(1, keepdim=True)
        seen = ((counts - self.discount).clamp(min=0) + spared * fallback) / total.clamp(min=1)
        self.log_probabilities = torch.where(total > 0, seen, fallback).log()  # (V, V)

    def token_losses(self, rows: Int[Tensor, "N M"]) -> Float[Tensor, " P"]:
        """Give the surprise of every counting target of some rows, in nats.

        Args:
            rows: Rows to measure on.

        Returns:
            ``-log p(target | the token before)``, in order.
        """
        before, after = _pairs(rows)
        given = before if self.order == 2 else torch.zeros_like(before)
        return -self.log_probabilities[given, after]

    def evaluate(self, rows: Int[Tensor, "N M"]) -> float:
        """Give the mean surprise over the targets that ``course_lib.training.evaluate`` counts.

        Args:
            rows: Held-out rows.

        Returns:
            Nats a token.
        """
        return float(self.token_losses(rows).mean())


def bits_per_byte(nats_per_token: float, n_tokens: int, n_bytes: int) -> float:
    """Turn a loss into a number that does not depend on the tokenizer.

    A tokenizer with longer tokens has fewer, harder predictions to make: nats a token of two
    tokenizers cannot be compared, bits a byte of the same text can.

    Args:
        nats_per_token: Mean loss.
        n_tokens: Tokens it is the mean of.
        n_bytes: UTF-8 bytes of the text they stand for.

    Returns:
        Bits a byte.

    Raises:
        ValueError: If a count is not positive.
    """
    if n_tokens < 1 or n_bytes < 1:
        raise ValueError(
            f"n_tokens and n_bytes must be at least 1, got n_tokens {n_tokens}, n_bytes {n_bytes}"
        )
    return nats_per_token * n_tokens / n_bytes / math.log(2)


def _pairs(rows: Tensor) -> tuple[Tensor, Tensor]:
    """List every (token, next token) in which the next one counts."""
    before, after = rows[:, :-1].reshape(-1), rows[:, 1:].reshape(-1)
    counting = after != IGNORE
    return before[counting], after[counting]
