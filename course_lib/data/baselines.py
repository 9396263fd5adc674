"""What can be predicted without a transformer: from counts of the last few tokens.

A model is only interesting where it beats such tables on the same held-out tokens, so they are
smoothed well.

Chapter: 01_relevance
"""

import math

import torch
from torch import Tensor

from course_lib.checks import check_ids, check_numbers, check_whole
from course_lib.objectives.example import IGNORE
from course_lib.shapes import Float, Int


class NGram:
    """Probabilities of the next token from counts: a table, nothing learned by gradients.

    The unigram gives every token its share of the training text, one count added to each so that
    none is impossible. A longer table takes ``discount`` off the count of each run of tokens and
    gives what it gained to the table that reads one token less. That one does not ask how often a
    run occurred, but after how many different tokens.

    Args:
        rows: Training rows as ``course_lib.data.pack`` makes them.
        vocab_size: V.
        order: Tokens in a run, the predicted one included: 1 (unigram), 2 (bigram), ...

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the order is below 1 or V ** order is no 64-bit number, or an id does not
            fit the vocabulary.

    Source: Kneser and Ney 1995, "Improved Backing-off for M-gram Language Modeling"; interpolated,
    with discount n1 / (n1 + 2 n2), as in Chen and Goodman 1999, "An Empirical Study of Smoothing
    Techniques for Language Modeling" (whose three discounts for each order are a little better);
    one is added to each count of the last fallback, so that a token never seen is not impossible.
    """

    def __init__(self, rows: Int[Tensor, "N M"], vocab_size: int, order: int) -> None:
        check_ids("rows", rows, "N M")
        [vocab_size, order] = check_whole(vocab_size=vocab_size, order=order)
        if order < 1 or vocab_size**order >= 2**63:
            raise ValueError(
                f"order must be at least 1 and vocab_size ** order below 2 ** 63, got order "
                f"{order} and vocab_size {vocab_size}"
            )
        if not len(rows):
            raise ValueError("rows must be at least 1, got 0")
        self.vocab_size = vocab_size
        self._check_known(rows)
        self.order = order
        if not int(self._runs(rows, order, short=True)[1].numel()):
            raise ValueError("rows must hold a target: two ids of a row, one after the other")
        raw = [self._runs(rows, length)[0] for length in range(1, order + 1)]
        # A run of the longest kind is counted as often as it occurs, a shorter one once for each
        # token that stands before it somewhere.
        followed = [run.unique() % vocab_size ** (n + 1) for n, run in enumerate(raw[1:])]
        self._tables = [_Table(run, vocab_size) for run in [*followed, raw[-1]]]

    @property
    def discount(self) -> float:
        """What is taken off each count of the longest runs."""
        return self._tables[-1].discount

    @property
    def log_probabilities(self) -> Float[Tensor, "C V"]:
        """The whole table of a unigram (1, V) or a bigram (V, V), a row for each token before."""
        if self.order > 2:
            raise ValueError(f"a table of order {self.order} is too large to be written out whole")
        n_before = self.vocab_size ** (self.order - 1)
        runs = torch.arange(n_before * self.vocab_size)
        return self._probabilities(runs, torch.full_like(runs, self.order)).log().view(n_before, -1)

    def token_losses(self, rows: Int[Tensor, "N M"]) -> Float[Tensor, " P"]:
        """Give the surprise of every counting target of some rows, in nats.

        Args:
            rows: Rows to measure on. The first tokens of a row are predicted from what there is.

        Returns:
            ``-log p(target | the order - 1 tokens before)``, in order.

        Raises:
            TypeError: If rows are no tensor of integers.
            ValueError: If they have not two dimensions, or an id does not fit the vocabulary.
        """
        check_ids("rows", rows, "N M")
        self._check_known(rows)
        runs, lengths = self._runs(rows, self.order, short=True)
        return -self._probabilities(runs, lengths).log()

    def evaluate(self, rows: Int[Tensor, "N M"]) -> float:
        """Give the mean surprise over the targets that ``course_lib.training.evaluate`` counts.

        Args:
            rows: Held-out rows.

        Returns:
            Nats a token.

        Raises:
            TypeError: If rows are no tensor of integers.
            ValueError: As `token_losses`, or if no target counts.
        """
        losses = self.token_losses(rows)
        if not len(losses):
            raise ValueError("rows must hold a target: two ids of a row, one after the other")
        return float(losses.mean())

    def _check_known(self, rows: Int[Tensor, "N M"]) -> None:
        known = (rows == IGNORE) | ((rows >= 0) & (rows < self.vocab_size))
        if not bool(known.all()):
            odd = int(rows[~known][0])
            raise ValueError(f"rows hold id {odd}, vocab_size is {self.vocab_size}")

    def _runs(
        self, rows: Int[Tensor, "N M"], length: int, short: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Write each run that ends in a counting target as one number, and say how long it is.

        With ``short``, runs that begin before their row are given as far as they go.
        """
        runs, lengths = rows.clone().long(), torch.ones_like(rows)
        for back in range(1, length):
            runs[:, back:] += rows[:, :-back] * self.vocab_size**back
            lengths[:, back:] += 1
        counting = (rows != IGNORE) & (lengths >= (1 if short else length))
        counting[:, 0] = False  # the first token of a row is no target
        return runs[counting], lengths[counting]

    def _probabilities(self, runs: Tensor, lengths: Tensor) -> Float[Tensor, " P"]:
        first = self._tables[0]
        counts = first.count(runs % self.vocab_size) + 1.0
        p = counts / (first.n_runs + self.vocab_size)
        for n, table in enumerate(self._tables[1:], start=2):
            p = torch.where(lengths >= n, table.mix(runs % self.vocab_size**n, p), p)
        return p


class _Table:
    """Counts of runs of one length, kept sorted."""

    def __init__(self, runs: Tensor, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self.runs, self.counts = runs.unique(return_counts=True)
        self.before, place = (self.runs // vocab_size).unique(return_inverse=True)
        self.totals = torch.zeros(len(self.before), dtype=torch.double)
        self.totals.index_add_(0, place, self.counts.double())
        self.kinds = torch.bincount(place, minlength=len(self.before)).double()
        self.n_runs = len(runs)
        once, twice = int((self.counts == 1).sum()), int((self.counts == 2).sum())
        self.discount = once / (once + 2 * twice) if once else 0.5

    def count(self, runs: Tensor) -> Tensor:
        """Say how often each run occurred."""
        place, known = _find(self.runs, runs)
        return torch.where(known, self.counts[place], 0).double()

    def mix(self, runs: Tensor, fallback: Tensor) -> Tensor:
        """Interpolate the shares of this table with those of the one that reads a token less."""
        place, known = _find(self.before, runs // self.vocab_size)
        seen = (self.count(runs) - self.discount).clamp(min=0)
        spared = self.discount * self.kinds[place]
        return torch.where(known, (seen + spared * fallback) / self.totals[place], fallback)


def _find(sorted_values: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    place = torch.searchsorted(sorted_values, wanted).clamp(max=len(sorted_values) - 1)
    return place, sorted_values[place] == wanted


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
        TypeError: If the loss is no number, or a count no whole number.
        ValueError: If a count is not positive.
    """
    [nats_per_token] = check_numbers(nats_per_token=nats_per_token)
    [n_tokens, n_bytes] = check_whole(n_tokens=n_tokens, n_bytes=n_bytes)
    if n_tokens < 1 or n_bytes < 1:
        raise ValueError(
            f"n_tokens and n_bytes must be at least 1, got n_tokens {n_tokens}, n_bytes {n_bytes}"
        )
    return nats_per_token * n_tokens / n_bytes / math.log(2)
